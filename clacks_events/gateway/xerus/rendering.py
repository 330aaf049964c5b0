"""Events on their way to Xerus clients: what cannot be one of theirs is counted and left out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from clacks_events.catalog import Catalog
from clacks_events.errors import EventError, MalformedEvent, UnknownEventType
from clacks_events.event import Event, JsonValue
from clacks_events.gateway.xerus.values import ValueObjects
from clacks_events.tally import Tally
from clacks_events.transport.base import Message

__all__ = ["Incoming", "Reader", "Render", "renderer"]

log = logging.getLogger(__name__)

Render: TypeAlias = Callable[[Event], "dict[str, JsonValue] | None"]
"""Makes the value object of an event; None for what is no event of Xerus."""

_REMEMBERED: Final = 256


def renderer(values: ValueObjects, tally: Tally) -> Render:
    """Return what makes value objects; it never fails."""

    def render(event: Event) -> dict[str, JsonValue] | None:
        try:
            return values.to_value(event)
        except EventError as error:
            # Its type may have gone from the catalog since somebody asked for it.
            _set_aside(tally, error, event.type)
            return None

    return render


@dataclass(frozen=True, slots=True)
class Incoming:
    """What a mailbox brought, as far as it matters to Xerus clients."""

    value: dict[str, JsonValue]
    lineage: tuple[str, ...]
    """Of its type, as Clark names."""
    rid: str | None
    """The resource of the object that it comes from."""
    size: int


class Reader:
    """Parses and validates messages as a bus does. On the thread of a transport."""

    def __init__(self, catalog: Catalog, max_size: int, tally: Tally, render: Render) -> None:
        self._catalog = catalog
        self._max_size = max_size
        self._tally = tally
        self._render = render
        # Many channels get the same event, one after the other.
        self._known: dict[bytes, Incoming | None] = {}
        self.close = catalog.on_change(self._known.clear)

    def read(self, message: Message) -> Incoming | None:
        """Return what a message is to Xerus clients; None for what is set aside."""
        if message.body in self._known:
            return self._known[message.body]
        try:
            found = self._parsed(message)
        except EventError as error:
            _set_aside(self._tally, error, message.key)
            found = None
        except Exception:
            # A mistake of ours that this event brings to light: the others must not suffer.
            if self._tally.count("failed"):
                log.exception("set aside: event with key %s brought an error", message.key)
            found = None
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[message.body] = found
        return found

    def _parsed(self, message: Message) -> Incoming | None:
        event = Event.from_xml(
            message.body,
            headers=message.headers,
            decoder=self._catalog,
            max_size=self._max_size,
        )
        self._catalog.validate(event, is_shared=False)
        value = self._render(event)
        if value is None:
            return None
        lineage = self._catalog.lineage(event.type)
        return Incoming(value, lineage, _rid(value), len(message.body))


def _rid(value: dict[str, JsonValue]) -> str | None:
    members = value["value"]
    source = members.get("source") if isinstance(members, dict) else None
    rid = source.get("rid") if isinstance(source, dict) else None
    return rid if isinstance(rid, str) else None


def _set_aside(tally: Tally, error: EventError, what: str) -> None:
    kind = {MalformedEvent: "malformed", UnknownEventType: "unknown"}.get(type(error), "invalid")
    if tally.count(kind):
        log.error("set aside: %s event (%s): %s", kind, what, error)
