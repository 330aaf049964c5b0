"""A signal: events of one type from one source, and how many listen to them."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from threading import Lock
from typing import TypeAlias

from lxml import etree

from clacks_events.errors import ConfigError, NobodyListens, TransportError
from clacks_events.event import Event, HeaderValue
from clacks_events.publishing import Publishing
from clacks_events.signals.demand import Action, Demand, Demands
from clacks_events.signals.turnout import Turnout
from clacks_events.stamp import Stamper
from clacks_events.transport.base import PublishOptions
from clacks_events.xml import local_name

__all__ = ["Payload", "Signal"]

log = logging.getLogger(__name__)

Payload: TypeAlias = "Event | etree._Element | bytes | str | Mapping[str, object]"
"""An event, a payload or its text, or plain data in the form that ``Event.json()`` gives."""

_CONFIRMED = PublishOptions(confirm=True)


class Signal:
    """Pushes events of one type from one source. Made by Sender.signal.

    Where listeners are counted, a bus counts once however many subscriptions it has, and so does
    each durable subscription. The sender's own bus counts as well.
    """

    def __init__(
        self,
        type: str,
        source: str,
        publishing: Publishing,
        demands: Demands,
        on_close: Callable[[Signal], None],
    ) -> None:
        """Take a Clark name and a source; raise ConfigError for one that no event could carry."""
        self.type = type
        self._stamper = Stamper(source)
        self._publishing = publishing
        self._demands = demands
        self._on_close = on_close
        self._lock = Lock()
        self._demand: Demand | None = None
        self._turnout = Turnout(publishing.transport, self._turned)
        self._is_closing = False
        self._is_closed = False

    @property
    def source(self) -> str:
        """The source that its events carry."""
        return self._stamper.source

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be pushed any more."""
        return self._is_closed

    def push(self, payload: Payload, headers: Mapping[str, HeaderValue] | None = None) -> int:
        """Publish an event of this type, or of one derived from it; return how many listen.

        A broker that cannot count says 1 for any number; on a paused bus nobody listens.

        Raises EventError for a payload that is not valid, ConfigError for an event of another
        type or source and when the signal is closed, ConnectionLost or PublishFailed.
        """
        if self._is_closed:
            raise ConfigError(f"{self} is closed")
        event = event_of(payload, self.type, self._publishing)
        self._check(event)
        try:
            _, count = self._publishing.send(
                event, headers=headers, options=_CONFIRMED, stamper=self._stamper
            )
        except NobodyListens:
            return 0
        return count

    def _check(self, event: Event) -> None:
        if event.type != self.type and event.type not in self._publishing.catalog.derived(
            self.type
        ):
            raise ConfigError(f"{self} cannot push an event of type {event.type}")
        if event.source not in (None, self.source):
            raise ConfigError(f"{self} cannot push an event of source {event.source!r}")

    @property
    def listeners(self) -> int:
        """How many listened when the broker last said so, which is 1 where it cannot count.

        Who listens to a derived type only counts as well; where that is so this is the number
        for the type that has most. Watched from the first use on, which raises ConnectionLost
        when the broker is away; 0 when the signal is closed.
        """
        with self._lock:
            if self._is_closing:
                return 0
            if not self._turnout.is_watched:
                self._watch()
        return self._turnout.count

    def on_demand(self, start: Action, stop: Action) -> None:
        """Call ``start`` with the first listener and ``stop`` when the last is gone.

        Somebody who listens already is the first. The two take turns on a thread of the sender,
        where they may block and push; an exception is logged. Whoever comes and goes within one
        call is not noticed. Closing the signal stops what was started.

        Raises ConfigError when called twice or after ``close``, ConnectionLost.
        """
        for action in (start, stop):
            if not callable(action) or inspect.iscoroutinefunction(action):
                raise ConfigError(f"{self}: on demand plain functions are called, not {action!r}")
        with self._lock:
            if self._is_closing:
                raise ConfigError(f"{self} is closed")
            if self._demand is not None:
                raise ConfigError(f"{self} is produced on demand already")
            if not self._turnout.is_watched:
                self._watch()
            self._demand = Demand(lambda: self._turnout.count > 0, start, stop)
            self._demands.add(self._demand)

    def _watch(self) -> None:
        # Who listens to a derived type only gets some of what is pushed here.
        types = sorted(self._publishing.catalog.derived(self.type))
        self._turnout.watch(self._publishing.key(type, self.source) for type in types)

    def _turned(self) -> None:
        # Without the lock, which is held while the transport may be calling this.
        if self._demand is not None:
            self._demands.look(self._demand)

    def renew(self) -> None:
        """Watch as the catalog, which has changed, now wants it."""
        with self._lock:
            if self._is_closing or not self._turnout.is_watched:
                return
            try:
                self._watch()
            except TransportError:
                log.warning("%s is watched as before the schemas changed", self, exc_info=True)

    def close(self) -> None:
        """Push no more; returns when what runs on demand is stopped."""
        with self._lock:
            self._is_closing = True
            self._turnout.watch(())
        if self._demand is not None:
            # The last action may still push.
            self._demands.end(self._demand)
        self._is_closed = True
        self._on_close(self)

    def __str__(self) -> str:
        return f"signal {local_name(self.type)} of {self.source!r}"


def event_of(payload: Payload, type: str, publishing: Publishing) -> Event:
    """Return the event that a payload makes; plain data is taken as of a type, a Clark name.

    Raises EventError.
    """
    if isinstance(payload, Event):
        return payload
    catalog = publishing.catalog
    if isinstance(payload, Mapping):
        return catalog.build(type, payload)
    if isinstance(payload, bytes | str):
        return Event.from_xml(payload, decoder=catalog, max_size=publishing.options.max_size)
    return Event(payload, decoder=catalog)
