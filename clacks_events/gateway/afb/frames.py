"""The frames of x-afb-ws-json1: text in, calls out; replies and events in, text out.

Source: protocol-x-afb-ws-json1 of the AFB binder, and what its ``afb-wsj1.c`` accepts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from clacks_events.event import JsonValue
from clacks_events.gateway.afb.json_text import FAULTS, decoded, encoded

__all__ = [
    "FAULTS",
    "GOING_AWAY",
    "NOT_TEXT",
    "TRY_LATER",
    "VIOLATION",
    "Call",
    "Hangup",
    "event_frame",
    "failure_frame",
    "read_frame",
    "success_frame",
]

_CALL, _SUCCESS, _FAILURE, _EVENT = 2, 3, 4, 5
_ITEMS: Final = {_CALL: (4, 5), _SUCCESS: (3, 4), _FAILURE: (3, 4), _EVENT: (3,)}

GOING_AWAY: Final = 1001
NOT_TEXT: Final = 1003
VIOLATION: Final = 1008
TRY_LATER: Final = 1013


class Hangup(Exception):
    """The end of a connection, with the close code and the reason; no code when it is gone."""

    def __init__(self, code: int | None = None, reason: str = "") -> None:
        self.code = code
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Call:
    """``[2, id, "api/verb", args]``, or the same with a token as the fifth item."""

    id: str
    api: str
    verb: str
    args: JsonValue
    token: str | None = None


def read_frame(text: str) -> Call | None:
    """Return the call of a frame from a client; None for an event, which says nothing to us.

    Raises Hangup 1008: "invalid-frame", or "unbound-call-id" for a reply to what was not asked.
    """
    try:
        items = decoded(text)
    except ValueError as error:
        raise _invalid() from error
    if not isinstance(items, list) or not items:
        raise _invalid()
    kind = items[0]
    # Neither true nor 2.0 is a 2.
    if type(kind) is not int or len(items) not in _ITEMS.get(kind, ()):
        raise _invalid()
    if not isinstance(items[1], str):
        raise _invalid()
    if kind in (_SUCCESS, _FAILURE):
        raise Hangup(VIOLATION, "unbound-call-id")
    return _call(items) if kind == _CALL else None


def _call(items: list[JsonValue]) -> Call:
    _, id, name, args, *rest = items
    token = rest[0] if rest else None
    if not isinstance(id, str) or not isinstance(name, str) or not isinstance(token, str | None):
        raise _invalid()
    api, _, verb = name.partition("/")
    if not api or not verb or verb.startswith("/"):
        raise _invalid()
    return Call(id, api, verb, args, token)


def _invalid() -> Hangup:
    return Hangup(VIOLATION, "invalid-frame")


def success_frame(id: str, response: object = None) -> str:
    """Return the reply to a call that went well. Raises one of FAULTS."""
    reply: dict[str, object] = {
        "jtype": "afb-reply",
        "request": {"status": "success", "code": 0},
    }
    if response is not None:
        reply["response"] = response
    return encoded((_SUCCESS, id, reply))


def failure_frame(id: str, status: str, code: int, info: str = "") -> str:
    """Return the reply to a call that did not."""
    request: dict[str, object] = {"status": status}
    if info:
        # Half a surrogate pair may be in it, from whoever made the sentence.
        request["info"] = info.encode(errors="replace").decode()
    request["code"] = code
    return encoded((_FAILURE, id, {"jtype": "afb-reply", "request": request}))


def event_frame(name: str, data: JsonValue) -> str:
    """Return the frame of an event. Raises one of FAULTS."""
    return encoded((_EVENT, name, {"jtype": "afb-event", "event": name, "data": data}))
