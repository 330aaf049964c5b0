"""The way out: an event is stamped, validated and sent."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

from clacks_events.catalog import Catalog
from clacks_events.config import BusOptions
from clacks_events.envelope import Stamp
from clacks_events.errors import ConnectionLost
from clacks_events.event import Event, HeaderValue
from clacks_events.stamp import Stamper
from clacks_events.tally import Tally
from clacks_events.topic import routing_key
from clacks_events.transport.base import Message, PublishOptions, Transport
from clacks_events.xml import check_size

__all__ = ["Publishing"]

_MOST_KEYS = 10_000
_FIRE_AND_FORGET = PublishOptions()


class Publishing:
    """What a bus publishes with, from any thread."""

    def __init__(
        self,
        transport: Transport,
        catalog: Catalog,
        tally: Tally,
        options: BusOptions,
        *,
        source: str,
    ) -> None:
        self.transport = transport
        self.catalog = catalog
        self.options = options
        self.is_paused = False
        self._tally = tally
        self._stamper = Stamper(source)
        self._keys: dict[tuple[str, str | None], str] = {}
        self._is_closed = False

    @property
    def source(self) -> str:
        """Who published events come from, unless they say so themselves."""
        return self._stamper.source

    def publish(
        self,
        event: Event | etree._Element | bytes | str,
        *,
        headers: Mapping[str, HeaderValue] | None = None,
        options: PublishOptions = _FIRE_AND_FORGET,
        stamper: Stamper | None = None,
        even_paused: bool = False,
    ) -> Event:
        """Validate an event, stamp it, send it, and return it as it was sent; see Bus.publish."""
        return self._publish(event, headers, options, stamper, even_paused=even_paused)[0]

    def send(
        self,
        event: Event | etree._Element | bytes | str,
        *,
        headers: Mapping[str, HeaderValue] | None = None,
        options: PublishOptions = _FIRE_AND_FORGET,
        stamper: Stamper | None = None,
    ) -> tuple[Event, int]:
        """Publish, and return how many inboxes take it as well; see Transport.publish."""
        return self._publish(event, headers, options, stamper, even_paused=False)

    def _publish(
        self,
        event: Event | etree._Element | bytes | str,
        headers: Mapping[str, HeaderValue] | None,
        options: PublishOptions,
        stamper: Stamper | None,
        *,
        even_paused: bool,
    ) -> tuple[Event, int]:
        sent = self.prepare(event, headers, stamper)
        return sent, self.dispatch(sent, options, even_paused=even_paused)

    def prepare(
        self,
        event: Event | etree._Element | bytes | str,
        headers: Mapping[str, HeaderValue] | None = None,
        stamper: Stamper | None = None,
    ) -> Event:
        """Return the event as it is to be sent: stamped, and valid. Raises EventError."""
        sent = self._event(event, headers, (stamper or self._stamper).stamp())
        self.catalog.validate(sent, is_shared=False)
        # Text was checked before it was parsed; an element has its size only now.
        check_size(sent.xml, self.options.max_size)
        return sent

    def dispatch(
        self,
        event: Event,
        options: PublishOptions = _FIRE_AND_FORGET,
        *,
        even_paused: bool = False,
    ) -> int:
        """Send what ``prepare`` returned; see Transport.publish."""
        if self._is_closed:
            raise ConnectionLost("the bus is closed", url=self.transport.url)
        if self.is_paused and not even_paused:
            self._tally.count("muted")
            return 0
        return self._send(event, options)

    def _event(
        self,
        event: Event | etree._Element | bytes | str,
        headers: Mapping[str, HeaderValue] | None,
        stamp: Stamp,
    ) -> Event:
        if isinstance(event, Event):
            if event.decoder is None:
                event = event.with_decoder(self.catalog)
            return (event.with_headers(headers) if headers else event).stamped(stamp)
        if isinstance(event, bytes | str):
            return Event.from_xml(
                event,
                headers=headers,
                decoder=self.catalog,
                stamp=stamp,
                max_size=self.options.max_size,
            )
        return Event(event, headers=headers, decoder=self.catalog, stamp=stamp)

    def _send(self, event: Event, options: PublishOptions) -> int:
        message = Message(
            event.xml,
            self.key(event.type, event.source),
            event.headers,
            id=event.id,
            type=event.type,
            time=event.time,
        )
        return self.transport.publish(message, options)

    def key(self, type: str, source: str | None) -> str:
        """Return the routing key of a type, by its Clark name, and a source."""
        key = self._keys.get((type, source))
        if key is None:
            if len(self._keys) >= _MOST_KEYS:
                self._keys = {}
            key = routing_key(self.catalog.lineage(type), source)
            self._keys[type, source] = key
        return key

    def forget_keys(self) -> None:
        """Make the keys anew, for a catalog that has changed."""
        self._keys = {}

    def close(self) -> None:
        """Publish no more."""
        self._is_closed = True
