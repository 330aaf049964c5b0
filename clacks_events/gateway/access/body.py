"""Request bodies: neither too large nor too slow."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from starlette.types import Message, Receive, Scope, Send

from clacks_events.gateway.access.deadlines import Deadlines
from clacks_events.gateway.access.refusal import Refused, answer

__all__ = ["Body", "check_length", "has_body"]

_CLOSE: Final = (b"connection", b"close")


def has_body(headers: Mapping[bytes, bytes]) -> bool:
    """Tell whether a request says that it has a body."""
    return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers


def check_length(headers: Mapping[bytes, bytes], most: int) -> None:
    """Raise Refused for a body that says itself that it is too large."""
    length = headers.get(b"content-length", b"0")
    # What is no number has been refused by the server; a longer one than this is too large.
    if len(length) > len(str(most)) + 1 or (length.isdigit() and int(length) > most):
        raise too_large(most)


def too_large(most: int) -> Refused:
    """Return the refusal of a body that is too large."""
    return Refused(413, f"a body has {most} bytes at most")


class Body:
    """Stands between the server and the application while a body comes.

    A body that is too large or too slow is refused here; the application sees a client that has
    gone, and what it still answers is dropped.
    """

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, most: int, deadlines: Deadlines
    ) -> None:
        """Take ``most`` bytes, within the time from now that the deadlines allow."""
        self._scope = scope
        self._receive = receive
        self._send = send
        self._most = self._left = most
        self._deadlines = deadlines
        self._reader: asyncio.Task[Any] | None = None
        self._is_late = False
        self._is_complete = False
        self._has_begun = False
        self.refused: Refused | None = None
        """What the client was told."""

    async def receive(self) -> Message:
        """Return a part of the body."""
        if self.refused is not None:
            return {"type": "http.disconnect"}
        if self._is_complete:
            return await self._receive()
        message = await self._in_time()
        if message is None:
            seconds = f"{self._deadlines.timeout:g} s"
            return await self._refuse(Refused(408, f"no whole body within {seconds}"))
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            self._is_complete = not message.get("more_body", False)
        if self._is_complete or self._left < 0 or message["type"] != "http.request":
            self._deadlines.drop(self)
        if self._left < 0:
            return await self._refuse(too_large(self._most))
        return message

    async def _in_time(self) -> Message | None:
        """Return what comes, or None when the deadline is over before."""
        if self._is_late:
            return None
        self._deadlines.set(self, self._expire)
        self._reader = reader = asyncio.current_task()
        try:
            return await self._receive()
        except asyncio.CancelledError:
            # As asyncio.timeout does: only if nobody else wants it cancelled.
            if not self._is_over() or reader is None or reader.uncancel():
                raise
            return None
        finally:
            self._reader = None

    def _is_over(self) -> bool:
        return self._is_late

    def _expire(self) -> None:
        self._is_late = True
        if self._reader is not None:
            self._reader.cancel()

    def end(self) -> None:
        """Wait for the body no more."""
        self._deadlines.drop(self)

    async def send(self, message: Message) -> None:
        """Send what the application answers."""
        if self.refused is not None:
            return
        self._has_begun = True
        if message["type"] == "http.response.start" and not self._is_complete:
            # Nobody will read the rest, which may be long in coming.
            message = {**message, "headers": [*message.get("headers", ()), _CLOSE]}
        await self._send(message)

    async def _refuse(self, refused: Refused) -> Message:
        self.refused = refused
        if not self._has_begun:
            await answer(
                refused, self._scope, self._receive, self._send, has_body=not self._is_complete
            )
        return {"type": "http.disconnect"}
