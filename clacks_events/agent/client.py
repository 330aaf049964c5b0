"""How a client says that it is there and what it offers."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Final

from lxml import etree

from clacks_events.agent.devices import network_devices
from clacks_events.agent.peer_events import (
    client_announce,
    client_leave,
    client_ping,
    client_signature,
)
from clacks_events.agent.peer_reader import CLIENT_POLL
from clacks_events.agent.peers import ClientMethod, NetworkDevice
from clacks_events.agent.voice import Voice
from clacks_events.bus import Bus
from clacks_events.errors import ConfigError, ConnectionLost, TransportError
from clacks_events.event import Event
from clacks_events.filter import Filter, compile_filter
from clacks_events.signals.pulse import Cancel, Pulse
from clacks_events.subscription import Subscription

__all__ = ["PING_INTERVAL", "POLL_DELAY", "ClientPresence", "ClientProfile"]

log = logging.getLogger(__name__)

PING_INTERVAL: Final = 600.0
"""Seconds between two pings."""
POLL_DELAY: Final = (0.0, 30.0)
"""The bounds of the random wait before a poll is answered, in seconds."""

_RETOLD = 6  # pings after which all is told to those who have missed it


@dataclass(frozen=True, slots=True)
class ClientProfile:
    """What a client tells of itself."""

    id: str
    """It keeps that for ever: a UUID as a rule."""
    name: str
    """For a person: the host name as a rule."""
    methods: tuple[ClientMethod, ...] = ()
    devices: tuple[NetworkDevice, ...] = ()
    """Its network interfaces; without any, those that this machine has whenever it tells them."""


class ClientPresence:
    """Says of a client that it is there: first, when somebody asks, and with a ping every interval.

    With every sixth ping it tells all again, for those who missed it. A bus that is paused goes
    on with that.
    """

    def __init__(
        self,
        bus: Bus,
        pulse: Pulse,
        profile: ClientProfile,
        *,
        ping_interval: float = PING_INTERVAL,
        poll_delay: tuple[float, float] = POLL_DELAY,
    ) -> None:
        """Speak for a client; bus and pulse stay the caller's.

        A poll is answered after a random time between the two of ``poll_delay``, so that not all
        clients answer at once. Raises ConfigError.
        """
        if not 0 < ping_interval < float("inf"):
            raise ConfigError(f"a ping interval is a number of seconds above 0: {ping_interval!r}")
        if not 0 <= poll_delay[0] <= poll_delay[1] < float("inf"):
            raise ConfigError(f"a poll delay is a least and a longest time: {poll_delay!r}")
        self.profile = profile
        self._bus = bus
        self._pulse = pulse
        self._voice = Voice(bus.publishing, profile.id)
        self._ping_interval = ping_interval
        self._poll_delay = poll_delay
        self._is_announced = False
        self._rounds = 0
        self._pings: Cancel | None = None
        self._answer: Cancel | None = None
        self._subscription: Subscription | None = None
        self._is_closed = False
        self._opening = Lock()
        self._polling = Lock()

    def open(self) -> None:
        """Announce the client, and go on until it is closed; once it is open, do nothing.

        Raises TransportError, or EventError for what XML cannot hold.
        """
        with self._opening:
            if self._is_closed:
                raise ConnectionLost("the presence is closed")
            if self._subscription is not None:
                return
            self._subscription = self._bus.subscribing.open(self._recipe(), self._hear_poll)
            try:
                self._voice.say(*self._introduction())
                self._is_announced = True
                self._pings = self._pulse.every(self._ping_interval, self._ping)
            except BaseException:
                self._stop()
                raise

    def _recipe(self) -> Callable[[], Filter]:
        catalog = self._bus.subscribing.catalog
        return partial(compile_filter, None, catalog=catalog, types=(CLIENT_POLL,))

    def _introduction(self) -> tuple[etree._Element, etree._Element]:
        own = self.profile
        devices = own.devices or network_devices()
        return (
            client_announce(own.id, own.name, devices),
            client_signature(own.id, own.name, own.methods),
        )

    def _introduce(self) -> None:
        self._is_announced = self._voice.try_to_say(*self._introduction())

    def _ping(self) -> None:
        self._rounds += 1
        if self._is_announced:
            self._is_announced = self._voice.try_to_say(client_ping(self.profile.id))
            if self._rounds % _RETOLD:
                return
        # Who could not be heard may have been dropped, with all that it told.
        self._introduce()

    def _hear_poll(self, _: Event) -> None:
        with self._polling:
            # One answer is enough for all who ask before it is given.
            if self._answer is None and not self._is_closed:
                delay = random.uniform(*self._poll_delay)
                self._answer = self._pulse.after(delay, self._answer_poll)

    def _answer_poll(self) -> None:
        with self._polling:
            self._answer = None
        self._introduce()

    def close(self) -> None:
        """Say that the client leaves; a broker that is away is not told."""
        with self._opening:
            self._is_closed = True
            is_open = self._subscription is not None
            self._voice.end(*((client_leave(self.profile.id),) if is_open else ()))
            self._stop()

    def _stop(self) -> None:
        with self._polling:
            jobs = [job for job in (self._pings, self._answer) if job is not None]
            self._pings = self._answer = None
        for cancel in jobs:
            cancel()
        subscription, self._subscription = self._subscription, None
        if subscription is None:
            return
        try:
            subscription.close()
        except TransportError as error:
            log.debug("the broker is away and goes on sending polls: %s", error)

    def __enter__(self) -> ClientPresence:
        self.open()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
