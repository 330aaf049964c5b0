"""One subscription for many that want different events."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from functools import partial

from clacks_events.errors import TransportError
from clacks_events.filter import Filter
from clacks_events.filter.analysis.interest import Demand, Interest
from clacks_events.filter.nodes import Literal, Module
from clacks_events.filter.plan import Lineages, plan, selection
from clacks_events.subscribing import Subscribing
from clacks_events.subscription import Handler, Subscription, Taker

__all__ = ["Demand", "Feed", "joined"]

log = logging.getLogger(__name__)

_ANY = Demand()
_ALL = Module((), Literal(True))
_MOST = 128  # as many bindings as a plan gives to the broker


class Feed:
    """A subscription that is opened with the first demand and follows what is wanted.

    Changed by one thread at a time.
    """

    def __init__(
        self,
        subscribing: Subscribing,
        handler: Handler | None = None,
        *,
        taker: Taker | None = None,
    ) -> None:
        """Give the events to a handler, or to a taker; see Subscribing.open."""
        self._open = partial(subscribing.open, self._recipe, handler, taker=taker)
        self._subscribing = subscribing
        self._wanted: frozenset[Demand] = frozenset()
        self._subscription: Subscription | None = None

    def widen(self, wanted: Iterable[Demand]) -> None:
        """Receive all that is wanted; returns when the broker delivers it.

        Raises ConnectionLost; then the former interest stays.
        """
        former, self._wanted = self._wanted, _essential(frozenset(wanted))
        try:
            self._ask(former)
        except BaseException:
            self._wanted = former
            raise

    def _ask(self, former: frozenset[Demand]) -> None:
        subscription = self._subscription
        if subscription is None or subscription.is_closed:
            self._subscription = self._open()
        elif self._wanted != former:
            self._subscribing.refresh(subscription)

    def narrow(self, wanted: Iterable[Demand]) -> None:
        """Receive no more than is still wanted, as soon as the broker can be told."""
        former, self._wanted = self._wanted, _essential(frozenset(wanted))
        if self._subscription is None or self._wanted == former:
            return
        try:
            self._subscribing.refresh(self._subscription)
        except TransportError:
            # What comes beyond that finds nobody who wants it.
            log.warning("bindings wait for the broker to return", exc_info=True)

    def _recipe(self) -> Filter:
        # Asked for by threads that hold other locks: it takes none.
        return joined(self._wanted, self._subscribing.catalog)

    def close(self) -> None:
        """Receive no more, after what has arrived."""
        if self._subscription is not None:
            self._subscription.close()


def joined(wanted: Iterable[Demand], catalog: Lineages) -> Filter:
    """Return the filter for events that meet at least one demand.

    A Clark name stands for its derived types as well, ``{*}local`` for that name alone. Beyond
    128 demands their sources are no longer asked for.
    """
    narrow = {part for demand in _coarse(wanted) for part in _parts(demand, catalog)}
    interest = Interest(_essential(_coarse(narrow)))
    return Filter("", plan(interest, decides=True), _ALL)


def _parts(demand: Demand, catalog: Lineages) -> frozenset[Demand]:
    types = () if demand.type is None else (demand.type,)
    return selection(types, demand.source, catalog).demands


def _coarse(demands: Iterable[Demand]) -> frozenset[Demand]:
    found = frozenset(demands)
    if len(found) <= _MOST:
        return found
    # A plan weighs each type against each source.
    return frozenset(Demand(demand.type) for demand in found)


def _essential(demands: Collection[Demand]) -> frozenset[Demand]:
    """Return the demands without those that a wider one includes."""
    if _ANY in demands:
        return frozenset((_ANY,))
    return frozenset(
        demand
        for demand in demands
        if None in (demand.type, demand.source)
        or (Demand(demand.type) not in demands and Demand(source=demand.source) not in demands)
    )
