"""The bus: publish events, subscribe to those that match a query."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import RLock

from lxml import etree

from clacks_events.audience import Audience
from clacks_events.catalog import Catalog
from clacks_events.config import BusOptions, checked_name
from clacks_events.dispatch import Dispatcher
from clacks_events.envelope import Stamp
from clacks_events.errors import (
    ClacksError,
    ConfigError,
    ConnectionLost,
    TransportError,
)
from clacks_events.event import Event, HeaderValue
from clacks_events.filter import compile_filter
from clacks_events.stamp import Stamper, default_source
from clacks_events.subscription import Handler, Subscription
from clacks_events.tally import Counters, Tally
from clacks_events.topic import routing_key
from clacks_events.transport import open_transport
from clacks_events.transport.base import (
    Inbox,
    InboxOptions,
    Message,
    PublishOptions,
    Transport,
)
from clacks_events.watching import SchemaWatch
from clacks_events.xml import check_size

__all__ = ["Bus", "connect"]

log = logging.getLogger(__name__)

_MOST_KEYS = 10_000
_OPTIONS = {
    (confirm, persistent): PublishOptions(confirm, persistent)
    for confirm in (False, True)
    for persistent in (False, True)
}


def connect(
    url: str,
    *,
    schemas: Iterable[str | Path] = (),
    source: str | None = None,
    catalog: Catalog | None = None,
    options: BusOptions | None = None,
) -> Bus:
    """Connect to a broker and return the bus.

    ``schemas`` are directories of XSD files beside the built-in ones, ``source`` is the name that
    published events carry (default: the name of this host). A ``catalog`` may be shared between
    buses; then whoever made it refreshes it.

    Raises ConfigError, CatalogError or ConnectFailed.
    """
    options = options or BusOptions()
    # First what needs no connection, so that nothing has to be undone.
    name = Stamper(source or default_source()).source
    known = catalog if catalog is not None else Catalog(schemas)
    transport = open_transport(url, options)
    watch = SchemaWatch(known) if catalog is None and options.watch_schemas else None
    return Bus(transport, known, source=name, options=options, watch=watch)


@dataclass(frozen=True, slots=True)
class _Own:
    """The inbox that a durable subscription has for itself."""

    inbox: Inbox
    audience: Audience


class Bus:
    """A connection that any number of threads publish on and subscribe to."""

    def __init__(
        self,
        transport: Transport,
        catalog: Catalog,
        *,
        source: str,
        options: BusOptions,
        watch: SchemaWatch | None = None,
    ) -> None:
        """Take a transport over; use :func:`connect` unless you made one yourself."""
        self.catalog = catalog
        self._stamper = Stamper(source)
        self.transport = transport
        self._options = options
        self._watch = watch
        self._counters = Counters()
        self._tally = Tally(self._counters)
        self._shared = self._dispatcher()
        self._inbox: Inbox | None = None
        self._durable: dict[Subscription, _Own] = {}
        self._keys: dict[tuple[str, str | None], str] = {}
        self._lock = RLock()
        self._is_closed = False
        self._renewals = 0
        self._ignore_catalog = catalog.on_change(self._renew)

    @property
    def source(self) -> str:
        """Who published events come from, unless they say so themselves."""
        return self._stamper.source

    @property
    def counters(self) -> Counters:
        """What happened so far."""
        transport = self.transport.counters
        self._counters.published = transport.published
        self._counters.received = transport.received
        self._counters.lost = transport.lost
        self._counters.reconnects = transport.reconnects
        return self._counters

    def publish(
        self,
        event: Event | etree._Element | bytes | str,
        *,
        headers: Mapping[str, HeaderValue] | None = None,
        confirm: bool = False,
        persistent: bool = False,
    ) -> Event:
        """Validate an event, stamp it, send it, and return it as it was sent.

        An element or text may be a whole ``<Event>`` or a bare payload. By default this is fire
        and forget: with nobody listening the event is lost. ``confirm`` waits until the broker
        has it and somebody's queue takes it; ``persistent`` lets it survive a broker restart.

        Raises EventError and publishes nothing when the event is not valid; ConnectionLost when
        the broker stays away; PublishFailed when it refuses or, with ``confirm``, nobody takes it.
        """
        sent = self._event(event, headers, self._stamper.stamp())
        self.catalog.validate(sent, is_shared=False)
        self._send(sent, _OPTIONS[confirm, persistent])
        return sent

    def _event(
        self,
        event: Event | etree._Element | bytes | str,
        headers: Mapping[str, HeaderValue] | None,
        stamp: Stamp,
    ) -> Event:
        if isinstance(event, Event):
            if event.decoder is None:
                event = event.with_decoder(self.catalog)
            return (event.with_headers(headers) if headers else event).stamped(stamp)
        if isinstance(event, bytes | str):
            return Event.from_xml(
                event,
                headers=headers,
                decoder=self.catalog,
                stamp=stamp,
                max_size=self._options.max_size,
            )
        return Event(event, headers=headers, decoder=self.catalog, stamp=stamp)

    def _send(self, event: Event, options: PublishOptions) -> None:
        # Text was checked before it was parsed; an element has its size only now.
        check_size(event.xml, self._options.max_size)
        if self._is_closed:
            raise ConnectionLost("the bus is closed", url=self.transport.url)
        message = Message(
            event.xml,
            self._key(event.type, event.source),
            event.headers,
            id=event.id,
            type=event.type,
            time=event.time,
        )
        self.transport.publish(message, options)

    def _key(self, type: str, source: str | None) -> str:
        key = self._keys.get((type, source))
        if key is None:
            if len(self._keys) >= _MOST_KEYS:
                self._keys = {}
            key = routing_key(self.catalog.lineage(type), source)
            self._keys[type, source] = key
        return key

    def subscribe(
        self,
        query: str | None = None,
        handler: Handler | None = None,
        *,
        types: Sequence[str] = (),
        source: str | None = None,
        namespaces: Mapping[str, str] | None = None,
        durable: str | None = None,
    ) -> Subscription:
        """Receive the events that match all that is given; without anything, every event.

        ``query`` is XQuery; ``types`` are Clark or local names, each standing for its derived
        types as well; ``namespaces`` are prefixes for the query. With a ``handler`` each event is
        given to it, on a thread of the subscription's own; without one, iterate over the result.
        A ``durable`` name keeps events at the broker while nobody reads, and hands each over
        again until its handler was done with it.

        Returns when the broker delivers what matches. Raises FilterError, UnknownEventType,
        ConnectionLost, or ConfigError for a handler that cannot be called.
        """
        _check_handler(handler)
        recipe = partial(
            compile_filter,
            query,
            namespaces=namespaces,
            catalog=self.catalog,
            types=tuple(types),
            source=source,
        )
        renewals = self._renewals
        subscription = Subscription(recipe, handler, self._remove, self._count_handler_error)
        try:
            self._add(subscription, durable, renewals)
        except BaseException:
            subscription.finish()
            raise
        return subscription

    def _add(self, subscription: Subscription, durable: str | None, renewals: int) -> None:
        with self._lock:
            if self._is_closed:
                raise ConnectionLost("the bus is closed", url=self.transport.url)
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
            self._inbox = self.transport.open_inbox(patterns, self._shared.receive, options)
        else:
            self._inbox.bind(patterns)
        audience.add(subscription)

    def _open_durable(self, subscription: Subscription, name: str) -> None:
        dispatcher = self._dispatcher()
        dispatcher.audience.add(subscription)
        inbox = self.transport.open_inbox(
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
            self._inbox.bind(audience.bindings_with())
        else:
            self._inbox.close()
            self._inbox = None

    def _count_handler_error(self) -> None:
        self._tally.count("handler_errors")

    def _renew(self) -> None:
        """Let the subscriptions see what has changed in the catalog."""
        with self._lock:
            self._keys = {}
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
        """End all subscriptions, after what has arrived, and leave the broker."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        self._ignore_catalog()
        if self._watch is not None:
            self._watch.close()
        if self._inbox is not None:
            self._inbox.stop()
        for subscription in (*self._shared.audience, *self._durable):
            self._remove(subscription)
        self.transport.close()

    def __enter__(self) -> Bus:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _check_handler(handler: Handler | None) -> None:
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
