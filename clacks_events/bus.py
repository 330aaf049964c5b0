"""The bus: publish events, subscribe to those that match a query."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from threading import Lock

from lxml import etree

from clacks_events.catalog import Catalog
from clacks_events.config import BusOptions
from clacks_events.event import Event, HeaderValue, JsonValue
from clacks_events.filter import Filter, compile_filter
from clacks_events.naming import NamedSubscriptions
from clacks_events.publishing import Publishing
from clacks_events.rpc import Parameters
from clacks_events.signals import Handlers, Listener, Roster, Sender, SenderOptions, Signals
from clacks_events.stamp import Stamper, default_source
from clacks_events.subscribing import Subscribing
from clacks_events.subscription import Handler, Subscription
from clacks_events.tally import Counters, Tally
from clacks_events.transport import open_transport
from clacks_events.transport.base import PublishOptions, Transport
from clacks_events.watching import SchemaWatch

__all__ = ["Bus", "connect"]

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
        self.transport = transport
        self._counters = Counters()
        tally = Tally(self._counters)
        self.publishing = Publishing(transport, catalog, tally, options, source=source)
        self.subscribing = Subscribing(transport, catalog, tally, options)
        self._signals = Signals(
            self.publishing, self.subscribing, partial(tally.count, "handler_errors")
        )
        self._named = NamedSubscriptions()
        self._watch = watch
        self._lock = Lock()
        self._is_closed = False
        self._ignore_catalog = catalog.on_change(self._renew)

    @property
    def source(self) -> str:
        """Who published events come from, unless they say so themselves."""
        return self.publishing.source

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
        the broker stays away; PublishFailed when it refuses; with ``confirm``, NobodyListens.
        """
        return self.publishing.publish(
            event, headers=headers, options=_OPTIONS[confirm, persistent]
        )

    def pause(self) -> None:
        """Send nothing from now on: what is published is validated, counted as muted, and lost."""
        self.publishing.is_paused = True

    def resume(self) -> None:
        """Send again what is published from now on."""
        self.publishing.is_paused = False

    @property
    def is_paused(self) -> bool:
        """Whether what is published is not sent."""
        return self.publishing.is_paused

    def subscribe(
        self,
        query: str | None = None,
        handler: Handler | None = None,
        *,
        types: Sequence[str] = (),
        source: str | None = None,
        namespaces: Mapping[str, str] | None = None,
        durable: str | None = None,
        name: str | None = None,
        replace: bool = False,
    ) -> Subscription:
        """Receive the events that match all that is given; without anything, every event.

        ``query`` is XQuery; ``types`` are Clark or local names, each standing for its derived
        types as well; ``namespaces`` are prefixes for the query. With a ``handler`` each event is
        given to it, on a thread of the subscription's own; without one, iterate over the result.
        A ``durable`` name keeps events at the broker while nobody reads, and hands each over
        again until its handler was done with it. A ``name`` is for ``unsubscribe``: given twice
        with the same meaning it counts once, with another it raises NameTaken unless ``replace``
        ends the former.

        Returns when the broker delivers what matches. Raises FilterError, UnknownEventType,
        ConnectionLost, or ConfigError for a handler that cannot be called.
        """
        recipe = partial(
            compile_filter,
            query,
            namespaces=namespaces,
            catalog=self.catalog,
            types=tuple(types),
            source=source,
        )
        subscribe = partial(self._subscribe, recipe, handler, durable)
        if name is None:
            return subscribe()
        prefixes = frozenset((namespaces or {}).items())
        meaning = (query, handler, tuple(types), source, prefixes, durable)
        return self._named.add(name, meaning, subscribe, replace=replace)

    def _subscribe(
        self, recipe: Callable[[], Filter], handler: Handler | None, durable: str | None
    ) -> Subscription:
        is_late = self._signals.knows_who_is_there
        subscription = self.subscribing.open(recipe, handler, durable=durable)
        try:
            if is_late:
                self._signals.replay(subscription)
        except BaseException:
            subscription.close()
            raise
        return subscription

    def unsubscribe(self, name: str) -> None:
        """Close the subscription of a name. Raises NotRegistered."""
        self._named.remove(name)

    def sender(
        self,
        name: str,
        types: Sequence[str] = (),
        *,
        methods: Mapping[str, Callable[..., JsonValue]] | None = None,
        default: Callable[..., JsonValue] | None = None,
    ) -> Sender:
        """Announce a sender of event types, which may take requests as well.

        ``types`` are Clark or local names; ``methods`` are called with the parameters of a
        request, ``default`` with the name of any other method and its parameters. The sender
        lives until it is closed. Raises NameTaken while another of this name lives anywhere on
        the bus, UnknownEventType, ConfigError or ConnectionLost.
        """
        return self._signals.sender(name, SenderOptions(types, methods, default))

    def request(
        self,
        sender: str,
        method: str,
        params: Parameters | None = None,
        *,
        timeout: float = 10.0,
    ) -> JsonValue:
        """Ask a sender to carry out one of its methods, and return the result.

        Raises UnknownSender at once if there is none that takes requests, UnknownCommand for a
        method that it does not have, RemoteError for one that failed, RpcTimeout after
        ``timeout`` seconds.
        """
        return self._signals.requests.request(sender, method, params, timeout)

    def listen(
        self,
        handler: Handler,
        *,
        sender: str | None = None,
        type: str | None = None,
    ) -> Listener:
        """Call a handler with the events of a sender, of a type, of both, or with all.

        All listeners of a bus share one thread, so that their order is fixed for each event:
        first who wants everything, then by sender, then by type, then by both.
        """
        return self._signals.listeners.add(handler, sender=sender, type=type)

    def handlers(self) -> Handlers:
        """Return a table of handlers by glob on ``source/Type``, one of which gets each event."""
        return self._signals.handlers()

    def roster(self) -> Roster:
        """Return who is on the bus, now and from now on; the first call takes up to 0.3 s."""
        return self._signals.roster()

    def _renew(self) -> None:
        self.publishing.forget_keys()
        self.subscribing.renew()

    def close(self) -> None:
        """End all subscriptions, after what has arrived, and leave the broker."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        self._ignore_catalog()
        if self._watch is not None:
            self._watch.close()
        self._signals.close()
        self.publishing.close()
        self.subscribing.close()
        self.transport.close()

    def __enter__(self) -> Bus:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
