"""What is listened to: everything, a sender, an event type, or a type of a sender."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple

from clacks_events import Bus, ConfigError, Event, NotRegistered
from clacks_events.signals import Listener

__all__ = ["Registration", "Registrations", "TooMany"]

MOST: Final = 32


class TooMany(ConfigError):
    """A registration more than there may be."""


class Registration(NamedTuple):
    """What is listened to; None is any."""

    sender: str | None
    event: str | None
    """The Clark name of a type; those derived from it count as well."""

    def __str__(self) -> str:
        event = "every event" if self.event is None else self.event
        return f"{event} of {'any sender' if self.sender is None else repr(self.sender)}"


class Registrations:
    """What is listened to, each with its listener. Changed by one thread at a time."""

    def __init__(self, bus: Bus, handler: Callable[[Event], object]) -> None:
        """Listen to everything."""
        self._bus = bus
        self._handler = handler
        # Each sender says every few seconds that it is there: soon there would be nothing else.
        self._renewal = bus.catalog.resolve("SenderRenew")
        # Replaced, never changed: whoever reads takes no lock.
        self._listeners: dict[Registration, Listener] = {}
        self.add(None, None)

    def __iter__(self) -> Iterator[Registration]:
        return iter(self._listeners)

    def add(self, sender: str | None, event: str | None) -> None:
        """Listen to a type or to all, of a sender or of any; twice counts once.

        Raises UnknownEventType, ConfigError for what no sender can be called, TooMany, or
        ConnectionLost.
        """
        wanted = self._named(sender, event)
        if wanted in self._listeners:
            return
        if len(self._listeners) >= MOST:
            raise TooMany(f"there are {MOST} registrations; remove one first")
        hear = partial(self._hear, wanted)
        listener = self._bus.listen(hear, sender=wanted.sender, type=wanted.event)
        self._listeners = {**self._listeners, wanted: listener}

    def remove(self, sender: str | None, event: str | None) -> None:
        """Listen to that no more. Raises NotRegistered, or UnknownEventType."""
        given = Registration(sender, event)
        # As it is first: its schema may be gone.
        wanted = given if given in self._listeners else self._named(sender, event)
        if wanted not in self._listeners:
            raise NotRegistered(f"there is no registration for {wanted}")
        left = dict(self._listeners)
        listener = left.pop(wanted)
        self._listeners = left
        listener.close()

    def _named(self, sender: str | None, event: str | None) -> Registration:
        if sender is not None and not sender.isprintable():
            raise ConfigError(f"sender {sender!r}: printable characters only")
        return Registration(sender, None if event is None else self._bus.catalog.resolve(event))

    def _hear(self, wanted: Registration, event: Event) -> None:
        if event.type != self._renewal or wanted.event is not None:
            self._handler(event)
