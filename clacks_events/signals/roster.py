"""Who is on the bus: a live view."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable, Iterator
from functools import partial
from threading import Condition, Lock

from clacks_events.errors import ConnectionLost, EvaluationError, TransportError
from clacks_events.event import Event
from clacks_events.filter import Filter, Subject, compile_filter
from clacks_events.presence import Announcement, Change, Kind, PresenceTable
from clacks_events.publishing import Publishing
from clacks_events.signals.feed import ChangeFeed, OnChange
from clacks_events.signals.presence_event import (
    ANNOUNCE,
    LEAVE,
    RENEW,
    announcement_event,
    leave_event,
    poll_payload,
    read_announcement,
    read_leave,
)
from clacks_events.signals.pulse import Cancel, Pulse
from clacks_events.subscribing import Subscribing
from clacks_events.subscription import Subscription

__all__ = ["Roster"]

log = logging.getLogger(__name__)

# All in seconds.
_QUIET = 0.05
_LONGEST_OPENING = 0.3
_SETTLING = 1.0


class Roster:
    """The senders that are there, by name; usable from any thread.

    Who dies without a word is told to be gone within three of its intervals, by a SenderLeave
    that is made here for the subscriptions of this bus; whose announcement came too early for
    them is told by a SenderAnnounce made here.
    """

    def __init__(self, publishing: Publishing, subscribing: Subscribing, pulse: Pulse) -> None:
        self._publishing = publishing
        self._subscribing = subscribing
        self._pulse = pulse
        self._table = PresenceTable()
        self._last_announce = 0.0
        self._alarm: tuple[float, Cancel] | None = None
        self._made: set[str] = set()
        self._feed = ChangeFeed()
        self._changed = Condition()
        self._opening = Lock()
        self._subscription: Subscription | None = None
        self._is_closed = False

    def open(self) -> None:
        """Ask who is there and listen from now on; once it is open, do nothing.

        Returns when the answers are in, after 0.3 s at most. Raises TransportError.
        """
        with self._opening:
            if self._is_closed:
                raise ConnectionLost("the bus is closed")
            if self._subscription is not None:
                return
            subscription = self._subscribing.open(self._recipe, self._hear)
            try:
                self._publishing.publish(poll_payload(), even_paused=True)
            except BaseException:
                subscription.close()
                raise
            self._subscription = subscription
            self._wait_until_quiet()

    def _recipe(self) -> Filter:
        return compile_filter(
            None, catalog=self._subscribing.catalog, types=(ANNOUNCE, RENEW, LEAVE)
        )

    def _wait_until_quiet(self) -> None:
        start = time.monotonic()
        with self._changed:
            while not self._is_closed:
                quiet = max(start, self._last_announce) + _QUIET
                rest = min(quiet, start + _LONGEST_OPENING) - time.monotonic()
                if rest <= 0:
                    return
                self._changed.wait(rest)

    def __len__(self) -> int:
        return len(self._table)

    def __iter__(self) -> Iterator[Announcement]:
        """Go through those that are there now, by name."""
        with self._changed:
            found = [seen.announcement for seen in self._table]
        return iter(sorted(found, key=lambda announcement: announcement.name))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def names(self) -> tuple[str, ...]:
        """Return the names of those that are there, sorted."""
        return tuple(announcement.name for announcement in self)

    def get(self, name: str) -> Announcement | None:
        """Return what a sender told of itself, or None if it is not there."""
        with self._changed:
            seen = self._table.get(name)
        return None if seen is None else seen.announcement

    def wait_for(self, name: str, timeout: float) -> Announcement:
        """Wait until a sender is there.

        Raises TimeoutError after ``timeout`` seconds, ConnectionLost when the roster is closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or name in self, timeout)
            found = self.get(name)
            if found is not None:
                return found
            if self._is_closed:
                raise ConnectionLost("the bus is closed")
        raise TimeoutError(f"no sender {name!r} within {timeout:g} s")

    def on_change(self, callback: OnChange) -> Cancel:
        """Call a function with each change, one after the other, on a thread of the bus.

        It should not block. Returns a function that ends this.
        """
        return self._feed.listen(callback)

    def announcements_as_events(self) -> list[Event]:
        """Return a SenderAnnounce for each sender that is there, made here and now."""
        return [announcement_event(announcement, self._publishing.catalog) for announcement in self]

    def replay(self, subscription: Subscription) -> None:
        """Let a subscription that is in force have the announcements of those that are there.

        An announce or a leave that arrives at the same time may be handed over twice.
        """
        with self._changed:
            _put(subscription, self.announcements_as_events())
            # The leave of one of them may have reached the subscription, and not yet this table.
            cancel = self.on_change(partial(self._replay_leave, subscription))
        self._pulse.after(_SETTLING, cancel)

    def _replay_leave(self, subscription: Subscription, change: Change) -> None:
        if change.kind is Kind.LEFT:
            _put(subscription, [leave_event(change, self._publishing.catalog)])

    def _hear(self, event: Event) -> None:
        now = time.monotonic()
        with self._changed:
            if event.id in self._made:
                self._made.discard(event.id)
                return
        if event.type in self._subscribing.catalog.derived(LEAVE):
            leave = read_leave(event)
            with self._changed:
                self._note(self._table.leave(*leave, now), unsaid=())
        else:
            self._hear_of(read_announcement(event), now, is_new=event.type == ANNOUNCE)
        self._feed.tell()

    def _hear_of(self, announcement: Announcement, now: float, *, is_new: bool) -> None:
        # Of whom only a renewal was heard, the announcement came too early for us.
        unsaid = (Kind.LEFT,) if is_new else tuple(Kind)
        with self._changed:
            self._last_announce = now
            self._note(self._table.announce(announcement, now), unsaid=unsaid)

    def _expire(self) -> None:
        with self._changed:
            self._alarm = None
            self._note(self._table.expire(time.monotonic()), unsaid=(Kind.LEFT,))
        self._feed.tell()

    def _note(self, changes: Iterable[Change], *, unsaid: Collection[Kind]) -> None:
        for change in changes:
            # What no event has told the subscriptions here is told by one made here.
            self._feed.put(change, self._inject if change.kind in unsaid else None)
        self._set_alarm()
        self._changed.notify_all()

    def _set_alarm(self) -> None:
        due = self._table.next_expiry()
        if due is None or self._is_closed or (self._alarm and self._alarm[0] <= due):
            return
        if self._alarm is not None:
            self._alarm[1]()
        self._alarm = (due, self._pulse.after(due - time.monotonic(), self._expire))

    def _inject(self, change: Change) -> None:
        catalog = self._publishing.catalog
        if change.kind is Kind.LEFT:
            event = leave_event(change, catalog)
        else:
            event = announcement_event(change.announcement, catalog)
        # It comes back to the subscription of this roster, which knows already.
        with self._changed:
            self._made.add(str(event.id))
        self._subscribing.inject(event)

    def close(self) -> None:
        """Listen no more; whoever waits is told."""
        with self._changed:
            self._is_closed = True
            alarm, self._alarm = self._alarm, None
            self._changed.notify_all()
        if alarm is not None:
            alarm[1]()
        with self._opening:
            subscription, self._subscription = self._subscription, None
        if subscription is None:
            return
        try:
            subscription.close()
        except TransportError as error:
            log.debug("the broker is away and goes on sending announcements: %s", error)


def _put(subscription: Subscription, events: Iterable[Event]) -> None:
    subscription.give([event for event in events if _matches(subscription.filter, event)])


def _matches(wanted: Filter, event: Event) -> bool:
    try:
        return wanted.evaluate(Subject(event))
    except EvaluationError:
        # As with an event from the broker, it is no match.
        return False
