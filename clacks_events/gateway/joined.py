"""A transport that sends the head of an answer together with the beginning of its body."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["Joined"]

_HEAD = b"HTTP/1.1 "


class Joined:
    """Stands before the transport of a connection.

    uvicorn writes the head and the body of an answer one after the other: two system calls and two
    packets, which is most of what a small answer costs.
    """

    __slots__ = ("_held", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send data; a head waits for what comes before the loop goes on."""
        if self._held:
            data, self._held = self._held + data, b""
        elif data.startswith(_HEAD):
            self._held = data
            self._loop.call_soon(self._flush)
            return
        self._transport.write(data)

    def _flush(self) -> None:
        if self._held:
            data, self._held = self._held, b""
            self._transport.write(data)

    def close(self) -> None:
        """Send what is held, and close."""
        self._flush()
        self._transport.close()
