"""A transport that sends the head of an answer together with the beginning of its body."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["Joined"]

_HEAD = b"HTTP/1.1 "
_LENGTH = b"\r\ncontent-length: "


class Joined:
    """Stands before the transport of a connection.

    uvicorn writes the head and the body of an answer one after the other: two system calls and two
    packets, which is most of what a small answer costs. A head that tells the length of its body
    waits for that.
    """

    __slots__ = ("_held", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send data, or hold it until the next comes."""
        if self._held:
            data, self._held = self._held + data, b""
        elif data.startswith(_HEAD) and _LENGTH in data:
            self._held = data
            return
        self._transport.write(data)

    def flush(self) -> None:
        """Send what is held."""
        if self._held:
            data, self._held = self._held, b""
            self._transport.write(data)

    def close(self) -> None:
        """Send what is held, and close."""
        self.flush()
        self._transport.close()
