"""The last events that came in, for those who were away for a while."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from clacks_events.event import Event, HeaderValue

__all__ = ["History", "HistoryOptions", "Kept", "Past"]


@dataclass(frozen=True, slots=True)
class HistoryOptions:
    """How far the past reaches: to the first bound that is met."""

    events: int = 10_000
    bytes: int = 32 * 1024 * 1024
    linger: float = 60.0
    """Seconds that events go on to be received after the last who wanted them has gone."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An event as text: its tree would take ten times as much memory, and hardly any comes back."""

    id: str | None
    xml: bytes
    headers: Mapping[str, HeaderValue]


@dataclass(frozen=True, slots=True)
class Past:
    """The events after one of them."""

    events: Sequence[Kept]
    position: int | None
    """The number of the event that they follow; None if it is not known any more."""


class History:
    """A bounded row of events, numbered as they came. Loop only."""

    def __init__(self, options: HistoryOptions) -> None:
        self._options = options
        self._events: deque[Kept] = deque()
        self._numbers: dict[str, int] = {}
        self._size = 0
        self._next = 0

    @property
    def position(self) -> int:
        """The number that the next event gets."""
        return self._next

    def __len__(self) -> int:
        return len(self._events)

    def append(self, event: Event) -> None:
        """Keep an event, and drop the oldest ones for which there is no room."""
        kept = Kept(event.id, event.xml, event.headers)
        self._events.append(kept)
        if kept.id is not None:
            self._numbers[kept.id] = self._next
        self._next += 1
        self._size += len(kept.xml)
        options = self._options
        while self._events and (len(self._events) > options.events or self._size > options.bytes):
            self._drop()

    def _drop(self) -> None:
        number = self._next - len(self._events)
        kept = self._events.popleft()
        self._size -= len(kept.xml)
        # An id may have come twice: then the later one has the place.
        if kept.id is not None and self._numbers.get(kept.id) == number:
            del self._numbers[kept.id]

    def all(self) -> Past:
        """Return what there is."""
        return Past(tuple(self._events), None)

    def after(self, id: str) -> Past:
        """Return what came after the event of an id.

        If that is gone it is what came later by the time in the ids, as far as they tell.
        """
        number = self._numbers.get(id)
        if number is None:
            return Past([kept for kept in self._events if not _is_before(kept.id, id)], None)
        first = self._next - len(self._events)
        return Past(tuple(islice(self._events, number - first + 1, None)), number)


def _is_before(own: str | None, id: str) -> bool:
    """Tell whether one event surely is no later than another: both ids are UUIDv7."""
    return own is not None and _is_timed(own) and _is_timed(id) and own <= id.lower()


def _is_timed(id: str) -> bool:
    try:
        return uuid.UUID(id).version == 7
    except ValueError:
        return False
