"""Events for one client: filters on one side, a bounded queue on the other."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, final

from clacks_events.errors import LimitReached
from clacks_events.filter.analysis.interest import Demand
from clacks_events.gateway.copy import Copy
from clacks_events.gateway.wanted import Wanted

__all__ = ["Batch", "Bounds", "Home", "Seat", "Sink", "Stream"]


@dataclass(frozen=True, slots=True)
class Batch:
    """What a stream had at one moment."""

    copies: Sequence[Copy] = ()
    lost: int = 0
    """How many were dropped since the last batch, all of them before these."""
    has_gap: bool = False
    """Whether events may be missing before what comes now: the broker was away."""
    more: bool = False
    """Whether more is waiting."""
    is_closing: bool = False
    """Whether nothing more will come: the stream or the gateway ends."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a stream holds."""

    events: int = 1000
    bytes: int = 8 * 1024 * 1024
    filters: int = 100


class Seat:
    """One filter of a stream, as the hub knows it."""

    __slots__ = ("demands", "stream", "wanted")

    def __init__(self, stream: Stream, wanted: Wanted) -> None:
        self.stream = stream
        self.wanted = wanted
        self.demands: frozenset[Demand] = frozenset()
        """What the broker was asked for on its behalf."""


Sink: TypeAlias = Callable[[Copy], bool]
"""Sends an event at once, and tells whether it could."""


class Home(Protocol):
    """Where streams live, and what feeds them."""

    async def join(self, seat: Seat) -> None:
        """Deliver what a filter matches."""

    def leave(self, seat: Seat) -> None:
        """Deliver no more of that."""

    def forget(self, stream: Stream) -> None:
        """Know a stream no more."""

    def count_lost(self, kind: str) -> None:
        """Count an event for which there was no room."""

    def count_delivered(self, kind: str, number: int) -> None:
        """Count events that are on their way."""


_NOTHING = Batch()
_THE_END = Batch(is_closing=True)


@final
class Stream:
    """Events in order, each once however many filters match. Loop only.

    When it is full the oldest go, and whoever reads is told how many did.
    """

    __slots__ = (
        "_copies",
        "_has_gap",
        "_home",
        "_is_closed",
        "_lost",
        "_seats",
        "_size",
        "_waiting",
        "bounds",
        "kind",
        "sink",
    )

    def __init__(self, home: Home, kind: str, bounds: Bounds) -> None:
        """Make one; use ``Gate.open_stream``."""
        self._home = home
        self.kind = kind
        """Which protocol it belongs to."""
        self.bounds = bounds
        self.sink: Sink | None = None
        """Gets events while somebody waits for them; what it does not take is queued."""
        self._seats: dict[Hashable, Seat] = {}
        self._copies: deque[Copy] = deque()
        self._size = 0
        self._lost = 0
        self._has_gap = False
        self._waiting: asyncio.Future[None] | None = None
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._seats)

    def __contains__(self, key: object) -> bool:
        return key in self._seats

    @property
    def seats(self) -> Sequence[Seat]:
        """Its filters."""
        return tuple(self._seats.values())

    @property
    def is_closed(self) -> bool:
        """Whether ``close`` was called, or the gateway ends."""
        return self._is_closed

    async def add(self, key: Hashable, wanted: Wanted) -> None:
        """Let in what a filter matches, under a key; the same key again replaces the filter.

        Returns when the broker delivers it. Raises ConnectionLost, and LimitReached for more
        filters than a stream may have.
        """
        if key not in self._seats and len(self._seats) >= self.bounds.filters:
            raise LimitReached(f"a client may have {self.bounds.filters} filters at a time")
        seat, former = Seat(self, wanted), self._seats.get(key)
        self._seats[key] = seat
        try:
            await self._home.join(seat)
        except BaseException:
            if self._seats.get(key) is seat:
                del self._seats[key]
                if former is not None:
                    self._seats[key] = former
            raise
        if former is not None:
            self._home.leave(former)
        if self._is_closed:
            # It was closed meanwhile, and did not know of this one.
            self._home.leave(seat)

    async def remove(self, key: Hashable) -> None:
        """Take a filter away; without one of this key, do nothing."""
        seat = self._seats.pop(key, None)
        if seat is not None:
            self._home.leave(seat)

    def renewed(self, seat: Seat) -> Seat:
        """Put another in the place of a seat, for a filter that has changed."""
        new = Seat(self, seat.wanted)
        new.demands = seat.demands
        for key, each in self._seats.items():
            if each is seat:
                self._seats[key] = new
        return new

    def put(self, copy: Copy) -> None:
        """Hand over an event."""
        if self._is_closed:
            return
        if self._waiting is not None and self.sink is not None and self.sink(copy):
            self._home.count_delivered(self.kind, 1)
            return
        self._copies.append(copy)
        self._size += copy.size
        while len(self._copies) > self.bounds.events or (
            self._size > self.bounds.bytes and len(self._copies) > 1
        ):
            self._size -= self._copies.popleft().size
            self._lost += 1
            self._home.count_lost(self.kind)
        self._wake()

    def miss(self) -> None:
        """Say that events may be missing."""
        self._has_gap = True
        self._wake()

    def nudge(self) -> None:
        """Let whoever waits have an empty batch."""
        self._wake()

    def prepend(self, copies: Sequence[Copy]) -> None:
        """Hand over events of the past, before those that have come since."""
        present = {copy.event.id for copy in self._copies}
        later, self._copies = self._copies, deque()
        self._size = 0
        for copy in (*(each for each in copies if each.event.id not in present), *later):
            self.put(copy)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    async def next(self, timeout: float | None = None, most: int = 100) -> Batch:
        """Return up to ``most`` events, as soon as there are any.

        The batch is empty after ``timeout`` seconds, when the stream ends, and when somebody else
        asks as well.
        """
        if not (self._copies or self._lost or self._has_gap or self._is_closed):
            await self._wait(timeout)
        return self.take(most)

    async def _wait(self, timeout: float | None) -> None:
        loop = asyncio.get_running_loop()
        self._wake()
        self._waiting = waiting = loop.create_future()
        # No wait_for: of those that wait there may be thousands.
        timer = None if timeout is None else loop.call_later(timeout, _expire, waiting)
        try:
            await waiting
        finally:
            if timer is not None:
                timer.cancel()

    def take(self, most: int = 100) -> Batch:
        """Return up to ``most`` events that are there, without waiting."""
        if not (self._copies or self._lost or self._has_gap):
            return _THE_END if self._is_closed else _NOTHING
        taken = [self._copies.popleft() for _ in range(min(most, len(self._copies)))]
        self._size -= sum(copy.size for copy in taken)
        lost, self._lost = self._lost, 0
        has_gap, self._has_gap = self._has_gap, False
        if taken:
            self._home.count_delivered(self.kind, len(taken))
        more = bool(self._copies)
        return Batch(taken, lost, has_gap, more=more, is_closing=self._is_closed)

    def end(self) -> None:
        """Take no more events; what is there can still be read."""
        if self._is_closed:
            return
        self._is_closed = True
        for seat in self._seats.values():
            self._home.leave(seat)
        self._seats.clear()
        self._wake()

    def close(self) -> None:
        """Drop all filters and events."""
        self.end()
        self._copies.clear()
        self._size = 0
        self._home.forget(self)


def _expire(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
