"""What the package offers by name."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import clacks_events
from clacks_events import errors
from clacks_events.cli import COMMANDS
from clacks_events.transport import TRANSPORTS

ROOT = Path(__file__).parents[1]


def test_all_public_names_exist_once() -> None:
    assert len(clacks_events.__all__) == len(set(clacks_events.__all__))
    for name in clacks_events.__all__:
        assert getattr(clacks_events, name) is not None


def test_every_error_is_public() -> None:
    assert set(errors.__all__) <= set(clacks_events.__all__)


def test_the_error_tree_in_the_documentation_is_the_real_one() -> None:
    drawn = set(re.findall(r"[├└]─ (\w+)", errors.__doc__ or "")) | {"ClacksError"}
    assert drawn == set(errors.__all__)


def test_every_table_entry_leads_somewhere() -> None:
    for target in TRANSPORTS.values():
        module, _, name = target.partition(":")
        assert callable(getattr(import_module(module), name))
    for verb in COMMANDS:
        module_of_verb = import_module(f"clacks_events.cli.{verb}")
        assert callable(module_of_verb.run)
        assert callable(module_of_verb.add_arguments)


def test_no_file_is_too_long_to_read() -> None:
    long = {
        path.name: lines
        for path in (ROOT / "clacks_events").rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 400
    }
    assert long == {}
