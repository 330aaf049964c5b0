"""What a connection may cost before anybody looks at what it asks for.

The HTTP server that we use bounds neither the size of headers nor the time that they take, and
does not notice a peer that is gone without a word.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from typing import Any, Final, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from clacks_events.gateway.access.deadlines import Deadlines
from clacks_events.gateway.joined import Joined
from clacks_events.gateway.options import ConnectionLimits

__all__ = ["WRITE_CHUNK", "Census", "Connection", "WebSocketConnection"]

log = logging.getLogger(__name__)

WRITE_CHUNK: Final = "clacks.write_chunk"
"""An extension of ASGI: ``write(chunk) -> bool`` sends ``chunk``, framed already (RFC 9112, section
7.1), at once and as a part of a body that has begun. False: it cannot; then send it as any other.
"""

_PROBE_AFTER = 20  # seconds of silence after which the kernel asks whether the peer is there
_PROBES = 3
_VERSION = b"sec-websocket-version"


class Census:
    """Who is connected."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self.deadlines = Deadlines(limits.header_timeout)
        """Of those whose request has not come to the end of its headers."""
        self.total = 0
        self._by_address: Counter[str] = Counter()

    def enter(self, address: str) -> bool:
        """Count a connection and tell whether there is room for it."""
        self.total += 1
        self._by_address[address] += 1
        return (
            self.total <= self.limits.connections
            and self._by_address[address] <= self.limits.connections_per_address
        )

    def leave(self, address: str) -> None:
        """Undo ``enter``."""
        self.total -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]


class Connection(HttpToolsProtocol):
    """A connection of uvicorn with bounds on what comes before the request is complete."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        census: Census,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._census = census
        self._address = ""
        self._overhead = 0
        """Bytes of headers, trailers and chunk extensions since the last that were of a body."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._joined = Joined(transport)
        self.transport = cast("asyncio.Transport", self._joined)
        limits = self._census.limits
        self._address = self.client[0] if self.client else ""
        _notice_loss(transport, limits.stall)
        if self._census.enter(self._address):
            self._wait_for_header()
        else:
            log.warning("too many connections: refused one from %s", self._address)
            self._refuse(503, "too many connections", "retry-after: 10\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self._census.leave(self._address)
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            # No request begins with the line ends that may be sent before one.
            self._wait_for_header()
        self._overhead += len(data)
        super().data_received(data)
        if self._overhead > self._census.limits.header:
            self._refuse(431, "the headers are too large")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._wait_for_header()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        # What came with the end of the headers belongs to the body.
        self._overhead = 0
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self._census.limits.header:
            self._refuse(431, "the headers are too large")
        else:
            self.scope["extensions"] = {WRITE_CHUNK: {"write": self._write_chunk}}
            super().on_headers_complete()

    def _write_chunk(self, chunk: bytes) -> bool:
        """Write a chunk of the body that is being sent, unless the peer is slow."""
        cycle = self.cycle
        if self.flow.write_paused or cycle.disconnected or not cycle.chunked_encoding:
            return False
        self.transport.write(chunk)
        return True

    def on_body(self, body: bytes) -> None:
        self._overhead = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._overhead = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        # There is nothing after the head of an answer to HEAD.
        self._joined.flush()
        super().on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        self._stop_waiting()
        if self.transport.is_closing():
            return  # it was refused
        version = next((value for name, value in self.headers if name == _VERSION), b"")
        if version.strip() != b"13":
            # RFC 6455, section 4.4
            self._refuse(426, "this is version 13 of WebSocket", "sec-websocket-version: 13\r\n")
        else:
            super().handle_websocket_upgrade()

    def _wait_for_header(self) -> None:
        self._census.deadlines.set(self, self._is_late)

    def _stop_waiting(self) -> None:
        self._census.deadlines.drop(self)

    def _is_late(self) -> None:
        self._refuse(408, "the request came too slowly")

    def _refuse(self, status: int, reason: str, headers: str = "") -> None:
        if self.transport.is_closing():
            return
        self.transport.write(
            f"HTTP/1.1 {status} {reason}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(reason)}\r\n{headers}connection: close\r\n\r\n{reason}".encode()
        )
        self.transport.close()


class WebSocketConnection(WebSocketsSansIOProtocol):
    """What a Connection becomes when it is upgraded."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        census: Census,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._census = census

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            # Else a refusal is taken for a handshake that was forgotten, and logged as a fault.
            self.handshake_complete = True

    def connection_lost(self, exc: Exception | None) -> None:
        self._census.leave(self.client[0] if self.client else "")
        super().connection_lost(exc)


def _notice_loss(transport: asyncio.Transport, seconds: float) -> None:
    """Have the kernel end the connection when the peer is gone, also one that says nothing."""
    connection = transport.get_extra_info("socket")
    if connection is None or connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        every = max(1, round((seconds - _PROBE_AFTER) / _PROBES))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _PROBE_AFTER)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, every)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(seconds * 1000))
