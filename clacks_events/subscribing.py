"""The way in: subscriptions, and the inboxes that feed them."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import RLock
from typing import TypeAlias

from clacks_events.audience import Audience
from clacks_events.catalog import Catalog
from clacks_events.config import BusOptions, checked_name
from clacks_events.dispatch import Dispatcher
from clacks_events.errors import ClacksError, ConfigError, ConnectionLost, TransportError
from clacks_events.event import Event
from clacks_events.filter import Filter
from clacks_events.subscription import Handler, Subscription, Taker
from clacks_events.tally import Tally
from clacks_events.transport.base import Inbox, InboxOptions, Transport

__all__ = ["Recipe", "Subscribing"]

log = logging.getLogger(__name__)

Recipe: TypeAlias = Callable[[], Filter]
"""Makes the filter of a subscription; asked again whenever the catalog has changed."""


@dataclass(frozen=True, slots=True)
class _Own:
    """The inbox that a durable subscription has for itself."""

    inbox: Inbox
    audience: Audience


class Subscribing:
    """The subscriptions of a bus. Those that are not durable share one inbox."""

    def __init__(
        self, transport: Transport, catalog: Catalog, tally: Tally, options: BusOptions
    ) -> None:
        self.catalog = catalog
        self.on_interest: Callable[[Subscription], object] = lambda _: None
        """Called with each subscription that is new or has another filter."""
        self._transport = transport
        self._tally = tally
        self._options = options
        self._shared = self._dispatcher()
        self._inbox: Inbox | None = None
        self._durable: dict[Subscription, _Own] = {}
        self._lock = RLock()
        self._is_closed = False
        self._renewals = 0

    def __iter__(self) -> Iterator[Subscription]:
        return iter((*self._shared.audience, *self._durable))

    def open(
        self,
        recipe: Recipe,
        handler: Handler | None = None,
        *,
        durable: str | None = None,
        taker: Taker | None = None,
    ) -> Subscription:
        """Receive what the filter of a recipe matches; see Bus.subscribe.

        A ``taker`` gets the events on the transport's thread, before anybody could wait for them.
        """
        check_handler(handler)
        renewals = self._renewals
        subscription = Subscription(recipe, handler, self._remove, self._count_handler_error, taker)
        try:
            self._add(subscription, durable, renewals)
        except BaseException:
            subscription.finish()
            raise
        # Without the lock: it may take a while.
        self.on_interest(subscription)
        return subscription

    def _add(self, subscription: Subscription, durable: str | None, renewals: int) -> None:
        with self._lock:
            if self._is_closed:
                raise ConnectionLost("the bus is closed", url=self._transport.url)
            if renewals != self._renewals:
                # The catalog has changed while the filter was compiled.
                subscription.renew()
            if durable is None:
                self._share(subscription)
            else:
                self._open_durable(subscription, durable)

    def _share(self, subscription: Subscription) -> None:
        audience = self._shared.audience
        patterns = audience.bindings_with(subscription)
        if self._inbox is None:
            options = InboxOptions(self._options.window)
            self._inbox = self._transport.open_inbox(patterns, self._shared.receive, options)
        else:
            self._inbox.bind(patterns)
        audience.add(subscription)

    def _open_durable(self, subscription: Subscription, name: str) -> None:
        dispatcher = self._dispatcher()
        dispatcher.audience.add(subscription)
        inbox = self._transport.open_inbox(
            subscription.filter.bindings,
            dispatcher.receive,
            InboxOptions(self._options.window, checked_name("a durable name", name)),
        )
        self._durable[subscription] = _Own(inbox, dispatcher.audience)

    def _dispatcher(self) -> Dispatcher:
        return Dispatcher(
            self.catalog,
            self._tally,
            max_size=self._options.max_size,
            validates=self._options.check_incoming,
        )

    def refresh(self, subscription: Subscription) -> None:
        """Ask the recipe of a subscription again; returns when the new filter is in force.

        What both the former and the new filter match is never missed. When it fails the former
        filter stays. Raises FilterError, UnknownEventType or ConnectionLost.
        """
        with self._lock:
            own = self._durable.get(subscription)
            inbox, audience = (
                (self._inbox, self._shared.audience) if own is None else (own.inbox, own.audience)
            )
            if inbox is None or subscription not in audience:
                return  # it has been closed meanwhile
            former = subscription.filter
            subscription.renew()
            try:
                # Bound before it is looked for, and unbound when it is looked for no more.
                inbox.bind(audience.bindings_with(subscription))
                audience.add(subscription)
                inbox.bind(audience.bindings_with())
            except BaseException:
                subscription.filter = former
                audience.add(subscription)
                raise
        self.on_interest(subscription)

    def inject(self, event: Event) -> None:
        """Hand an event that was made here to the subscriptions that match."""
        for subscription in self._shared.audience.wanting(event):
            subscription.give((event.copy(),))

    def _remove(self, subscription: Subscription) -> None:
        with self._lock:
            own = self._durable.pop(subscription, None)
            if own is None:
                self._unshare(subscription)
        if own is None:
            subscription.finish()
        else:
            own.inbox.stop()
            subscription.finish(own.inbox.close)

    def _unshare(self, subscription: Subscription) -> None:
        audience = self._shared.audience
        audience.remove(subscription)
        if self._inbox is None or self._is_closed:
            return
        if len(audience):
            _rebind(self._inbox, audience)
        else:
            self._inbox.close()
            self._inbox = None

    def _count_handler_error(self) -> None:
        self._tally.count("handler_errors")

    def renew(self) -> None:
        """Let the subscriptions see what has changed in the catalog."""
        with self._lock:
            self._renewals += 1
            if self._is_closed:
                return
            for audience in (
                self._shared.audience,
                *(own.audience for own in self._durable.values()),
            ):
                for subscription in audience:
                    _recompile(subscription)
                    audience.add(subscription)
            if self._inbox is not None:
                _rebind(self._inbox, self._shared.audience)
            for own in self._durable.values():
                _rebind(own.inbox, own.audience)

    def close(self) -> None:
        """End all subscriptions, after what has arrived."""
        with self._lock:
            self._is_closed = True
        if self._inbox is not None:
            self._inbox.stop()
        for subscription in self:
            self._remove(subscription)


def check_handler(handler: Handler | None) -> None:
    """Raise ConfigError for what cannot be called with an event."""
    if handler is None:
        return
    if not callable(handler):
        raise ConfigError(f"a handler is a function of one event, not {type(handler).__name__}")
    if inspect.iscoroutinefunction(handler):
        raise ConfigError("the handler is async: leave it out and use async for instead")


def _rebind(inbox: Inbox, audience: Audience) -> None:
    try:
        inbox.bind(audience.bindings_with())
    except TransportError:
        # When the connection is back, it comes back with the new patterns.
        log.warning("bindings wait for the broker to return", exc_info=True)


def _recompile(subscription: Subscription) -> None:
    try:
        subscription.renew()
    except ClacksError:
        log.exception("%r keeps its former meaning", subscription.filter.text)
