"""The event: one immutable XML fact in its envelope.

The envelope is ``<Event id source time>`` in the namespace ``http://www.gonicus.de/Events`` with
exactly one child, the payload. Only the envelope is judged here; whether the payload is valid is
the catalog's business.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple, Protocol, TypeAlias, final

from lxml import etree

from clacks_events.errors import EventError, MalformedEvent
from clacks_events.lexical import utc_text
from clacks_events.xml import MAX_SIZE, detached, enclosed, local_name, parse_xml, serialise, sound

__all__ = ["ENVELOPE", "NAMESPACE", "Event", "HeaderValue", "JsonValue", "PayloadDecoder", "Stamp"]

NAMESPACE = "http://www.gonicus.de/Events"
"""The namespace of the envelope and of the built-in event types."""

ENVELOPE = f"{{{NAMESPACE}}}Event"

HeaderValue: TypeAlias = str | bool | int | float | Decimal | datetime | bytes
JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

_HEADER_TYPES = (str, bool, int, float, Decimal, datetime, bytes)
_NO_HEADERS: Mapping[str, HeaderValue] = MappingProxyType({})
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_BLANK = " \t\r\n"  # what XML takes for white space
_STAMPED = ("id", "source", "time")
_LONGEST_NAME = 255  # bytes of an AMQP short string, which carries id and source


class PayloadDecoder(Protocol):
    """Whatever turns a payload into plain data; a Catalog does."""

    def to_json(self, payload: etree._Element) -> JsonValue:
        """Return the payload as plain data, typed by its schema."""


class Stamp(NamedTuple):
    """What an event gets when it is published, unless it has it already."""

    id: str
    source: str
    time: str
    """RFC 3339, with a time zone."""


@final
class Event:
    """One event: an envelope with id, source and time around one payload element."""

    __slots__ = ("_decoder", "_headers", "_id", "_payload", "_root", "_source", "_time", "_xml")

    def __init__(
        self,
        element: etree._Element,
        *,
        headers: Mapping[str, HeaderValue] | None = None,
        decoder: PayloadDecoder | None = None,
        stamp: Stamp | None = None,
    ) -> None:
        """Make an event of an ``<Event>`` element or of a bare payload; either is copied.

        Raises MalformedEvent when the envelope breaks its rules.
        """
        _check_element(element)
        root = sound(element)
        if root.tag == ENVELOPE:
            root = detached(root)
        envelope = _enveloped(root)
        if stamp is not None:
            _fill(envelope, stamp)
        self._adopt(envelope, headers, decoder, None)

    @classmethod
    def from_xml(
        cls,
        data: bytes | str,
        *,
        headers: Mapping[str, HeaderValue] | None = None,
        decoder: PayloadDecoder | None = None,
        stamp: Stamp | None = None,
        max_size: int = MAX_SIZE,
    ) -> Event:
        """Read an ``<Event>`` document, or a bare payload, from an untrusted place.

        Raises MalformedEvent for bytes that are no XML, larger than ``max_size`` bytes, carry a
        DOCTYPE, or are not one payload in one envelope.
        """
        root = parse_xml(data, max_size=max_size)
        event = cls.__new__(cls)
        written: bytes | None = None
        if root.tag == ENVELOPE and isinstance(data, bytes) and _is_plain_utf8(data):
            written = data
        envelope = _enveloped(root)
        if stamp is not None and _fill(envelope, stamp):
            written = None
        event._adopt(envelope, headers, decoder, written)
        return event

    def _adopt(
        self,
        root: etree._Element,
        headers: Mapping[str, HeaderValue] | None,
        decoder: PayloadDecoder | None,
        xml: bytes | None,
    ) -> None:
        self._root = root
        self._id, self._source, self._time = _attributes(root)
        self._headers = _checked_headers(headers) if headers else _NO_HEADERS
        self._decoder = decoder
        self._xml = xml
        self._payload: etree._Element | None = None

    @property
    def type(self) -> str:
        """The payload's name in Clark notation, ``{namespace}local``."""
        return str(self.element.tag)

    @property
    def name(self) -> str:
        """The payload's local name."""
        return local_name(self.type)

    @property
    def id(self) -> str | None:
        """A UUIDv7 unless the publisher chose another; None until published."""
        return self._id

    @property
    def source(self) -> str | None:
        """Who published the event; None until published."""
        return self._source

    @property
    def time(self) -> datetime | None:
        """When the event was published, with its time zone; None until published."""
        return self._time

    @property
    def headers(self) -> Mapping[str, HeaderValue]:
        """What the publisher sent beside the XML."""
        return self._headers

    @property
    def xml(self) -> bytes:
        """The whole event as UTF-8 without an XML declaration."""
        if self._xml is None:
            self._xml = serialise(self._root)
        return self._xml

    @property
    def payload(self) -> etree._Element:
        """The payload as an element of its own; changing it does not change the event."""
        if self._payload is None:
            self._payload = detached(self.element)
        return self._payload

    @property
    def element(self) -> etree._Element:
        """The payload inside of the event's own tree: for reading only."""
        return _payload_of(self._root)

    @property
    def document(self) -> etree._ElementTree:
        """The document whose root is the envelope: for reading only."""
        return self._root.getroottree()

    def json(self) -> dict[str, JsonValue]:
        """Return id, source, time, type and payload as plain data, typed by the XSD.

        Raises EventError when the event was read without a catalog.
        """
        if self._decoder is None:
            raise EventError(f"no catalog to type {self.type} by: read it with decoder=catalog")
        return {
            "id": self._id,
            "source": self._source,
            "time": utc_text(self._time) if self._time else None,
            "type": self.type,
            "payload": self._decoder.to_json(self.element),
        }

    def stamped(self, stamp: Stamp) -> Event:
        """Return this event with those of the three attributes filled in that it lacks.

        Raises MalformedEvent for a value that the envelope may not have.
        """
        root = copy.deepcopy(self._root)
        _fill(root, stamp)
        return self._twin(root, self._headers, self._decoder)

    def copy(self) -> Event:
        """Return an equal event with a payload element of its own."""
        return self._twin(self._root, self._headers, self._decoder)

    def with_headers(self, headers: Mapping[str, HeaderValue]) -> Event:
        """Return this event with more headers."""
        return self._twin(self._root, {**self._headers, **headers}, self._decoder)

    def with_decoder(self, decoder: PayloadDecoder) -> Event:
        """Return this event with the catalog that types its JSON form."""
        return self._twin(self._root, self._headers, decoder)

    def _twin(
        self,
        root: etree._Element,
        headers: Mapping[str, HeaderValue],
        decoder: PayloadDecoder | None,
    ) -> Event:
        event = Event.__new__(Event)
        event._adopt(root, headers, decoder, self._xml if root is self._root else None)
        return event

    def __repr__(self) -> str:
        return f"<Event {self.type} id={self._id} source={self._source}>"


