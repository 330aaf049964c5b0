"""From HTTP to a resource and back. It is plain ASGI: of those that poll there are thousands."""

from __future__ import annotations

import asyncio
import json
from typing import Final

from starlette.types import Receive, Scope, Send

from clacks_events.event import JsonValue
from clacks_events.gateway.access import principal_of
from clacks_events.gateway.xerus.call import Call
from clacks_events.gateway.xerus.desk import Desk, Resource
from clacks_events.gateway.xerus.jsonrpc import Fault, parsed, refused

__all__ = ["Endpoint"]

_HEADERS: Final = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
)


class Endpoint:
    """Answers the requests for one resource, or for all channels."""

    def __init__(self, desk: Desk, resource: Resource, patience: float) -> None:
        """``patience`` is how long a request may wait for events, in seconds."""
        self._desk = desk
        self._resource = resource
        self._patience = patience
        self.ending: asyncio.Future[None] | None = None
        """What is to be done when the gateway ends; kept here."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        if body is None:
            return
        deadline = asyncio.get_running_loop().time() + self._patience
        call = Call(principal_of(scope), scope, receive, deadline)
        try:
            try:
                document = parsed(body)
            except Fault as fault:
                answer = refused(fault, None)
            else:
                del body
                id = scope["path_params"].get("id", "")
                answer = await self._desk.answer(call, self._resource, id, document)
            await _send(call, answer, send)
        finally:
            call.close()


async def _body(receive: Receive) -> bytes | None:
    """Return the whole body, which the guard has bounded; None if the client went."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _send(call: Call, answer: dict[str, JsonValue], send: Send) -> None:
    body = json.dumps(answer, separators=(",", ":")).encode()
    length = (b"content-length", str(len(body)).encode())
    headers = [*_HEADERS, length]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if not call.leases:
        await send({"type": "http.response.body", "body": body})
        return
    # The server does not say whether anybody was there to write to. So the last byte is held back
    # until that is known: a client that has all of it may well go at once, and poll elsewhere.
    await send({"type": "http.response.body", "body": body[:-1], "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": True})
    if await call.is_there():
        await call.settle()
    await send({"type": "http.response.body", "body": body[-1:]})
    call.confirm()
