"""The event: one immutable XML fact in its envelope.

The envelope is ``<Event id source time>`` in the namespace ``http://www.gonicus.de/Events`` with
exactly one child, the payload. Only the envelope is judged here; whether the payload is valid is
the catalog's business.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Protocol, TypeAlias, final

from lxml import etree

from clacks_events.envelope import (
    ENVELOPE,
    LONGEST_NAME,
    Stamp,
    SureStamp,
    attributes,
    bare_payload,
    enveloped,
    fill,
    is_stamped,
    payload_of,
    sole_payload,
)
from clacks_events.errors import EventError, MalformedEvent
from clacks_events.lexical import utc_text
from clacks_events.xml import MAX_SIZE, detached, local_name, parse_xml, serialise, sound

__all__ = ["Event", "HeaderValue", "JsonValue", "PayloadDecoder"]

HeaderValue: TypeAlias = str | bool | int | float | Decimal | datetime | bytes
JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

_HEADER_TYPES = (str, bool, int, float, Decimal, datetime, bytes)
_NO_HEADERS: Mapping[str, HeaderValue] = MappingProxyType({})


class PayloadDecoder(Protocol):
    """Whatever turns a payload into plain data; a Catalog does."""

    def to_json(self, payload: etree._Element) -> JsonValue:
        """Return the payload as plain data, typed by its schema."""


@final
class Event:
    """One event: an envelope with id, source and time around one payload element."""

    __slots__ = (
        "_decoder",
        "_element",
        "_headers",
        "_id",
        "_payload",
        "_root",
        "_source",
        "_time",
        "_type",
        "_xml",
    )

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
        payload = bare_payload(element)
        if payload is None:
            _check_entities(element)
            root, xml = detached(sound(element)), None
            payload = sole_payload(root)
            stamped = _stamped(root, stamp)
        else:
            xml, root = enveloped(payload, stamp, is_parsed=False)
            payload = payload_of(root)
            stamped = stamp if isinstance(stamp, SureStamp) else attributes(root)
        self._adopt(root, payload, stamped, headers, decoder, xml)

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
        xml: bytes | None = None
        if root.tag == ENVELOPE:
            payload = sole_payload(root)
            is_whole = stamp is None or is_stamped(root)
            stamped = _stamped(root, stamp)
            if is_whole and isinstance(data, bytes) and _is_plain_utf8(data):
                xml = data
        else:
            xml, root = enveloped(root, stamp, is_parsed=True)
            payload = payload_of(root)
            stamped = stamp if isinstance(stamp, SureStamp) else attributes(root)
        event._adopt(root, payload, stamped, headers, decoder, xml)
        return event

    def _adopt(
        self,
        root: etree._Element,
        payload: etree._Element,
        stamped: tuple[str | None, str | None, str | None],
        headers: Mapping[str, HeaderValue] | None,
        decoder: PayloadDecoder | None,
        xml: bytes | None,
    ) -> None:
        self._root = root
        # Both are asked for by each filter. lxml would make a new object for the element.
        self._element = payload
        self._type = str(payload.tag)
        self._id, self._source, self._time = stamped
        self._headers = _checked_headers(headers) if headers else _NO_HEADERS
        self._decoder = decoder
        self._xml = xml
        self._payload: etree._Element | None = None

    @property
    def type(self) -> str:
        """The payload's name in Clark notation, ``{namespace}local``."""
        return self._type

    @property
    def name(self) -> str:
        """The payload's local name."""
        return local_name(self._type)

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
        return None if self._time is None else datetime.fromisoformat(self._time)

    @property
    def headers(self) -> Mapping[str, HeaderValue]:
        """What the publisher sent beside the XML."""
        return self._headers

    @property
    def decoder(self) -> PayloadDecoder | None:
        """The catalog that types the JSON form; None when the event was read without one."""
        return self._decoder

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
            self._payload = detached(self._element)
        return self._payload

    @property
    def element(self) -> etree._Element:
        """The payload inside of the event's own tree: for reading only."""
        return self._element

    @property
    def envelope(self) -> etree._Element:
        """The root of the event's own tree: for reading only."""
        return self._root

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
            "time": utc_text(self.time) if self.time else None,
            "type": self.type,
            "payload": self._decoder.to_json(self.element),
        }

    def stamped(self, stamp: Stamp) -> Event:
        """Return this event with those of the three attributes filled in that it lacks.

        Raises MalformedEvent for a value that the envelope may not have.
        """
        event, root = Event.__new__(Event), copy.copy(self._root)
        stamped = _stamped(root, stamp)
        event._adopt(root, payload_of(root), stamped, self._headers, self._decoder, None)
        return event

    def copy(self) -> Event:
        """Return an equal event with a payload element of its own."""
        return self._twin(self._headers, self._decoder)

    def with_headers(self, headers: Mapping[str, HeaderValue]) -> Event:
        """Return this event with more headers."""
        return self._twin({**self._headers, **headers}, self._decoder)

    def with_decoder(self, decoder: PayloadDecoder) -> Event:
        """Return this event with the catalog that types its JSON form."""
        return self._twin(self._headers, decoder)

    def _twin(self, headers: Mapping[str, HeaderValue], decoder: PayloadDecoder | None) -> Event:
        event = Event.__new__(Event)
        stamped = self._id, self._source, self._time
        event._adopt(self._root, self._element, stamped, headers, decoder, self._xml)
        return event

    def __repr__(self) -> str:
        return f"<Event {self.type} id={self._id} source={self._source}>"


def _check_element(element: object) -> None:
    if not isinstance(element, etree._Element):
        kind = f"{type(element).__module__}.{type(element).__name__}"
        raise MalformedEvent(f"an event is made of an lxml element, not of {kind}")
    if not isinstance(element.tag, str):
        raise MalformedEvent("a comment or a processing instruction is no payload")


def _check_entities(element: etree._Element) -> None:
    if next(element.iter(etree.Entity), None) is not None:
        raise MalformedEvent("an entity reference, which nobody could resolve")


def _checked_headers(headers: Mapping[str, HeaderValue]) -> Mapping[str, HeaderValue]:
    for name, value in headers.items():
        if not isinstance(name, str) or not 0 < len(_utf8(name, name)) <= LONGEST_NAME:
            raise MalformedEvent(f"a header name is text of 1 to {LONGEST_NAME} bytes: {name!r}")
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


def _stamped(
    root: etree._Element, stamp: Stamp | None
) -> tuple[str | None, str | None, str | None]:
    """Set what an envelope lacks of a stamp; return its id, source and time."""
    if stamp is None:
        return attributes(root)
    is_bare = not root.keys()
    fill(root, stamp)
    return stamp if is_bare and isinstance(stamp, SureStamp) else attributes(root)


def _is_plain_utf8(data: bytes) -> bool:
    # Without a declaration and a byte order mark, XML is UTF-8 (XML 1.0, appendix F).
    return data[:1] == b"<" and data[1:2] not in (b"?", b"\x00")
