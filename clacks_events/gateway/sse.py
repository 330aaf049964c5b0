"""Server-sent events: ``GET /events``.

Source: WHATWG HTML, section 9.2. Each event of the bus is a message with its id, so that a client
that comes back says with ``Last-Event-ID`` where it was; what is not from the bus has an event
name: ``gap`` (events may be missing before what follows) and ``lost`` (the client was too slow).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from clacks_events.event import Event
from clacks_events.gateway.access import principal_of
from clacks_events.gateway.connection import WRITE_CHUNK
from clacks_events.gateway.copy import Copy
from clacks_events.gateway.gate import Gate
from clacks_events.gateway.heartbeat import Heartbeat
from clacks_events.gateway.problem import Problem
from clacks_events.gateway.stream import Batch, Sink, Stream
from clacks_events.gateway.wanted import Question, Wanted

__all__ = ["routes"]

_PARAMETERS: Final = frozenset(("query", "type", "source", "format", "last_event_id", "earliest"))
_FORMATS: Final = ("xml", "json")
_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-accel-buffering", b"no"),  # nginx would hold events back
]
_COMMENT: Final = b":\n\n"
_YES: Final = ("", "1", "true", "yes")


def routes(gate: Gate) -> list[BaseRoute]:
    """Return the route of the event streams."""
    return [Route("/events", EventStreams(gate), methods=["GET"])]


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks for."""

    query: str | None
    types: tuple[str, ...]
    source: str | None
    format: str
    last_id: str | None
    earliest: bool

    @classmethod
    def of(cls, scope: Scope) -> Request:
        """Read the parameters. Raises Problem."""
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = dict(pairs)
        unknown = sorted(given.keys() - _PARAMETERS)
        if unknown:
            known = ", ".join(sorted(_PARAMETERS))
            raise Problem(400, f"no parameter {unknown[0][:100]!r}; known: {known}")
        format = given.get("format", "xml")
        if format not in _FORMATS:
            raise Problem(400, f"format is xml or json, not {format[:100]!r}")
        return cls(
            query=given.get("query") or None,
            types=tuple(value for name, value in pairs if name == "type" and value),
            source=given.get("source") or None,
            format=format,
            last_id=_last_id(scope, given),
            earliest=given.get("earliest", "no").lower() in _YES,
        )


def _last_id(scope: Scope, given: Mapping[str, str]) -> str | None:
    # The header is what a browser adds when it comes back: newer than what the page asked for.
    return Headers(scope=scope).get("last-event-id") or given.get("last_event_id") or None


class EventStreams:
    """An ASGI application: each request is a stream of events."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._heart = Heartbeat(gate.options.heartbeat)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["http_version"] == "1.0":
            # The server knows no other frame than chunks for a body without end.
            raise Problem(505, "a stream of events needs HTTP/1.1")
        gate, request = self._gate, Request.of(scope)
        principal = principal_of(scope)
        question = Question(request.query, request.types, request.source)
        wanted = await gate.compiled(principal, question)
        stream = await gate.open_stream(principal, "sse")
        try:
            first = await self._begin(stream, wanted, request)
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            if scope["method"] == "HEAD":
                return await send({"type": "http.response.body", "body": b""})
            frames = _Frames(request.format)
            stream.sink = _sink(scope, frames)
            watch = asyncio.ensure_future(_gone(receive, stream))
            end_heartbeat = self._heart.add(stream.nudge)
            try:
                await self._send(stream, send, frames, first)
            finally:
                end_heartbeat()
                watch.cancel()
        finally:
            stream.close()
        return None

    async def _begin(self, stream: Stream, wanted: Wanted, request: Request) -> bytes:
        """Let events in, those of the past before those to come; return what is said first."""
        hub = self._gate.hub
        await stream.add("events", wanted)
        said = b"retry: %d\n\n" % self._gate.options.retry
        if request.last_id is not None:
            is_complete = await hub.replay(stream, hub.history.after(request.last_id))
            if not is_complete:
                reason = "that event is gone, or not all that came since was kept"
                said += _notice("gap", {"last_event_id": request.last_id, "reason": reason})
        elif request.earliest:
            await hub.replay(stream, hub.history.all())
        return said

    async def _send(self, stream: Stream, send: Send, frames: _Frames, first: bytes) -> None:
        body = first
        while True:
            await send({"type": "http.response.body", "body": body, "more_body": True})
            batch = await stream.next()
            if batch.is_closing and not batch.more:
                break
            body = frames.of(batch) or _COMMENT
        last = frames.of(batch) + b"retry: %d\n\n" % self._gate.options.retry
        await send({"type": "http.response.body", "body": last})


class _Frames:
    """Events as messages of a format."""

    def __init__(self, format: str) -> None:
        self._kind = ("sse", format)
        self._render = _xml if format == "xml" else _json

    def of(self, batch: Batch) -> bytes:
        """Return all that a batch says."""
        said = _notice("lost", {"lost": batch.lost}) if batch.lost else b""
        if batch.has_gap:
            said += _notice("gap", {"reason": "the broker was away"})
        return said + b"".join(self._frame(copy) for copy in batch.copies)

    def _frame(self, copy: Copy) -> bytes:
        return copy.rendered(self._kind, self._render)

    def chunk(self, copy: Copy) -> bytes:
        """Return an event as a chunk of a body."""
        return copy.rendered((self._kind, "chunk"), lambda _: _chunk(self._frame(copy)))


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _sink(scope: Scope, frames: _Frames) -> Sink | None:
    """Return what writes events to the connection without waking the task that waits for them.

    For thousands of streams that have an event now and then, this is half of what one costs.
    """
    extension = scope.get("extensions", {}).get(WRITE_CHUNK)
    if extension is None:
        return None
    write: Callable[[bytes], bool] = extension["write"]
    return lambda copy: write(frames.chunk(copy))


def _xml(event: Event) -> bytes:
    return _message(event.id, event.xml)


def _json(event: Event) -> bytes:
    return _message(event.id, json.dumps(event.json(), ensure_ascii=False).encode())


def _message(id: str | None, data: bytes) -> bytes:
    # A line of data ends with any of CR LF, CR and LF; XML reads all three as a line feed.
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\ndata: ")
    # An id with a NUL is ignored by clients, and one with a line feed would be two fields.
    name = b"" if id is None or not id.isprintable() else b"id: %s\n" % id.encode()
    return b"%sdata: %s\n\n" % (name, lines)


def _notice(event: str, data: Mapping[str, object]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (event.encode(), json.dumps(data).encode())


async def _gone(receive: Receive, stream: Stream) -> None:
    """End a stream when its client goes."""
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.close()
