"""What one node or client says of itself, until it says that it leaves."""

from __future__ import annotations

import logging
from threading import RLock

from lxml import etree

from clacks_events.errors import TransportError
from clacks_events.event import Event
from clacks_events.publishing import Publishing
from clacks_events.stamp import Stamper

__all__ = ["Voice"]

log = logging.getLogger(__name__)


class Voice:
    """Publishes events of one source, also while the bus is paused; from any thread."""

    def __init__(self, publishing: Publishing, source: str) -> None:
        """Raise ConfigError for a source that no event can have."""
        self._publishing = publishing
        self._stamper = Stamper(source)
        self._has_ended = False
        # The last words are the last that is heard, whatever other threads are about to say.
        self._lock = RLock()

    def event(self, payload: etree._Element) -> Event:
        """Make an event, with its id, that is to be said."""
        return Event(payload, decoder=self._publishing.catalog, stamp=self._stamper.stamp())

    def say(self, *events: Event | etree._Element) -> None:
        """Publish events, or nothing after the last words. Raises EventError, TransportError."""
        with self._lock:
            if self._has_ended:
                return
            for event in events:
                self._publishing.publish(event, stamper=self._stamper, even_paused=True)

    def try_to_say(self, *events: Event | etree._Element) -> bool:
        """Publish as :meth:`say` does; tell whether the broker was there."""
        try:
            self.say(*events)
        except TransportError as error:
            log.debug("presence is not told while the broker is away: %s", error)
            return False
        return True

    def end(self, *last_words: etree._Element) -> None:
        """Publish the last words; a broker that is away is not told."""
        with self._lock:
            self.try_to_say(*last_words)
            self._has_ended = True
