"""What OpenAPI says of the other protocols, as far as it can."""

from __future__ import annotations

from typing import Any, Final

from clacks_events.gateway.plain.entry import ANY, JSON, TEXT, Operation, answer, parameter

__all__ = ["PROTOCOLS"]

_TEXTS: Final = {"type": "array", "items": TEXT}
_FLAG: Final = {"type": "boolean", "default": False}
_CALL: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["method"],
    "properties": {
        "jsonrpc": {"const": "2.0"},
        "method": TEXT,
        "params": {"type": "object"},
        "id": {},
    },
}
_RESULT: Final = answer(
    "The result, or the error, as JSON-RPC.",
    json={
        "type": "object",
        "required": ["jsonrpc", "id"],
        "properties": {"jsonrpc": {"const": "2.0"}, "result": {}, "error": ANY, "id": {}},
    },
)

_EVENTS: Final = Operation(
    id="receiveEvents",
    tag="events",
    summary="Receive events (server-sent events)",
    text=(
        "A stream that does not end. Each message is an event, with its id; `event: gap` says that"
        " events may be missing before what follows, `event: lost` how many a slow reader has lost."
        " Whoever comes back with `Last-Event-ID` gets what came since, as far as it was kept."
    ),
    parameters=(
        parameter("query", "XQuery that events have to match.", example="//e:Load > 0.9"),
        parameter("type", "An event type, with those that derive from it; repeatable.", _TEXTS),
        parameter("source", "Where events come from."),
        parameter("format", "How events are written.", {"enum": ["xml", "json"], "default": "xml"}),
        parameter("last_event_id", "The id of the last event that one has."),
        parameter("earliest", "Begin with all that is kept.", _FLAG),
        parameter("Last-Event-ID", "As `last_event_id`, which it outdoes.", place="header"),
    ),
    answers={200: answer("Events, as they come.", sse=TEXT)},
    problems=(400, 403, 422, 429, 503),
)
_SOCKET: Final = Operation(
    id="openSocket",
    tag="afb",
    summary="AGL WebSocket",
    text=(
        'The subprotocol is `x-afb-ws-json1`. Calls are `[2, id, "api/verb", arguments]`, answers'
        ' `[3, id, response]` or `[4, id, response]`, events `[5, "source/Type", event]`.'
    ),
    answers={101: answer("The WebSocket begins.")},
    problems=(412, 429),
)
_SERVICE: Final = Operation(
    id="callEventService",
    tag="xerus",
    summary="Xerus event service",
    text="JSON-RPC: `createChannel`, `destroyChannel`, `pushEvent`, `pushEvents`, `getTypeInfo`.",
    body={JSON: _CALL},
    answers={200: _RESULT},
    problems=(413, 429),
)
_CHANNEL: Final = Operation(
    id="callChannel",
    tag="xerus",
    summary="Xerus event channel",
    text=(
        "JSON-RPC: `demandEventType(s)`, `demandEvent(s)`, `cancelEventType(s)`, `cancelEvent(s)`,"
        " `pollEvents`, which waits for events, `pollEventsNb`, `getTypeInfo`."
    ),
    parameters=(parameter("id", "Which channel, from `createChannel`.", place="path"),),
    body={JSON: _CALL},
    answers={200: _RESULT},
    problems=(413, 429),
)
_BULK: Final = Operation(
    id="callInBulk",
    tag="xerus",
    summary="Several Xerus calls in one",
    text="JSON-RPC: `performBulk`.",
    body={JSON: _CALL},
    answers={200: _RESULT},
    problems=(413, 429),
)
_SESSION: Final = Operation(
    id="callSession",
    tag="xerus",
    summary="Xerus session",
    text="JSON-RPC: `newSession` gives a token for `X-SessionToken`.",
    body={JSON: _CALL},
    answers={200: _RESULT},
    problems=(413, 429),
)

PROTOCOLS: Final = (
    ("GET", "/events", _EVENTS),
    ("GET", "/api", _SOCKET),
    ("POST", "/eventservice", _SERVICE),
    ("POST", "/event/channel/{id}", _CHANNEL),
    ("POST", "/bulk", _BULK),
    ("POST", "/session", _SESSION),
)
"""Method, path and operation of each."""
