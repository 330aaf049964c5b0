"""What those get who are not let in: ``application/problem+json``, and a line in the log."""

from __future__ import annotations

import asyncio
import http
import json
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, TypeAlias

from starlette.types import Receive, Scope, Send

__all__ = ["Header", "RefusalLog", "Refused", "answer"]

log = logging.getLogger(__name__)

Header: TypeAlias = tuple[bytes, bytes]

_LINGER: Final = 2.0  # seconds in which the rest of a body may come
_LINGERING: Final = 16 * 1024 * 1024  # bytes of it that are thrown away
_QUIET: Final = 60.0  # seconds between two lines about one client


class Refused(Exception):
    """A request that is not let in; the reason is for the client, and the log.

    ``wait`` is the number of seconds after which it may be, 0 if that is no matter of time.
    Internal: the guard answers it, and it never leaves the package.
    """

    def __init__(
        self, status: int, reason: str, headers: Sequence[Header] = (), *, wait: float = 0.0
    ) -> None:
        self.status = status
        self.reason = reason
        self.headers = headers
        self.wait = wait
        super().__init__(reason)

    def for_scripts(self) -> Refused:
        """Return the same without what makes browsers ask for a password.

        What a page asks for by script would wait for that dialog, an EventSource for ever.
        """
        kept = [each for each in self.headers if not each[1].startswith(b"Basic ")]
        return Refused(self.status, self.reason, kept, wait=self.wait)

    @property
    def body(self) -> bytes:
        """The problem (RFC 9457)."""
        title = http.HTTPStatus(self.status).phrase
        problem = {"type": "about:blank", "title": title, "status": self.status}
        return json.dumps({**problem, "detail": self.reason}).encode()


async def answer(
    refused: Refused, scope: Scope, receive: Receive, send: Send, *, has_body: bool = False
) -> None:
    """Send a refusal; a WebSocket is refused while it is still HTTP.

    ``has_body``: some of the request is still to come, and nobody will read it.
    """
    if scope["type"] == "websocket":
        await _answer_handshake(refused, scope, receive, send)
        return
    body = refused.body
    await send(_start("http.response.start", refused, body, is_last=has_body))
    message = {"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""}
    if has_body:
        await send({**message, "more_body": True})
        await _linger(receive)
        message = {"type": "http.response.body", "body": b""}
    await send({**message, "more_body": False})


async def _answer_handshake(refused: Refused, scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    body = refused.body
    await send(_start("websocket.http.response.start", refused, body, is_last=False))
    await send({"type": "websocket.http.response.body", "body": body, "more_body": False})


def _start(kind: str, refused: Refused, body: bytes, *, is_last: bool) -> dict[str, object]:
    headers = [
        (b"content-type", b"application/problem+json; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *refused.headers,
    ]
    if refused.wait:
        # Whole seconds, one at least (RFC 9110, 10.2.3).
        headers.append((b"retry-after", str(max(1, math.ceil(refused.wait))).encode()))
    if is_last:
        headers.append((b"connection", b"close"))
    return {"type": kind, "status": refused.status, "headers": headers}


async def _linger(receive: Receive) -> None:
    # Closed at once, the connection would be reset under a client that still sends, and the
    # answer lost (RFC 9112, 9.6).
    left = _LINGERING
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER):
            while left > 0:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
                left -= len(message.get("body", b""))


class RefusalLog:
    """Tells of refusals: of each client one in a minute, and how many came in between."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Tell up to ``most`` clients apart."""
        self._most = most
        self._clock = clock
        self._told: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def tell(self, client: str, refused: Refused) -> None:
        """Log a refusal, or count it."""
        now = self._clock()
        since, more = self._told.get(client, (-math.inf, 0))
        if now - since < _QUIET:
            self._told[client] = since, more + 1
            return
        if client not in self._told and len(self._told) >= self._most:
            self._told.popitem(last=False)
        self._told[client] = now, 0
        self._told.move_to_end(client)
        tail = f" ({more} more before)" if more else ""
        log.warning("refused %s with %d: %s%s", client, refused.status, refused.reason, tail)
