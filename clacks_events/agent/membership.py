"""How an agent says that it is there, what it offers and how busy it is."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from threading import Lock

from lxml import etree

from clacks_events.agent.peer_events import (
    Capabilities,
    Status,
    client_poll,
    node_announce,
    node_capabilities,
    node_leave,
    node_status,
)
from clacks_events.agent.peer_reader import (
    NODE_ANNOUNCE,
    NODE_CAPABILITIES,
    NODE_STATUS,
    base_type,
    id_of,
)
from clacks_events.agent.voice import Voice
from clacks_events.bus import Bus
from clacks_events.errors import ConfigError, ConnectionLost, TransportError
from clacks_events.event import Event
from clacks_events.filter import Filter, compile_filter
from clacks_events.signals.pulse import Cancel, Pulse
from clacks_events.subscription import Subscription

__all__ = ["INTERVAL", "Capabilities", "Membership", "Status"]

log = logging.getLogger(__name__)

INTERVAL = 10.0
"""Seconds between two statuses."""
_PATIENCE = 1.0  # seconds; who is there answers at once
_MOST_ANNOUNCES = 100  # that may be on their way
_RETOLD = 6  # intervals after which the capabilities are told to those who have missed them


class Membership:
    """Says of a node that it is there: first, to each that comes later, and every interval.

    The status is told every interval, the capabilities every sixth, for those who missed them.
    Open the agent's own roster before, so that it hears the answers. When nobody answers, the
    clients are asked to say who they are. A bus that is paused goes on with that.
    """

    def __init__(
        self,
        bus: Bus,
        pulse: Pulse,
        name: str,
        *,
        describe: Callable[[], Capabilities],
        measure: Callable[[], Status],
        interval: float = INTERVAL,
        patience: float = _PATIENCE,
    ) -> None:
        """Speak for the node ``name``; bus and pulse stay the caller's.

        ``describe`` and ``measure`` are called from several threads, one at a time. ``interval``
        and ``patience``, the time for answers, are in seconds. Raises ConfigError.
        """
        if not 0 < interval < float("inf") or not 0 <= patience < float("inf"):
            raise ConfigError(f"node {name!r}: {interval!r} and {patience!r} are no two times")
        self.name = name
        self._bus = bus
        self._pulse = pulse
        self._voice = Voice(bus.publishing, name)
        self._describe = describe
        self._measure = measure
        self._interval = interval
        self._patience = patience
        self._latency = 0.0
        self._probe = ("", 0.0)
        self._announces: deque[str] = deque(maxlen=_MOST_ANNOUNCES)
        self._is_announced = False
        self._rounds = 0
        # Until it has looked around: who came after it, and whether somebody was there before.
        self._newcomers: set[str] | None = set()
        self._is_alone = True
        self._jobs: list[Cancel] = []
        self._subscription: Subscription | None = None
        self._is_closed = False
        self._opening = Lock()
        self._speaking = Lock()

    def open(self) -> None:
        """Announce the node, and go on until it is closed; once it is open, do nothing.

        Raises TransportError, or EventError for what XML cannot hold.
        """
        with self._opening:
            if self._is_closed:
                raise ConnectionLost("the membership is closed")
            if self._subscription is not None:
                return
            self._subscription = self._bus.subscribing.open(self._recipe(), self._hear)
            try:
                self._announce()
                self._jobs.append(self._pulse.every(self._interval, self._renew))
                self._jobs.append(self._pulse.after(self._patience, self._look_around))
            except BaseException:
                self._stop()
                raise

    @property
    def is_heard(self) -> bool:
        """Whether the announce has come back, and the broker took all that was said since."""
        return self._is_announced

    def _recipe(self) -> Callable[[], Filter]:
        types = (NODE_ANNOUNCE, NODE_CAPABILITIES, NODE_STATUS)
        catalog = self._bus.subscribing.catalog
        return partial(compile_filter, None, catalog=catalog, types=types)

    def _announce(self) -> None:
        """Say all but the status, which follows when the announce has come back."""
        with self._speaking:
            announce = self._probed(node_announce(self.name))
            self._announces.append(str(announce.id))
            self._voice.say(announce, node_capabilities(self.name, self._describe()))

    def _renew(self) -> None:
        self._rounds += 1
        if self._is_announced:
            self._tell_status()
            if self._rounds % _RETOLD == 0:
                self._tell_capabilities()
            return
        # Until it is heard, at least here: who was not may have been dropped elsewhere, and the
        # others here.
        try:
            self._announce()
        except TransportError as error:
            log.debug("presence is not told while the broker is away: %s", error)

    def _tell_status(self) -> None:
        with self._speaking:
            status = node_status(self.name, self._measure(), self._latency)
            self._is_announced = self._voice.try_to_say(self._probed(status))

    def _tell_capabilities(self) -> None:
        with self._speaking:
            self._voice.try_to_say(node_capabilities(self.name, self._describe()))

    def _answer(self) -> None:
        with self._speaking:
            capabilities = node_capabilities(self.name, self._describe())
            status = node_status(self.name, self._measure(), self._latency)
            self._voice.try_to_say(capabilities, status)

    def _probed(self, payload: etree._Element) -> Event:
        event = self._voice.event(payload)
        # It may be back before the call that publishes it is.
        self._probe = (str(event.id), time.perf_counter())
        return event

    def _hear(self, event: Event) -> None:
        now = time.perf_counter()
        kind, id = base_type(event, self._bus.subscribing.catalog), id_of(event.element)
        probe, sent = self._probe
        if event.id == probe:
            self._latency = now - sent
        if id == self.name:
            self._hear_own(event, kind)
        elif kind == NODE_ANNOUNCE:
            if self._newcomers is not None:
                self._newcomers.add(id)
            self._answer()
        elif self._newcomers is not None and id not in self._newcomers:
            self._is_alone = False

    def _hear_own(self, event: Event, kind: str) -> None:
        if kind != NODE_ANNOUNCE:
            return
        if event.id in self._announces:
            self._is_announced = True
            self._tell_status()
        else:
            log.warning("another node is called %r as well: see event %s", self.name, event.id)

    def _look_around(self) -> None:
        self._newcomers = None
        if self._is_alone:
            self._voice.try_to_say(client_poll())

    def close(self) -> None:
        """Say that the node leaves; a broker that is away is not told."""
        with self._opening:
            self._is_closed = True
            is_open = self._subscription is not None
            self._voice.end(*((node_leave(self.name),) if is_open else ()))
            self._stop()

    def _stop(self) -> None:
        jobs, self._jobs = self._jobs, []
        for cancel in jobs:
            cancel()
        subscription, self._subscription = self._subscription, None
        if subscription is None:
            return
        try:
            subscription.close()
        except TransportError as error:
            log.debug("the broker is away and goes on sending presence: %s", error)

    def __enter__(self) -> Membership:
        self.open()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
