"""``POST /events``: publish an event, given as XML or as JSON."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from clacks_events.catalog import Catalog
from clacks_events.errors import InvalidEvent, MalformedEvent
from clacks_events.event import Event
from clacks_events.gateway.access import principal_of
from clacks_events.gateway.gate import Gate
from clacks_events.gateway.plain.answers import JSON_TYPE, SAFE, json_body
from clacks_events.gateway.plain.entry import JSON, TEXT, Entry, Operation, answer, parameter
from clacks_events.gateway.problem import Problem

__all__ = ["entries"]

_HEADERS: Final = [
    *((name.lower().encode(), value.encode()) for name, value in SAFE.items()),
    (b"cache-control", b"no-store"),
    (b"content-type", JSON_TYPE.encode()),
]
_ACCEPTED: Final = "application/xml, text/xml, application/json"
_YES: Final = frozenset(("", "1", "true", "yes"))
_NO: Final = frozenset(("0", "false", "no"))
_OURS: Final = frozenset(("id", "source", "time"))

_XML_BODY: Final = {**TEXT, "description": "An `<Event>`, or its payload alone."}
_JSON_BODY: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "payload"],
    "additionalProperties": False,
    "properties": {
        "type": {**TEXT, "description": "A type by its name, or `{namespace}name`."},
        "payload": {"description": "The payload; `/types/{name}/schema` tells its form."},
    },
}
_PUBLISH: Final = Operation(
    id="publish",
    tag="events",
    summary="Publish an event",
    text=(
        "The event is validated by the schema of its type before it is sent. For XML, the encoding"
        " is what the document itself says, else UTF-8. An event has no URL of its own: the answer"
        " has its id, and no `Location`."
    ),
    parameters=(
        parameter(
            "confirm",
            "Answer when the broker has the event and somebody's queue takes it.",
            {"type": "boolean", "default": False},
        ),
    ),
    body={"application/xml": _XML_BODY, "text/xml": _XML_BODY, JSON: _JSON_BODY},
    answers={
        202: answer(
            "It is sent; the id is that of its envelope.",
            json={"type": "object", "required": ["id"], "properties": {"id": TEXT}},
        )
    },
    problems=(400, 403, 409, 413, 415, 422, 429, 503),
)


def entries(gate: Gate) -> list[Entry]:
    """Return the endpoint."""
    return [Entry("POST", "/events", _PUBLISH, _Publish(gate))]


class _Publish:
    """A bare ASGI application, since this has to be fast."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        # First of all, so that whoever is refused is not cut off while sending.
        body = await _body(receive)
        if body is None:
            return  # the client is gone
        event: Event | bytes = body
        kind = _kind(*_described(scope))
        confirm = bool(scope["query_string"]) and _confirm(scope["query_string"])
        if kind == "json":
            event = await self._gate.bridge.run(_built, self._gate.catalog, body)
        sent = await self._gate.publish(principal_of(scope), event, confirm=confirm)
        text = b'{"id": %s}' % json.dumps(sent.id).encode()
        headers = [*_HEADERS, (b"content-length", b"%d" % len(text))]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": text})


def _described(scope: Scope) -> tuple[bytes, bytes]:
    """Return the media type and the coding of a body."""
    media, coding = b"", b""
    for name, value in scope["headers"]:
        if name == b"content-type":
            media = value
        elif name == b"content-encoding":
            coding = value
    return media, coding


@lru_cache(maxsize=64)
def _kind(media: bytes, coding: bytes) -> str:
    """Return ``xml`` or ``json``. Raises Problem for anything else."""
    if coding.strip().lower() not in (b"", b"identity"):
        raise Problem(415, "a body is sent as it is", {"Accept-Encoding": "identity"})
    name = media.partition(b";")[0].strip().lower()
    if name in (b"application/xml", b"text/xml") or name.endswith(b"+xml"):
        return "xml"
    if name == JSON.encode():
        return "json"
    given = name[:100].decode("latin-1") or "no media type"
    raise Problem(
        415, f"an event is sent as one of {_ACCEPTED}, not {given}", {"Accept": _ACCEPTED}
    )


def _confirm(query: bytes) -> bool:
    found = False
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name != "confirm":
            raise Problem(400, f"no parameter {name[:100]!r}; known: confirm")
        if value.lower() not in _YES | _NO:
            raise Problem(400, f"confirm is true or false, not {value[:100]!r}")
        found = value.lower() in _YES
    return found


async def _body(receive: Receive) -> bytes | None:
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        return bytes(message.get("body", b""))
    parts = []
    while message["type"] == "http.request":
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()
    return None


def _built(catalog: Catalog, body: bytes) -> Event:
    """Return the event that a JSON body tells of. Raises EventError."""
    given = json_body(body)
    for key in given:
        if key in _OURS:
            reason = f"{key!r} is set by the gateway: leave it out"
            raise MalformedEvent(reason, path=f"$.{key}")
        if key not in ("type", "payload"):
            raise MalformedEvent(f"no member {key[:100]!r}; known: type, payload", path="$")
    name = given.get("type")
    if not isinstance(name, str):
        raise MalformedEvent("the name of an event type is needed here", path="$.type")
    if "payload" not in given:
        raise MalformedEvent("the payload is missing", path="$.payload")
    try:
        return catalog.build(name, given["payload"])
    except InvalidEvent as error:
        path = f"$.payload{error.path[1:]}" if error.path.startswith("$") else error.path
        raise InvalidEvent(error.reason, path=path, line=error.line, value=error.value) from error
