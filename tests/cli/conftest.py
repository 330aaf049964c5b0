"""What the tests of the command line share."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest

from clacks_events.cli import main

Main = Callable[..., tuple[int, str, str]]


@pytest.fixture
def invoke(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Main]:
    """Run a verb inside of this process; gives exit code, output and errors."""
    for name in ("CLACKS_URL", "CLACKS_SCHEMAS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return (code, *capsys.readouterr())

    yield run
    for number, handler in former.items():
        signal.signal(number, handler)
