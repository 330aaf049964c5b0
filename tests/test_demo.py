"""``./dev demo``: what it shows, and that nothing is left of it."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

import pytest

from examples.demo.screen import Screen
from tests.harness.program import ROOT, Program
from tests.harness.waiting import wait_until

DEMO = (sys.executable, "-m", "examples.demo")


def demo(tmp_path: Path, *, script: str = "") -> Program:
    """Start the demo, or a script that does; its files come into the directory."""
    command = (sys.executable, "-c", script) if script else DEMO
    return Program(command=command, cwd=ROOT, env={"TMPDIR": str(tmp_path)})


def processes_of(tmp_path: Path) -> list[Path]:
    """Return which processes have the directory for their files, as the demo's have."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        # A process may have ended meanwhile; those of others are not ours to see.
        with contextlib.suppress(OSError):
            if f"TMPDIR={tmp_path}\0".encode() in path.read_bytes():
                found.append(path)
    return found


def test_the_demo_keeps_what_it_promises_and_leaves_nothing(tmp_path: Path) -> None:
    with demo(tmp_path) as program:
        assert program.wait() == 0, program.report()

    assert program.out.endswith("\nAll as promised.\n")
    assert program.err == ""
    assert "WRONG" not in program.out
    assert "\x1b" not in program.out
    parts = [
        "Event.#.PhoneStatus.#",
        "routing key Event.PhoneStatus.phones; listening: 2",
        "has it come, and its query says no",
        "no schema declares {urn:example:weather}Weather",
        "roof      sends Weather",
        "gets it, as frost",
        "/Event/Weather/Celsius",
        "routing key Event.Notification.phones; listening: 0",
        "roof      is gone: expired",
    ]
    places = [program.out.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)
    assert list(tmp_path.iterdir()) == []
    assert processes_of(tmp_path) == []


@pytest.mark.parametrize(("label", "query"), [("busy", "false()"), ("frost", ".")])
def test_the_demo_fails_when_an_event_goes_astray(label: str, query: str, tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from examples.demo import __main__, board, cast\n"
        "board.PATIENCE = 0.5\n"
        f"cast.CONSUMERS['desk'][{label!r}] = {query!r}\n"
        "sys.exit(__main__.main())"
    )
    with demo(tmp_path, script=script) as program:
        assert program.wait() == 1, program.report()

    assert program.out.endswith("\nNot as promised: see above.\n")
    assert "WRONG" in program.out


@pytest.mark.parametrize("sight", ["five processes", "What the wall wants", "Two calls"])
def test_the_demo_can_be_interrupted(sight: str, tmp_path: Path) -> None:
    with demo(tmp_path) as program:
        program.wait_for(sight)
        assert program.interrupt() == 130, program.report()

    assert program.err == ""
    assert list(tmp_path.iterdir()) == []
    assert processes_of(tmp_path) == []


def test_the_processes_of_the_demo_end_when_it_is_killed(tmp_path: Path) -> None:
    with demo(tmp_path) as program:
        program.wait_for("Two calls")
        assert len(processes_of(tmp_path)) == 5
        program.process.kill()

        wait_until(lambda: not processes_of(tmp_path))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_color", "is_coloured"), [("", True), ("1", False)])
def test_the_demo_is_coloured_on_a_terminal_unless_asked_not_to(
    no_color: str, is_coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("NO_COLOR", no_color)

    assert ("\x1b" in Screen().paint("1", "text")) is is_coloured
