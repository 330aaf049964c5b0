"""The last events that came in, for those who were away for a while."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from clacks_events.gateway.copy import Copy

__all__ = ["History", "HistoryOptions", "Past"]


@dataclass(frozen=True, slots=True)
class HistoryOptions:
    """How far the past reaches: to the first bound that is met."""

    events: int = 10_000
    bytes: int = 32 * 1024 * 1024
    linger: float = 60.0
    """Seconds that events go on to be received after the last who wanted them has gone."""


@dataclass(frozen=True, slots=True)
class Past:
    """The events after one of them."""

    copies: Sequence[Copy]
    position: int | None
    """The number of the event that they follow; None if it is not known any more."""


class History:
    """A bounded row of events, numbered as they came. Loop only."""

    def __init__(self, options: HistoryOptions) -> None:
        self._options = options
        self._copies: deque[Copy] = deque()
        self._numbers: dict[str, int] = {}
        self._size = 0
        self._next = 0

    @property
    def position(self) -> int:
        """The number that the next event gets."""
        return self._next

    def __len__(self) -> int:
        return len(self._copies)

    def append(self, copy: Copy) -> None:
        """Keep an event, and drop the oldest ones for which there is no room."""
        self._copies.append(copy)
        if copy.event.id is not None:
            self._numbers[copy.event.id] = self._next
        self._next += 1
        self._size += copy.size
        options = self._options
        while self._copies and (len(self._copies) > options.events or self._size > options.bytes):
            self._drop()

    def _drop(self) -> None:
        number = self._next - len(self._copies)
        copy = self._copies.popleft()
        self._size -= copy.size
        # An id may have come twice: then the later one has the place.
        if copy.event.id is not None and self._numbers.get(copy.event.id) == number:
            del self._numbers[copy.event.id]

    def all(self) -> Past:
        """Return what there is."""
        return Past(tuple(self._copies), None)

    def after(self, id: str) -> Past:
        """Return what came after the event of an id.

        If that is gone it is what came later by the time in the ids, as far as they tell.
        """
        number = self._numbers.get(id)
        if number is None:
            return Past([copy for copy in self._copies if not _is_before(copy, id)], None)
        first = self._next - len(self._copies)
        return Past(tuple(islice(self._copies, number - first + 1, None)), number)


def _is_before(copy: Copy, id: str) -> bool:
    """Tell whether an event surely is no later than the one of an id: both are UUIDv7."""
    own = copy.event.id
    return own is not None and _is_timed(own) and _is_timed(id) and own <= id.lower()


def _is_timed(id: str) -> bool:
    try:
        return uuid.UUID(id).version == 7
    except ValueError:
        return False
