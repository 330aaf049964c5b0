"""All streams of the process: one bus subscription below them, one filter index over them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from clacks_events.bus import Bus
from clacks_events.errors import ClacksError, EvaluationError
from clacks_events.event import Event
from clacks_events.filter import FilterIndex
from clacks_events.filter.analysis.interest import Demand
from clacks_events.gateway.bridge import Bridge
from clacks_events.gateway.copy import Copy
from clacks_events.gateway.history import History, HistoryOptions, Kept, Past
from clacks_events.gateway.metrics import Metrics
from clacks_events.gateway.stream import Bounds, Seat, Stream
from clacks_events.gateway.union import Union
from clacks_events.signals.interest import Feed
from clacks_events.subscription import Handover

__all__ = ["Hub"]

log = logging.getLogger(__name__)


class Hub:
    """Hands each event to the streams that want it. Loop only, unless it says otherwise."""

    def __init__(self, bus: Bus, bridge: Bridge, metrics: Metrics, options: HistoryOptions) -> None:
        self._bus = bus
        self._bridge = bridge
        self._metrics = metrics
        self._index = FilterIndex[Seat](self._failed)
        self._feed = Feed(bus.subscribing, taker=self._arrive)
        self._history = History(options)
        self._union = Union(self._feed, bridge, lambda: self._history.position, options.linger)
        self._streams: dict[Stream, Callable[[Stream], None]] = {}
        self._is_empty = asyncio.Event()
        self._is_empty.set()
        self._ignore_catalog = bus.catalog.on_change(lambda: bridge.post(self._renew))
        self._ignore_return = bus.transport.on_return(lambda: bridge.post(self._missed))

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def filters(self) -> int:
        """How many filters all streams have."""
        return len(self._index)

    @property
    def streams(self) -> Sequence[Stream]:
        """The streams that are open."""
        return tuple(self._streams)

    def open(self, kind: str, bounds: Bounds, on_close: Callable[[Stream], None]) -> Stream:
        """Return a new stream without filters; ``on_close`` is called with it at its end."""
        stream = Stream(self, kind, bounds)
        self._streams[stream] = on_close
        self._is_empty.clear()
        self._metrics.opened(kind)
        return stream

    def forget(self, stream: Stream) -> None:
        """Know a stream no more."""
        on_close = self._streams.pop(stream, None)
        if on_close is not None:
            self._metrics.closed(stream.kind)
            on_close(stream)
        if not self._streams:
            self._is_empty.set()

    async def emptied(self) -> None:
        """Wait until no stream is open."""
        await self._is_empty.wait()

    async def join(self, seat: Seat) -> None:
        """Deliver what a filter matches; returns when the broker does. Raises ConnectionLost."""
        self._index.add(seat, seat.wanted.filter)
        demands = seat.wanted.filter.interest.demands
        try:
            await self._union.want(demands)
        except BaseException:
            self._index.remove(seat)
            raise
        seat.demands = demands

    def leave(self, seat: Seat) -> None:
        """Deliver no more of what a filter matches."""
        if seat in self._index:
            self._index.remove(seat)
        demands, seat.demands = seat.demands, frozenset[Demand]()
        self._union.release(demands)

    async def replay(self, stream: Stream, past: Past) -> bool:
        """Give a stream those events of the past that it wants, before all that came since.

        Tells whether nothing that it wants is missing among them.
        """
        seats = stream.seats
        found = await self._bridge.run(_matching, past.events, seats, self._bus)
        stream.prepend(found)
        demands = frozenset[Demand]().union(*(seat.demands for seat in seats))
        since = self._union.since(demands)
        return past.position is not None and since is not None and since <= past.position

    @property
    def history(self) -> History:
        """The last events that came in."""
        return self._history

    def _arrive(self, events: Sequence[Handover]) -> None:
        """Take events from the bus, on the thread that received them."""
        for event, settle in events:
            # Settled on the loop: when that has too much to do the broker waits.
            self._bridge.post(self._hand_over, Copy(event), self._wanting(event), settle)

    def _wanting(self, event: Event) -> dict[Stream, None]:
        try:
            return {seat.stream: None for seat in self._index.match(event)}
        except Exception:
            # A mistake of ours that this event brings to light: the others must not suffer.
            log.exception("event %s reaches no client", event.id)
            return {}

    def _hand_over(
        self, copy: Copy, streams: dict[Stream, None], settle: Callable[[], None]
    ) -> None:
        self._history.append(copy.event)
        for stream in streams:
            stream.put(copy)
        settle()
        if streams and (sent := copy.event.time) is not None:
            self._metrics.observe_delivery((datetime.now(UTC) - sent).total_seconds())

    def _failed(self, seat: Seat, error: EvaluationError) -> None:
        self._metrics.filter_error()
        log.debug("no match: %r fails on an event: %s", seat.wanted.filter.text, error)

    def _missed(self) -> None:
        # The broker was away: nobody knows what was published meanwhile.
        self._union.restart()
        for stream in self.streams:
            stream.miss()

    def _renew(self) -> None:
        # Each on its own: thousands at once would hold up the loop.
        for stream in self.streams:
            self._bridge.post(self._renew_stream, stream)

    def _renew_stream(self, stream: Stream) -> None:
        for seat in stream.seats:
            try:
                seat.wanted.renew()
            except ClacksError:
                log.exception("%r keeps its former meaning", seat.wanted.filter.text)
                continue
            # First the new one: what both match is not missed in between.
            new = stream.renewed(seat)
            self._index.add(new, seat.wanted.filter)
            self._index.remove(seat)

    def count_lost(self, kind: str) -> None:
        """Count an event that a slow client did not take in time."""
        self._metrics.lost(kind, 1)

    def count_delivered(self, kind: str, number: int) -> None:
        """Count events that are on their way to a client."""
        self._metrics.delivered(kind, number)

    def end(self) -> None:
        """Let all streams end, after what they have."""
        for stream in self.streams:
            stream.end()

    def close(self) -> None:
        """Receive no more; from any thread."""
        self._ignore_catalog()
        self._ignore_return()
        self._feed.close()


def _matching(events: Sequence[Kept], seats: Sequence[Seat], bus: Bus) -> list[Copy]:
    filters = [seat.wanted.filter for seat in seats]
    found = (_read(kept, bus) for kept in events)
    return [Copy(event) for event in found if any(each.matches(event) for each in filters)]


def _read(kept: Kept, bus: Bus) -> Event:
    size = bus.publishing.options.max_size
    return Event.from_xml(kept.xml, headers=kept.headers, decoder=bus.catalog, max_size=size)
