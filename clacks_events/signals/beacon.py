"""Says of the senders of a bus that they are there."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import RLock

from lxml import etree

from clacks_events.errors import NameTaken, TransportError
from clacks_events.event import Event
from clacks_events.filter import compile_filter
from clacks_events.presence import Announcement
from clacks_events.publishing import Publishing
from clacks_events.signals.presence_event import (
    POLL,
    Leave,
    announce_payload,
    leave_payload,
    renew_payload,
)
from clacks_events.signals.pulse import Cancel, Pulse
from clacks_events.stamp import Stamper
from clacks_events.subscribing import Subscribing
from clacks_events.subscription import Subscription

__all__ = ["Beacon"]

log = logging.getLogger(__name__)


class _Lit:
    """A sender that is announced, and what its events are stamped by."""

    __slots__ = ("announcement", "stamper")

    def __init__(self, announcement: Announcement) -> None:
        self.announcement = announcement
        self.stamper = Stamper(announcement.name)


class Beacon:
    """Announces senders: at first, again in each interval, and to whoever asks.

    A bus that is paused goes on with that. Methods may be called from any thread.
    """

    def __init__(self, publishing: Publishing, subscribing: Subscribing, pulse: Pulse) -> None:
        self._publishing = publishing
        self._subscribing = subscribing
        self._pulse = pulse
        self._lit: dict[str, _Lit] = {}
        self._rounds: dict[float, Cancel] = {}
        self._polls: Subscription | None = None
        # The first for whoever adds and removes; what answers and renews takes the second alone.
        self._lock = RLock()
        self._sending = RLock()

    def add(self, announcement: Announcement) -> None:
        """Announce a sender, and go on with it until it is removed.

        Raises ConfigError for a name that no event can have as its source, NameTaken for one that
        is announced already, EventError for text that XML cannot hold, TransportError.
        """
        lit = _Lit(announcement)
        with self._lock:
            if announcement.name in self._lit:
                raise NameTaken(f"there is a sender {announcement.name!r} on this bus already")
            self._lit[announcement.name] = lit
            try:
                self._answer_polls()
                self._send(announce_payload(announcement), lit.stamper)
                self._begin_rounds(announcement.interval)
            except BaseException:
                self._put_out(announcement.name)
                raise

    def remove(self, name: str, reason: str = "closed") -> None:
        """Say that a sender leaves; nothing happens if it is not announced.

        A broker that is away is not told: whoever listens there sees the sender expire.
        """
        with self._lock:
            lit = self._put_out(name)
        if lit is not None:
            self._take_leave([lit], reason)

    def close(self, reason: str = "shutdown") -> None:
        """Say that all senders leave."""
        with self._lock:
            found = [self._put_out(name) for name in tuple(self._lit)]
        self._take_leave([lit for lit in found if lit is not None], reason)

    def _answer_polls(self) -> None:
        if self._polls is None:
            recipe = partial(compile_filter, None, catalog=self._subscribing.catalog, types=(POLL,))
            self._polls = self._subscribing.open(recipe, self._answer)

    def _begin_rounds(self, interval: float) -> None:
        if interval not in self._rounds:
            self._rounds[interval] = self._pulse.every(interval, partial(self._renew, interval))

    def _put_out(self, name: str) -> _Lit | None:
        lit = self._lit.pop(name, None)
        intervals = {each.announcement.interval for each in self._lit.values()}
        for interval in self._rounds.keys() - intervals:
            self._rounds.pop(interval)()
        if not self._lit and self._polls is not None:
            self._ignore_polls(self._polls)
        return lit

    def _ignore_polls(self, polls: Subscription) -> None:
        self._polls = None
        try:
            polls.close()
        except TransportError as error:
            log.debug("the broker is away and goes on sending polls: %s", error)

    def _answer(self, _: Event) -> None:
        self._say_still_there(tuple(self._lit.values()))

    def _renew(self, interval: float) -> None:
        lit = tuple(self._lit.values())
        self._say_still_there(each for each in lit if each.announcement.interval == interval)

    def _say_still_there(self, several: Iterable[_Lit]) -> None:
        with _unless_away():
            for lit in several:
                self._send_renew(lit)

    def _take_leave(self, several: Iterable[_Lit], reason: str) -> None:
        with _unless_away():
            for lit in several:
                told = lit.announcement
                leave = leave_payload(Leave(told.name, told.instance, reason))
                self._send(leave, lit.stamper)

    def _send_renew(self, lit: _Lit) -> None:
        # Looked at while nobody else sends: the leave is the last that is heard of a sender.
        with self._sending:
            if self._lit.get(lit.announcement.name) is lit:
                # Not from the sender: who listens to all that it says is not told this each time.
                self._send(renew_payload(lit.announcement), None)

    def _send(self, payload: etree._Element, stamper: Stamper | None) -> None:
        with self._sending:
            self._publishing.publish(payload, stamper=stamper, even_paused=True)


@contextmanager
def _unless_away() -> Iterator[None]:
    try:
        yield
    except TransportError as error:
        # It ends the round: each of the others would wait for the broker just as long.
        log.debug("presence is not told while the broker is away: %s", error)
