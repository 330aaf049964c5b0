"""Senders and signals, listeners and handlers, and who is there: what stands on a bus.

Nothing of this costs anything before it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock

from clacks_events.errors import ConnectionLost
from clacks_events.publishing import Publishing
from clacks_events.signals.beacon import Beacon
from clacks_events.signals.handlers import Handlers
from clacks_events.signals.listening import Listener, Listeners
from clacks_events.signals.presence_event import ANNOUNCE, LEAVE
from clacks_events.signals.pulse import Pulse
from clacks_events.signals.requests import Requests
from clacks_events.signals.roster import Roster
from clacks_events.signals.sender import Ground, Sender, SenderOptions, open_sender
from clacks_events.signals.signal import Signal
from clacks_events.subscribing import Subscribing
from clacks_events.subscription import Subscription

__all__ = ["Handlers", "Listener", "Roster", "Sender", "SenderOptions", "Signal", "Signals"]


class Signals:
    """What a bus offers beyond publish and subscribe."""

    def __init__(
        self, publishing: Publishing, subscribing: Subscribing, on_error: Callable[[], object]
    ) -> None:
        """``on_error`` is called for each exception of a listener."""
        self.requests = Requests(publishing.transport)
        self.listeners = Listeners(subscribing, on_error)
        self._publishing = publishing
        self._subscribing = subscribing
        self._pulse = Pulse()
        self._beacon = Beacon(publishing, subscribing, self._pulse)
        self._senders: list[Sender] = []
        self._roster: Roster | None = None
        self._is_closed = False
        self._lock = RLock()
        subscribing.on_interest = self._notice

    def sender(self, name: str, options: SenderOptions) -> Sender:
        """Announce a sender, which is closed with the bus at the latest."""
        sender = open_sender(name, options, Ground(self._publishing, self._beacon))
        with self._lock:
            self._senders = [known for known in self._senders if not known.is_closed]
            self._senders.append(sender)
            is_late = self._is_closed
        if is_late:
            sender.close("shutdown")
            raise ConnectionLost("the bus is closed", url=self._publishing.transport.url)
        return sender

    def handlers(self) -> Handlers:
        """Return a new table of handlers."""
        return Handlers(self._subscribing)

    def roster(self) -> Roster:
        """Return the roster, which is open."""
        with self._lock:
            if self._roster is None:
                self._roster = Roster(self._publishing, self._subscribing, self._pulse)
            roster = self._roster
        roster.open()
        return roster

    def _notice(self, subscription: Subscription) -> None:
        # Who listens for leaves is to be told of those who die without a word as well. The roster
        # itself subscribes to them: by then it is there.
        if self._roster is None and _is_about_presence(subscription):
            self.roster()

    @property
    def knows_who_is_there(self) -> bool:
        """Whether the roster is open, and tells new subscriptions nothing by itself."""
        return self._roster is not None

    def replay(self, subscription: Subscription) -> None:
        """Let a subscription that asks for presence know who is there already."""
        if _is_about_presence(subscription):
            self.roster().replay(subscription)

    def close(self) -> None:
        """Take leave for all senders and end what runs."""
        with self._lock:
            self._is_closed = True
            senders, self._senders = self._senders, []
        for sender in senders:
            sender.close("shutdown")
        self.listeners.close()
        if self._roster is not None:
            self._roster.close()
        self._pulse.close()


def _is_about_presence(subscription: Subscription) -> bool:
    return any(subscription.filter.names(type) for type in (ANNOUNCE, LEAVE))
