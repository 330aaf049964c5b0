"""Run programs as processes, as a user would, and wait for what they print."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Self

from tests.harness.waiting import wait_until

__all__ = ["COMMAND", "ROOT", "TIMEOUT", "Program", "environment", "run"]

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "clacks_events")
TIMEOUT = 30.0  # seconds for what takes one or two


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a program, without what would colour or configure it."""
    ours = ("CLACKS_", "NO_COLOR", "PYTHON", "LC_", "LANG")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "PYTHONPATH": str(ROOT), "TERM": "xterm", **(more or {})}


def run(
    *arguments: str | Path,
    command: Sequence[str] = COMMAND,
    input: bytes = b"",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program that ends by itself, ``clacks-events`` unless another is named."""
    done = subprocess.run(
        [*command, *map(str, arguments)],
        input=input,
        env=environment(env),
        cwd=cwd,
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


class Program:
    """A program that runs, in a process group of its own; its output can be waited for.

    It is ``clacks-events`` unless another is named. Killed at the end of ``with``, with what it
    has started.
    """

    def __init__(
        self,
        *arguments: str | Path,
        command: Sequence[str] = COMMAND,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdout: int = subprocess.PIPE,
    ) -> None:
        self.command = [*command, *map(str, arguments)]
        # A process started in the background of a shell ignores SIGINT, and its children too.
        former = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.process = subprocess.Popen(
            self.command,
            env=environment(env),
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        signal.signal(signal.SIGINT, former)
        self._out, self._err = bytearray(), bytearray()
        self._readers = [
            threading.Thread(target=_collect, args=pair)
            for pair in ((self.process.stdout, self._out), (self.process.stderr, self._err))
        ]
        for reader in self._readers:
            reader.start()

    @property
    def out(self) -> str:
        return self._out.decode()

    @property
    def err(self) -> str:
        return self._err.decode()

    @property
    def output(self) -> str:
        return self.out + self.err

    def wait_for(self, text: str) -> None:
        """Return when the text is on standard output or standard error."""

        def is_there() -> bool:
            has_ended = not any(reader.is_alive() for reader in self._readers)
            found = text in self.out or text in self.err
            assert found or not has_ended, self.report()
            return found

        wait_until(is_there, TIMEOUT, lambda: f"{text!r}\n{self.report()}")

    def report(self) -> str:
        code = self.process.poll()
        return f"$ {' '.join(self.command)}\nexit code {code}\n{self.out}\n{self.err}"

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def end(self, number: signal.Signals | None = None) -> int:
        """Send a signal, or close standard input, and return the exit code."""
        if number is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
        else:
            self.process.send_signal(number)
        return self.wait()

    def interrupt(self) -> int:
        """End the program as Ctrl-C does, with what it has started; return its exit code."""
        self._signal_group(signal.SIGINT)
        return self.wait()

    def _signal_group(self, number: signal.Signals) -> None:
        # The number of a process that has ended may be somebody else's.
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def wait(self) -> int:
        code = self.process.wait(TIMEOUT)
        for reader in self._readers:
            reader.join(TIMEOUT)
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._signal_group(signal.SIGKILL)
        self.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None and not stream.closed:
                stream.close()


def _collect(stream: IO[bytes] | None, into: bytearray) -> None:
    while stream is not None and (data := os.read(stream.fileno(), 65536)):
        into += data
