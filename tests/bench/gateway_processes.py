"""Runs the servers of gateway_programs.py, and asks what they cost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Server", "running"]

PROGRAMS = Path(__file__).with_name("gateway_programs.py")


@dataclass
class Server:
    """A program that runs."""

    process: subprocess.Popen[str]
    url: str

    def cost(self) -> tuple[float, int]:
        """Return its CPU seconds and bytes of memory so far."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        cpu, memory = self.process.stdout.readline().split()
        return float(cpu), int(memory)


@contextmanager
def running(*arguments: str) -> Iterator[Server]:
    """Run a program until the end of ``with``."""
    command = [sys.executable, str(PROGRAMS), *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        try:
            yield Server(process, process.stdout.readline().strip())
        finally:
            process.kill()
