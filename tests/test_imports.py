"""What an import of the package may load."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = "amqp elementpath http.client kombu urllib.request watchfiles xmlschema zmq"

ASKED = """
import sys
{}
print(*(name for name in {!r}.split() if name in sys.modules))
"""


def loaded_by(code: str, modules: str = HEAVY) -> set[str]:
    """Run code in a fresh interpreter and return which of the modules it loads."""
    command = [sys.executable, "-c", ASKED.format(code, modules)]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return set(found.stdout.split())


def test_the_package_loads_nothing_heavy() -> None:
    assert loaded_by("import clacks_events") == set()


@pytest.mark.parametrize(
    "code",
    [
        "from clacks_events import *; Catalog().validate(EventMaker().ClientPoll())",
        "from clacks_events import Event; Event.from_xml('<a/>').payload",
        "from clacks_events import EventMaker; EventMaker().T(1)",
        "from clacks_events.config import parse_url; parse_url('amqp://host')",
    ],
)
def test_everyday_use_loads_nothing_heavy(code: str) -> None:
    assert loaded_by(code) == set()


def test_a_bus_in_memory_loads_no_amqp() -> None:
    code = "from clacks_events import connect; connect('memory://').close()"
    assert loaded_by(code, "amqp kombu") == set()
    assert loaded_by("import clacks_events.transport.amqp", "amqp kombu") == {"amqp", "kombu"}
