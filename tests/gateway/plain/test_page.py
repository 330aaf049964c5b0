"""docs/http.md: what is printed there is what curl prints."""

from __future__ import annotations

import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from tests.gateway.site import Site
from tests.test_docs import assert_like, blocks

PAGE = Path(__file__).parents[3] / "docs" / "http.md"
ADDRESS = "http://127.0.0.1:8080"
FOUND = blocks(PAGE)
COMMANDS = [pair for pair in pairwise(FOUND) if pair[0].language == "sh"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
@pytest.mark.parametrize("number", range(len(COMMANDS)))
def test_commands_print_what_is_below(site: Site, number: int) -> None:
    command, output = COMMANDS[number]
    assert output.language == "text"
    assert ADDRESS in command.text
    line = command.text.replace(ADDRESS, site.url)
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert_like(done.stdout, output.text)


def test_there_are_commands() -> None:
    assert len(COMMANDS) == 6
