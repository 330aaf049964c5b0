"""Handlers by glob on ``source/Type``: exactly one gets each event."""

from __future__ import annotations

from collections.abc import Mapping
from threading import RLock

from clacks_events.errors import ConfigError, NameTaken, NotRegistered
from clacks_events.event import Event
from clacks_events.signals.globs import GlobTable
from clacks_events.signals.interest import Demand, Feed
from clacks_events.stamp import Stamper
from clacks_events.subscribing import Subscribing, check_handler
from clacks_events.subscription import Handler

__all__ = ["Handlers"]

_BORDER = "\0"  # between source and type: in no XML, whereas a source may have a "/"


class Handlers:
    """A table of handlers. Each event goes to the one with the best pattern for its name.

    The name of an event is ``source/Type``, the local name of its type; derived types have names
    of their own. An exact name goes before each glob, the glob with more literal characters before
    the others, of equal ones the one that was added first; what no pattern fits is for the
    ``default``. ``*`` stands for any characters, in a source for ``/`` as well.

    A source may hold ``/`` itself: the last one of a pattern is the one before the type. So
    ``plant/*`` is all of the source ``plant``, and ``plant/*/*`` all of those below it.
    """

    def __init__(self, subscribing: Subscribing) -> None:
        self._table: GlobTable[Handler] = GlobTable()
        self._default: Handler | None = None
        # What each pattern, and None for the default, asks the broker for.
        self._asked: Mapping[str | None, Demand] = {}
        self._feed = Feed(subscribing, self._deliver)
        self._lock = RLock()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._table)

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns that have a handler, in the order of their adding."""
        return tuple(pattern for pattern in self._asked if pattern is not None)

    def add(self, pattern: str, handler: Handler) -> None:
        """Give the events whose names fit a pattern to a handler; returns when they come.

        Raises NameTaken for a pattern that has a handler, ConfigError for one that fits no name,
        ConnectionLost.
        """
        _check(handler)
        demand = _demand(pattern)
        with self._lock:
            if pattern in self._asked:
                raise NameTaken(f"there is a handler for {pattern!r} already")
            self._widen({**self._asked, pattern: demand})
            self._table.add(_bordered(pattern), handler)

    def remove(self, pattern: str) -> Handler:
        """Take the handler of a pattern away and return it. Raises NotRegistered."""
        with self._lock:
            if pattern is None or pattern not in self._asked:
                raise NotRegistered(f"there is no handler for {pattern!r}")
            handler = self._table.remove(_bordered(pattern))
            self._narrow_without(pattern)
            return handler

    @property
    def default(self) -> Handler | None:
        """The handler of what no pattern fits; as long as there is one, every event is received."""
        return self._default

    @default.setter
    def default(self, handler: Handler | None) -> None:
        with self._lock:
            if handler is not None:
                _check(handler)
                self._widen({**self._asked, None: Demand()})
            self._default = handler
            if handler is None:
                self._narrow_without(None)

    def _widen(self, asked: Mapping[str | None, Demand]) -> None:
        if self._is_closed:
            raise ConfigError("the handlers are closed")
        self._feed.widen(asked.values())
        self._asked = asked

    def _narrow_without(self, pattern: str | None) -> None:
        self._asked = {key: demand for key, demand in self._asked.items() if key != pattern}
        if not self._is_closed:
            self._feed.narrow(self._asked.values())

    def _deliver(self, event: Event) -> None:
        # No lock: it must not wait for who waits for the broker.
        handler = self._table.find(f"{event.source or ''}{_BORDER}{event.name}") or self._default
        if handler is not None:
            handler(event)

    def close(self) -> None:
        """Take no more events, and wait for the handlers to finish those that arrived."""
        with self._lock:
            self._is_closed = True
        # Without the lock: a handler may be about to change the table.
        self._feed.close()

    def __enter__(self) -> Handlers:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _check(handler: Handler | None) -> None:
    if handler is None:
        raise ConfigError("a handler is a function of one event, not None")
    check_handler(handler)


def _bordered(pattern: str) -> str:
    source, slash, name = pattern.rpartition("/")
    return f"{source}{_BORDER}{name}" if slash else name


def _demand(pattern: str) -> Demand:
    """Return what the broker is to deliver for a pattern: no less, but maybe more."""
    if not isinstance(pattern, str):
        raise ConfigError(f"a pattern is text, not {type(pattern).__name__}")
    source, slash, name = pattern.rpartition("/")
    if not name or not (slash or "*" in name):
        raise ConfigError(f"{pattern!r} fits no event: a name is source/Type")
    _check_characters(pattern)
    is_type = slash and "*" not in name
    is_source = source and "*" not in source
    return Demand(
        # By its local name alone, also while no schema here declares it.
        f"{{*}}{name}" if is_type else None,
        Stamper(source).source if is_source else None,
    )


def _check_characters(pattern: str) -> None:
    if _BORDER in pattern:
        raise ConfigError(f"not a pattern: {pattern!r}: no event has a null character")
    try:
        pattern.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(f"not a pattern: {pattern!r}: {error.reason}") from error