def _check_element(element: object) -> None:
    if not isinstance(element, etree._Element):
        kind = f"{type(element).__module__}.{type(element).__name__}"
        raise MalformedEvent(f"an event is made of an lxml element, not of {kind}")
    if next(element.iter(etree.Entity), None) is not None:
        raise MalformedEvent("an entity reference, which nobody could resolve")
    if not isinstance(element.tag, str):
        raise MalformedEvent("a comment or a processing instruction is no payload")


def _checked_headers(headers: Mapping[str, HeaderValue]) -> Mapping[str, HeaderValue]:
    for name, value in headers.items():
        if not isinstance(name, str) or not 0 < len(_utf8(name, name)) <= _LONGEST_NAME:
            raise MalformedEvent(f"a header name is text of 1 to {_LONGEST_NAME} bytes: {name!r}")
        if not isinstance(value, _HEADER_TYPES):
            raise MalformedEvent(f"header {name!r}: {type(value).__name__} has no form on the wire")
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise MalformedEvent(f"header {name!r}: {value} has more than 64 bits")
        if isinstance(value, str):
            _utf8(name, value)
    return MappingProxyType(dict(headers))


def _utf8(name: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise MalformedEvent(f"header {name!r}: not Unicode text: {error.reason}") from error


def _fill(root: etree._Element, stamp: Stamp) -> bool:
    """Set the attributes that are missing and tell whether there were any."""
    pairs = zip(_STAMPED, stamp, strict=True)
    missing = [(name, value) for name, value in pairs if root.get(name) is None]
    for name, value in missing:
        _set(root, name, value)
    return bool(missing)


def _is_plain_utf8(data: bytes) -> bool:
    # Without a declaration and a byte order mark, XML is UTF-8 (XML 1.0, appendix F).
    return data[:1] == b"<" and data[1:2] not in (b"?", b"\x00")


def _enveloped(root: etree._Element) -> etree._Element:
    if root.tag == ENVELOPE:
        _check_content(root)
        return root
    return enclosed(root, ENVELOPE, "e")


def _check_content(root: etree._Element) -> None:
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


def _payload_of(root: etree._Element) -> etree._Element:
    first = root[0]
    if isinstance(first.tag, str):
        return first
    return next(child for child in root if isinstance(child.tag, str))


def _attributes(root: etree._Element) -> tuple[str | None, str | None, datetime | None]:
    values: dict[str, str] = {}
    for name, value in root.items():
        if name in _STAMPED:
            values[name] = value
        elif not name.startswith("{"):
            raise _bad_attribute(root, name, "is not one of id, source, time")
    for name in ("id", "source"):
        _check_name(root, name, values.get(name))
    return values.get("id"), values.get("source"), _moment(root, values.get("time"))


def _check_name(root: etree._Element, name: str, value: str | None) -> None:
    if value is None:
        return
    if not value.strip():
        raise _bad_attribute(root, name, "is empty")
    if len(value) > _LONGEST_NAME // 4 and len(value.encode()) > _LONGEST_NAME:
        raise _bad_attribute(root, name, f"is longer than {_LONGEST_NAME} bytes")


def _moment(root: etree._Element, text: str | None) -> datetime | None:
    if text is None:
        return None
    if not _RFC3339.fullmatch(text):
        raise _bad_attribute(root, "time", f"is {text!r}, not an RFC 3339 time with a time zone")
    try:
        moment = datetime.fromisoformat(text)
        # The first and the last hours of the calendar may have no UTC.
        moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _bad_attribute(root, "time", f"is {text!r}: {error}") from error
    return moment


def _bad_attribute(root: etree._Element, name: str, reason: str) -> MalformedEvent:
    return MalformedEvent(
        f"attribute {name!r} {reason}", path=f"/Event/@{name}", line=root.sourceline or 0
    )
