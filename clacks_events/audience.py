"""The subscriptions that share an inbox, and which of them an event is for."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator

from clacks_events.errors import EvaluationError
from clacks_events.event import Event
from clacks_events.filter import Filter, FilterIndex, Subject
from clacks_events.subscription import Subscription
from clacks_events.tally import Tally
from clacks_events.topic import simplified

__all__ = ["Audience"]

log = logging.getLogger(__name__)


class _Seat:
    """A subscription with the filter that it has now."""

    __slots__ = ("filter", "subscription")

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        self.filter: Filter = subscription.filter


class Audience:
    """Subscriptions, and the index over their filters.

    Changed by one thread at a time, asked by any number.
    """

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._seats: dict[Subscription, _Seat] = {}
        self._index = FilterIndex[_Seat](self._failed)
        self._only: _Seat | None = None
        self._patterns: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._seats)

    def __contains__(self, subscription: object) -> bool:
        return subscription in self._seats

    def __iter__(self) -> Iterator[Subscription]:
        return iter(tuple(self._seats))

    def bindings_with(self, subscription: Subscription | None = None) -> tuple[str, ...]:
        """Return the topic patterns of all, and of one that is not yet among them."""
        patterns = set(self._patterns)
        if subscription is not None:
            patterns.update(subscription.filter.bindings)
        return simplified(patterns)

    def add(self, subscription: Subscription) -> None:
        """Let a subscription have the events that its filter matches, or renew its filter."""
        seat, former = _Seat(subscription), self._seats.get(subscription)
        # The new one first: what both filters match must not be missed in between.
        self._index.add(seat, seat.filter)
        self._patterns.update(seat.filter.bindings)
        self._seats[subscription] = seat
        if former is not None:
            self._leave(former)
        self._count()

    def remove(self, subscription: Subscription) -> None:
        """Forget a subscription, if it is there."""
        seat = self._seats.pop(subscription, None)
        if seat is not None:
            self._leave(seat)
            self._count()

    def _leave(self, seat: _Seat) -> None:
        self._index.remove(seat)
        self._patterns.subtract(seat.filter.bindings)
        self._patterns = +self._patterns

    def _count(self) -> None:
        # A single filter is faster than an index with one entry.
        self._only = next(iter(self._seats.values())) if len(self._seats) == 1 else None

    def wanting(self, event: Event) -> list[Subscription]:
        """Return the subscriptions whose filters match an event."""
        only = self._only
        if only is None:
            return list(dict.fromkeys(seat.subscription for seat in self._index.match(event)))
        try:
            return [only.subscription] if only.filter.evaluate(Subject(event)) else []
        except EvaluationError as error:
            self._failed(only, error)
            return []

    def _failed(self, seat: _Seat, error: EvaluationError) -> None:
        if self._tally.count("filter_errors"):
            log.warning("no match: %r fails on an event: %s", seat.filter.text, error)
