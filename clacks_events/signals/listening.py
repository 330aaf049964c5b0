"""Listeners: to everything, to a sender, to a type, to a type of a sender; one after the other."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable
from operator import attrgetter
from threading import RLock

from clacks_events.errors import ConfigError
from clacks_events.event import Event
from clacks_events.signals.interest import Demand, Feed
from clacks_events.stamp import Stamper
from clacks_events.subscribing import Subscribing, check_handler
from clacks_events.subscription import Handler

__all__ = ["Listener", "Listeners"]

log = logging.getLogger(__name__)

_NUMBER = attrgetter("number")
_NOBODY = ""  # the sender of what has none, whom nobody can listen to


class Listener:
    """A handler that is called with some of the events until it is closed."""

    def __init__(
        self, handler: Handler, demand: Demand, number: int, on_close: Callable[[Listener], None]
    ) -> None:
        self.handler = handler
        self.demand = demand
        self.number = number
        self._on_close = on_close
        self._is_closed = False

    @property
    def sender(self) -> str | None:
        """Whose events it gets; None is anybody's."""
        return self.demand.source

    @property
    def type(self) -> str | None:
        """The Clark name of the type that it gets, with derived types; None is any."""
        return self.demand.type

    @property
    def is_closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._is_closed

    def close(self) -> None:
        """Call the handler no more; a call that has begun may go on for a while.

        With the last listener of a bus, wait for that as well, unless a handler closes it.
        """
        self._is_closed = True
        self._on_close(self)

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class Listeners:
    """The listeners of a bus. They share one subscription, and so its thread and its order."""

    def __init__(self, subscribing: Subscribing, on_error: Callable[[], object]) -> None:
        """``on_error`` is called for each exception of a handler."""
        self._subscribing = subscribing
        self._on_error = on_error
        self._numbers = itertools.count()
        self._circle: _Circle | None = None
        self._lock = RLock()

    def add(
        self, handler: Handler, *, sender: str | None = None, type: str | None = None
    ) -> Listener:
        """Call a handler with the events of a sender, of a type, of both, or with all.

        The sender need not exist yet; ``type`` is a Clark or local name and stands for its derived
        types as well. Adding a handler twice has it called twice. Returns when the broker delivers.
        Raises UnknownEventType, ConfigError or ConnectionLost.
        """
        if handler is None:
            raise ConfigError("a listener needs a handler")
        check_handler(handler)
        demand = self._demand(sender, type)
        with self._lock:
            listener = Listener(handler, demand, next(self._numbers), self._remove)
            circle = self._circle
            if circle is None:
                circle = _Circle(self._subscribing, self._on_error)
            circle.join(listener)
            self._circle = circle
        return listener

    def _demand(self, sender: str | None, type: str | None) -> Demand:
        return Demand(
            None if type is None else self._subscribing.catalog.resolve(type),
            None if sender is None else _checked(sender),
        )

    def _remove(self, listener: Listener) -> None:
        with self._lock:
            circle = self._circle
            if circle is None or listener not in circle:
                return
            circle.leave(listener)
            if len(circle):
                return
            self._circle = None
        # Without the lock: a handler may be about to add a listener.
        circle.close()

    def close(self) -> None:
        """Call no listener any more, after what has arrived."""
        with self._lock:
            circle, self._circle = self._circle, None
        if circle is not None:
            circle.close()


class _Circle:
    """The listeners from the first to the last, with the subscription that they share.

    Whoever comes after the last finds another one: the former may still hold events.
    """

    def __init__(self, subscribing: Subscribing, on_error: Callable[[], object]) -> None:
        self._catalog = subscribing.catalog
        self._on_error = on_error
        self._listeners: set[Listener] = set()
        # Replaced, never changed: whoever delivers takes no lock.
        self._seats: dict[Demand, tuple[Listener, ...]] = {}
        self._feed = Feed(subscribing, self._deliver)

    def __len__(self) -> int:
        return len(self._listeners)

    def __contains__(self, listener: Listener) -> bool:
        return listener in self._listeners

    def join(self, listener: Listener) -> None:
        demand = listener.demand
        self._feed.widen({*self._seats, demand})
        self._listeners.add(listener)
        self._seats[demand] = (*self._seats.get(demand, ()), listener)

    def leave(self, listener: Listener) -> None:
        demand = listener.demand
        self._listeners.remove(listener)
        left = tuple(each for each in self._seats[demand] if each is not listener)
        if left:
            self._seats[demand] = left
            return
        del self._seats[demand]
        if self._listeners:
            self._feed.narrow(self._seats)

    def close(self) -> None:
        self._feed.close()

    def _deliver(self, event: Event) -> None:
        for number, listener in enumerate(self._hearing(event)):
            if not listener.is_closed:
                # A copy each: what one does to the payload is not seen by the others.
                self._call(listener, event.copy() if number else event)

    def _hearing(self, event: Event) -> list[Listener]:
        """Return who is to be called, in order."""
        sender, types = event.source or _NOBODY, self._catalog.lineage(event.type)
        return [
            *self._seated((Demand(),)),
            *self._seated((Demand(source=sender),)),
            *self._seated(Demand(type) for type in types),
            *self._seated(Demand(type, sender) for type in types),
        ]

    def _seated(self, demands: Iterable[Demand]) -> list[Listener]:
        found = (each for demand in demands for each in self._seats.get(demand, ()))
        return sorted(found, key=_NUMBER)

    def _call(self, listener: Listener, event: Event) -> None:
        try:
            listener.handler(event)
        except Exception:
            # It is the user's code: whatever it raises must not keep the others from theirs.
            self._on_error()
            log.exception("a listener failed on event %s (%s)", event.id, event.type)


def _checked(sender: str) -> str:
    if not isinstance(sender, str) or not sender:
        raise ConfigError(f"a sender has a name, not {sender!r}")
    return Stamper(sender).source
