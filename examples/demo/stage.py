"""Start the processes of the demo, and end them."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

ACTOR = Path(__file__).parent / "actor.py"
PATIENCE = 10.0  # seconds to wait for something that takes milliseconds


class Broken(Exception):
    """A process of the demo that ended or does not answer."""


class Refused(Exception):
    """What the bus of another process raised."""

    def __init__(self, error: dict[str, Any]) -> None:
        self.kind = error["kind"]
        self.details = error
        super().__init__(error["text"])


class Actor:
    """A publisher or a consumer in a process of its own, on a line of its own to us."""

    def __init__(self, role: str, name: str, url: str, schemas: Path) -> None:
        self.role = role
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, str(ACTOR), role, name, url, str(schemas)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C is for us alone. It ends when we do: then its standard input ends.
            process_group=0,
        )

    @property
    def number(self) -> int:
        """The number of its process."""
        return self._process.pid

    def wait_until_ready(self) -> None:
        """Return when it is on the bus. Raises Broken."""
        self._read()

    def ask(self, method: str, *arguments: object) -> Any:
        """Have a method carried out and return its result. Raises Refused or Broken."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([method, *arguments]).encode() + b"\n")
        self._process.stdin.flush()
        answer = json.loads(self._read())
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    def _read(self) -> bytes:
        assert self._process.stdout is not None
        # There is one line for each question, so that none is left in a buffer.
        is_there, _, _ = select.select([self._process.stdout], [], [], PATIENCE)
        line = self._process.stdout.readline() if is_there else b""
        if not line:
            raise Broken(f"{self.name} does not answer; its exit code: {self._process.poll()}")
        return line

    def kill(self) -> None:
        """End it without giving it the time to say anything."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        try:
            self._process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
