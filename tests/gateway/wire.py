"""A connection on which bytes are sent as they are, for what no HTTP client would do."""

from __future__ import annotations

import contextlib
import select
import socket
from dataclasses import dataclass
from types import TracebackType
from typing import Self

__all__ = ["Answer", "Wire"]

_PATIENCE = 20.0  # seconds


@dataclass(frozen=True)
class Answer:
    """One answer; names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """A TCP connection to HOST:PORT."""

    def __init__(self, address: str, *, buffer: int | None = None) -> None:
        """Connect; ``buffer`` is how many bytes the kernel takes before they are read."""
        host, _, port = address.rpartition(":")
        self.socket = socket.socket()
        self.socket.settimeout(_PATIENCE)
        if buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.connect((host, int(port)))
        self._file = self.socket.makefile("rb")

    def send(self, data: bytes) -> bool:
        """Send bytes; tells whether the other side still takes any."""
        try:
            self.socket.sendall(data)
        except ConnectionError:
            return False
        return True

    def get(self, path: str, *headers: str) -> None:
        """Ask for a resource."""
        self.send(
            "\r\n".join((f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", "")).encode()
        )

    def has_answer(self, seconds: float = 0.0) -> bool:
        """Tell whether there is something to read within so many seconds."""
        return bool(select.select([self.socket], [], [], seconds)[0])

    def answer(self) -> Answer:
        """Read the next answer, which says how long it is."""
        status = int(self._file.readline().split()[1])
        headers: dict[str, str] = {}
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return Answer(status, headers, self._file.read(int(headers.get("content-length", 0))))

    def read_until(self, text: bytes) -> bytes:
        """Return what comes up to the first occurrence of some bytes, and what came with them."""
        found = bytearray()
        while text not in found:
            data = self._file.read1(65536)
            assert data, f"it ended before {text!r}: {found[-200:]!r}"
            found += data
        return bytes(found)

    def is_over(self) -> bool:
        """Wait for the other side to say something or to end; tell whether it was the end."""
        with contextlib.suppress(ConnectionError):
            return self._file.read1(1) == b""
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self.socket.close()
