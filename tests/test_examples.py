"""The programs in examples/: each is run as a user would run it."""

from __future__ import annotations

import importlib.util
import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

import pytest

from tests.harness.waiting import wait_until

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"

TIMEOUT = 30.0  # seconds for what takes one or two


class Program:
    """A process in a group of its own, whose output can be waited for."""

    def __init__(self, *command: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None):
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.command = " ".join(command)
        self.output = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.output += line

    def wait_for(self, text: str) -> None:
        """Return when the text was printed; fail when the program ends without."""

        def is_there() -> bool:
            has_ended = self._process.poll() is not None and not self._reader.is_alive()
            assert text in self.output or not has_ended, self.report()
            return text in self.output

        wait_until(is_there, TIMEOUT, lambda: f"{text!r}\n{self.report()}")

    def interrupt(self) -> int:
        """End the program as Ctrl-C does and return its exit code."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        """Return the exit code of a program that ends by itself."""
        code = self._process.wait(TIMEOUT)
        self._reader.join(TIMEOUT)
        return code

    def report(self) -> str:
        """Return what there is to say when something went wrong."""
        return f"$ {self.command}\n{self.output}\nexit code {self._process.poll()}"

    def kill(self) -> None:
        """End the program, whatever it does, and let go of it."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(TIMEOUT)
        self._reader.join(TIMEOUT)
        if self._process.stdout is not None:
            self._process.stdout.close()


Start = Callable[..., Program]


def environment() -> dict[str, str]:
    """Return the environment in which the checkout can be imported and nothing is buffered."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        "NO_COLOR": "1",
    }


@pytest.fixture
def start() -> Iterator[Start]:
    """Start programs that are gone after the test."""
    # A process started in the background of a shell ignores SIGINT, and its children with it.
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    with ExitStack() as stack:

        def run(*command: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> Program:
            program = Program(*command, cwd=cwd, env=env)
            stack.callback(program.kill)
            return program

        yield run
    signal.signal(signal.SIGINT, former)


def run_example(name: str) -> str:
    """Run an example that ends by itself; return what it printed."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The demo as a module."""
    spec = importlib.util.spec_from_file_location("demo", EXAMPLES / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "PATIENCE", 2.0)
    return module


def test_phone_status_travels_from_sender_to_receiver(start: Start, amqp_url: str) -> None:
    agent = start(sys.executable, "-m", "clacks_events", "serve", "--url", amqp_url)
    receiver = start(sys.executable, "examples/phone_status/receiver.py", amqp_url)
    agent.wait_for("serving")
    receiver.wait_for("waiting")

    sender = start(sys.executable, "examples/phone_status/sender.py", amqp_url)

    assert sender.wait() == 0, sender.report()
    receiver.wait_for("status: busy")
    assert f'id="{sender.output.removeprefix("sent ").strip()}"' in receiver.output
    assert "<e:CallerId>012345</e:CallerId>" in receiver.output
    assert "secret" not in agent.output
    assert receiver.interrupt() == 0, receiver.report()
    assert receiver.output.endswith("bye\n")
    assert agent.interrupt() == 0, agent.report()


def test_foreign_schema_receives_the_serious_alert_only() -> None:
    printed = run_example("foreign_schema.py")

    assert "refused  /Event/alert/info/severity" in printed
    assert '"severity": "Severe"' in printed
    assert '"altitude": 800,' in printed
    assert '"severity": "Minor"' not in printed


def test_iterate_reads_all_events_twice() -> None:
    lines = [line.split() for line in run_example("iterate.py").splitlines()]

    assert lines == [
        ["for", "100"],
        ["for", "200"],
        ["for", "300"],
        ["async", "for", "100"],
        ["async", "for", "200"],
        ["async", "for", "300"],
    ]


def test_demo_keeps_what_it_promises() -> None:
    printed = run_example("demo.py")

    assert printed.endswith("All as promised.\n")
    assert "WRONG" not in printed
    assert "Event.#.PhoneStatus.#" in printed
    assert "/Event/Weather/Celsius" in printed
    assert "nobody takes Event.Notification.phones" in printed
    assert "\x1b" not in printed


@pytest.mark.parametrize(("consumer", "query"), [("desk", "false()"), ("frost", ".")])
def test_demo_fails_when_an_event_goes_astray(
    consumer: str,
    query: str,
    demo: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(demo.QUERIES, consumer, query)

    assert demo.main() == 1
    assert "Not as promised" in capsys.readouterr().out


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_color", "is_coloured"), [("", True), ("1", False)])
def test_demo_is_coloured_on_a_terminal_unless_asked_not_to(
    no_color: str, is_coloured: bool, demo: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("NO_COLOR", no_color)

    assert ("\x1b" in demo.Screen().paint("1", "text")) is is_coloured


def test_no_example_is_forgotten() -> None:
    found = {str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*.py")}

    assert found == {
        "demo.py",
        "foreign_schema.py",
        "iterate.py",
        "phone_status/receiver.py",
        "phone_status/sender.py",
    }
