"""What clients and the embedded server say to each other.

Each message begins with two bytes, the version of this protocol and a kind; PUBLISH goes on in the
same frame, all others have frames of their own for what follows:

========  ==================================================================================
PUBLISH   (record)
CONFIRM   number, record; answered by TAKEN
ASK       number, a JSON object with a verb; answered by DONE
SETTLED   inbox, how many of it (exclusive) or their tags (durable)
CALL      number, JSON of queue, alone and milliseconds, record; answered by ANSWER
ACCEPT    tag
REPLY     tag, body
PING      answered by PONG, or by WHO to a stranger
--------  ----------------------------------------------------------------------------------
TAKEN     number, how many inboxes
DONE      number, a JSON object: empty, or with an error
EVENTS    inbox, how many it has lost so far and the tag of the first, records
AUDIENCE  watch, how many inboxes
REQUEST   served, tag, JSON of redelivered and milliseconds, record; or served and tag of a call
          that nobody waits for any more
ANSWER    number, a JSON object: empty, or with an error; body
PONG
WHO
REFUSED   the version that the server speaks
========  ==================================================================================

Numbers, tags and the names of inboxes, watches and what is served are 8 bytes, big-endian; all but
tags are chosen by the client. A record is the sizes of head and body, 4 bytes each, then both. A
head is seven texts with a NUL in between: routing key, content type, id, type, time, headers as
JSON, and the user, which only the server writes.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from clacks_events.errors import PublishFailed
from clacks_events.event import HeaderValue
from clacks_events.transport.base import Message

__all__ = [
    "ACCEPT",
    "ANSWER",
    "ASK",
    "AUDIENCE",
    "CALL",
    "CONFIRM",
    "DONE",
    "EVENTS",
    "KINDS",
    "LARGEST",
    "NUMBER",
    "PAIR",
    "PING",
    "PONG",
    "PUBLISH",
    "REFUSED",
    "REPLY",
    "REQUEST",
    "SETTLED",
    "TAKEN",
    "VERSION",
    "WHO",
    "key_of",
    "messages",
    "pack",
    "record",
    "signed",
    "unpack",
]

VERSION: Final = b"\x01"

PUBLISH: Final = VERSION + b"P"
CONFIRM: Final = VERSION + b"C"
ASK: Final = VERSION + b"A"
SETTLED: Final = VERSION + b"S"
CALL: Final = VERSION + b"Q"
ACCEPT: Final = VERSION + b"a"
REPLY: Final = VERSION + b"r"
PING: Final = VERSION + b"p"

KINDS: Final = frozenset((PUBLISH, CONFIRM, ASK, SETTLED, CALL, ACCEPT, REPLY, PING))
"""What a client may send."""

TAKEN: Final = VERSION + b"t"
DONE: Final = VERSION + b"d"
EVENTS: Final = VERSION + b"e"
AUDIENCE: Final = VERSION + b"n"
REQUEST: Final = VERSION + b"q"
ANSWER: Final = VERSION + b"x"
PONG: Final = VERSION + b"o"
WHO: Final = VERSION + b"w"
REFUSED: Final = b"\x00v"  # says the same in all versions

NUMBER: Final = struct.Struct(">Q")
PAIR: Final = struct.Struct(">QQ")
pack = NUMBER.pack

LARGEST: Final = 32 * 2**20
"""The size of the largest record or answer; a server hangs up on who sends more."""

_SIZES: Final = struct.Struct(">II")
_XML = "application/xml"
_FIELDS = 7
_UNREADABLE = (ValueError, TypeError, AttributeError, ArithmeticError, OSError, RecursionError)


def unpack(frame: bytes) -> int:
    """Return the number in a frame. Raises struct.error if it holds none."""
    number: int = NUMBER.unpack(frame)[0]
    return number


def record(message: Message, url: str) -> bytes:
    """Return a message as a record. Raises PublishFailed for what has no form on this wire."""
    moment, body = message.time, message.body
    text = "\0".join((
        message.key,
        "" if message.content_type == _XML else message.content_type,
        message.id or "",
        message.type or "",
        "" if moment is None else repr(moment.timestamp()),
        _written(message.headers, url) if message.headers else "",
        "",
    ))  # fmt: skip
    if text.count("\0") != _FIELDS - 1:
        raise PublishFailed(f"a NUL in what is said about the message: {text!r}", url=url)
    head = text.encode(errors="replace")
    if len(head) + len(body) > LARGEST:
        size = len(head) + len(body)
        raise PublishFailed(f"a message of {size} bytes; the server takes {LARGEST}", url=url)
    return b"".join((_SIZES.pack(len(head), len(body)), head, body))


def key_of(written: bytes, start: int = 0) -> bytes:
    """Return the routing key of the record that begins at a place and ends the frame.

    Raises ValueError or struct.error for what is no record, or one that names a user.
    """
    head, body = _SIZES.unpack_from(written, start)
    first = start + _SIZES.size
    end = first + head
    # The user is the last of the texts, so that a NUL ends the head unless it names one.
    if end + body != len(written) or not head or written[end - 1]:
        raise ValueError("no record")
    if written.count(0, first, end) != _FIELDS - 1:
        raise ValueError("no record")
    return written[first : written.index(0, first)]


def signed(written: bytes, user: bytes) -> bytes:
    """Return a record with the name of the user who sent it."""
    head, body = _SIZES.unpack_from(written)
    end = _SIZES.size + head
    sizes = _SIZES.pack(head + len(user), body)
    return b"".join((sizes, written[_SIZES.size : end], user, written[end:]))


def messages(records: bytes) -> Iterator[Message]:
    """Return the messages of records. Raises struct.error for what is none."""
    at, end = 0, len(records)
    while at < end:
        head, body = _SIZES.unpack_from(records, at)
        at += _SIZES.size
        middle = at + head
        after = middle + body
        yield _read_message(records[at:middle], records[middle:after])
        at = after


def _read_message(head: bytes, body: bytes) -> Message:
    try:
        return _message(head, body)
    except _UNREADABLE:
        # Written by somebody else's program: what cannot be read counts as absent.
        return Message(body, head.partition(b"\0")[0].decode(errors="replace"))


def _message(head: bytes, body: bytes) -> Message:
    key, content_type, identity, kind, moment, headers, user = head.decode().split("\0")
    return Message(
        body,
        key,
        _read(headers) if headers else {},
        content_type or _XML,
        identity or None,
        kind or None,
        datetime.fromtimestamp(float(moment), UTC) if moment else None,
        user or None,
    )


def _written(headers: Mapping[str, HeaderValue], url: str) -> str:
    try:
        return json.dumps(dict(headers), default=_tagged)
    except (TypeError, ValueError) as error:
        raise PublishFailed(f"headers that cannot be sent: {headers!r}", url=url) from error


def _tagged(value: object) -> dict[str, str]:
    match value:
        case Decimal():
            return {"decimal": str(value)}
        case datetime():
            return {"time": (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()}
        case bytes():
            return {"bytes": base64.b64encode(value).decode()}
        case _:
            raise TypeError(type(value).__name__)


def _read(headers: str) -> dict[str, HeaderValue]:
    table = json.loads(headers)
    return {
        str(name): _untagged(value)
        for name, value in table.items()
        if isinstance(value, dict | str | bool | int | float)
    }


def _untagged(value: Any) -> HeaderValue:
    match value:
        case {"decimal": str(text)}:
            return Decimal(text)
        case {"time": str(text)}:
            return datetime.fromisoformat(text)
        case {"bytes": str(text)}:
            return base64.b64decode(text)
        case str() | bool() | int() | float():
            return value
        case _:
            raise ValueError("a header of no known type")
