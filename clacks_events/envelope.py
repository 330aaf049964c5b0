"""The envelope: ``<Event id source time>`` around exactly one payload element.

Rule: its rules are kept here by code and not by a schema, so that the payload can be judged by
the schema of its own type alone.
"""

from __future__ import annotations

import re
from datetime import MAXYEAR, UTC, datetime
from typing import NamedTuple

from lxml import etree

from clacks_events.errors import MalformedEvent
from clacks_events.xml import Frame, enclosed, local_name

__all__ = [
    "ENVELOPE",
    "LONGEST_NAME",
    "NAMESPACE",
    "Stamp",
    "SureStamp",
    "attributes",
    "bare_payload",
    "enveloped",
    "fill",
    "is_stamped",
    "payload_of",
    "sole_payload",
]

NAMESPACE = "http://www.gonicus.de/Events"
"""The namespace of the envelope and of the built-in event types."""

ENVELOPE = f"{{{NAMESPACE}}}Event"

LONGEST_NAME = 255
"""Bytes of an AMQP short string, which carries id and source."""

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
# Most of the times that there are, away from both ends of the calendar: no need to look twice.
_SURE_TIME = re.compile(
    r"[1-8]\d{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])"
    r"|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    r"T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
).fullmatch
_SHORT = LONGEST_NAME // 4  # characters of a name that is not too long, whatever they are
_BLANK = " \t\r\n"  # what XML takes for white space
_STAMPED = ("id", "source", "time")
_DECLARATION = f' xmlns:e="{NAMESPACE}"'
# Not xml.sax.saxutils.escape: that imports urllib.request, which takes 25 ms. White space would
# be normalised in an attribute (XML 1.0, 3.3.3).
_ESCAPES = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "\t": "&#9;",
        "\n": "&#10;",
        "\r": "&#13;",
    }
)


class Stamp(NamedTuple):
    """What an event gets when it is published, unless it has it already."""

    id: str
    source: str
    time: str
    """RFC 3339, with a time zone."""


class SureStamp(Stamp):
    """A stamp whose maker has seen to it that its values keep the rules."""

    __slots__ = ()


def bare_payload(element: etree._Element) -> etree._Element | None:
    """Return the payload of an element that has nothing but a payload to say, or None."""
    if element.tag != ENVELOPE:
        return element
    return None if element.keys() else _only_payload(element)


def _only_payload(root: etree._Element) -> etree._Element | None:
    if len(root) != 1 or root.text:
        return None
    payload = root[0]
    tag = payload.tag
    is_payload = isinstance(tag, str) and tag != ENVELOPE and not payload.tail
    return payload if is_payload else None


def enveloped(
    payload: etree._Element, stamp: Stamp | None, *, is_parsed: bool
) -> tuple[bytes, etree._Element]:
    """Put a copy of a payload into an envelope; return that as it is written, and its root."""
    pairs = zip(_STAMPED, stamp or (), strict=False)
    given = "".join(f' {name}="{value.translate(_ESCAPES)}"' for name, value in pairs)
    try:
        start = f"<e:Event{_DECLARATION}{given}>".encode()
    except UnicodeEncodeError as error:
        raise MalformedEvent(f"not Unicode text: {error.reason}", path="/Event") from error
    frame = Frame(start, _DECLARATION.encode(), b"</e:Event>")
    return enclosed(payload, frame, is_parsed=is_parsed)


def sole_payload(root: etree._Element) -> etree._Element:
    """Return the payload of an envelope; raise MalformedEvent if it is not all that is in it."""
    payload = _only_payload(root)
    return _payload_among(root) if payload is None else payload


def _payload_among(root: etree._Element) -> etree._Element:
    payloads = [child for child in root if isinstance(child.tag, str)]
    if len(payloads) != 1:
        raise _bad_count(root, payloads)
    if payloads[0].tag == ENVELOPE:
        raise MalformedEvent(
            "an event inside of an event", path="/Event/Event", line=payloads[0].sourceline or 0
        )
    texts = [root.text, *(child.tail for child in root)]
    stray = next((text.strip(_BLANK) for text in texts if text and text.strip(_BLANK)), None)
    if stray is not None:
        raise MalformedEvent(
            f"text beside the payload: {stray[:40]!r}", path="/Event", line=root.sourceline or 0
        )
    return payloads[0]


def _set(root: etree._Element, name: str, value: str) -> None:
    try:
        root.set(name, value)
    except ValueError as error:
        raise _bad_attribute(root, name, f"is {value!r}: {error}") from error


def _bad_count(root: etree._Element, payloads: list[etree._Element]) -> MalformedEvent:
    if not payloads:
        return MalformedEvent("no payload", path="/Event", line=root.sourceline or 0)
    names = ", ".join(local_name(str(child.tag)) for child in payloads[:4])
    line = payloads[1].sourceline or 0
    return MalformedEvent(
        f"{len(payloads)} payloads where one is allowed: {names}", path="/Event", line=line
    )


def payload_of(root: etree._Element) -> etree._Element:
    """Return the payload inside of an envelope."""
    first = root[0]
    if isinstance(first.tag, str):
        return first
    return next(child for child in root if isinstance(child.tag, str))


def attributes(root: etree._Element) -> tuple[str | None, str | None, str | None]:
    """Return id, source and time; raise MalformedEvent for other attributes or bad values."""
    count = len(root.attrib)
    if not count:
        return None, None, None
    id, source, time = root.get("id"), root.get("source"), root.get("time")
    if count != 3 or id is None or source is None or time is None:
        _check_others(root)
    # The usual case is told here: this runs for each event that arrives.
    if id is not None and (len(id) > _SHORT or not id.strip()):
        _check_name(root, "id", id)
    if source is not None and (len(source) > _SHORT or not source.strip()):
        _check_name(root, "source", source)
    if time is not None and not _SURE_TIME(time):
        _check_time(root, time)
    return id, source, time


def _check_others(root: etree._Element) -> None:
    for name in root.attrib:
        if name not in _STAMPED and not name.startswith("{"):
            raise _bad_attribute(root, name, "is not one of id, source, time")


def _check_name(root: etree._Element, name: str, value: str) -> None:
    if not value.strip():
        raise _bad_attribute(root, name, "is empty")
    if len(value.encode()) > LONGEST_NAME:
        raise _bad_attribute(root, name, f"is longer than {LONGEST_NAME} bytes")


def _check_time(root: etree._Element, text: str) -> None:
    if not _RFC3339.fullmatch(text):
        raise _bad_attribute(root, "time", f"is {text!r}, not an RFC 3339 time with a time zone")
    try:
        moment = datetime.fromisoformat(text)
        if not 1 < moment.year < MAXYEAR:
            # The first and the last hours of the calendar may have no UTC.
            moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _bad_attribute(root, "time", f"is {text!r}: {error}") from error


def _bad_attribute(root: etree._Element, name: str, reason: str) -> MalformedEvent:
    return MalformedEvent(
        f"attribute {name!r} {reason}", path=f"/Event/@{name}", line=root.sourceline or 0
    )


def is_stamped(root: etree._Element) -> bool:
    """Tell whether an envelope has all three attributes."""
    return None not in map(root.get, _STAMPED)


def fill(root: etree._Element, stamp: Stamp) -> None:
    """Set the attributes that are missing."""
    for name, value in zip(_STAMPED, stamp, strict=True):
        if root.get(name) is None:
            _set(root, name, value)
