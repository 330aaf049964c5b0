"""One process: ``memory://[name]``.

A publisher's thread hands each message straight to the inboxes that match. Buses with the same
name meet; when the last one closes, all that was there is gone.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Future
from functools import partial
from threading import Lock, RLock
from weakref import WeakValueDictionary

from clacks_events.config import BusOptions, Endpoint
from clacks_events.errors import ConnectionLost, NobodyListens
from clacks_events.topic import TopicTable
from clacks_events.transport.base import (
    PROBE,
    WINDOW,
    InboxOptions,
    Message,
    OnAudience,
    OnDeliveries,
    OnRequest,
    PublishOptions,
    Served,
    TransportCounters,
    Watched,
)
from clacks_events.transport.returning import Returns
from clacks_events.transport.telling import Teller
from clacks_events.transport.turns import MemoryRequest, Server, WorkQueue, fail

__all__ = ["MemoryTransport"]

log = logging.getLogger(__name__)

_LARGEST_BACKLOG = 100_000


class _Delivery:
    __slots__ = ("_inbox", "message")

    def __init__(self, message: Message, inbox: _Inbox) -> None:
        self.message = message
        self._inbox = inbox

    def ack(self) -> None:
        self._inbox.settle()

    def reject(self) -> None:
        self._inbox.settle()


class _Inbox:
    """An inbox; a durable one keeps messages while nobody reads."""

    def __init__(self, broker: _Broker) -> None:
        self.patterns: frozenset[str] = frozenset()
        self._broker = broker
        self._reader: tuple[OnDeliveries, TransportCounters] | None = None
        self._is_durable = False
        self._kept: deque[Message] = deque()
        self._unsettled = 0
        self._lock = RLock()  # the reader may settle at once

    def open(self, reader: OnDeliveries, counters: TransportCounters, *, durable: bool) -> None:
        with self._lock:
            self._is_durable = durable
            kept, self._kept = self._kept, deque()
            self._reader = (reader, counters)
            for message in kept:
                self.offer(message)

    def offer(self, message: Message) -> None:
        with self._lock:
            reader = self._reader
            if reader is None:
                if self._is_durable and len(self._kept) < _LARGEST_BACKLOG:
                    self._kept.append(message)
                return
            if self._unsettled >= _LARGEST_BACKLOG:
                self._lose(reader[1])
                return
            self._unsettled += 1
            reader[1].received += 1
            # Under the lock: once stop() has returned, nothing is handed over any more.
            reader[0]((_Delivery(message, self),))

    def _lose(self, counters: TransportCounters) -> None:
        counters.lost += 1
        if counters.lost == 1:
            log.warning("an inbox with %d unsettled events loses the next", self._unsettled)

    def settle(self) -> None:
        with self._lock:
            self._unsettled -= 1

    def bind(self, patterns: Collection[str]) -> None:
        # One that was stopped takes nothing any more, and does not count as an audience.
        if self._reader is not None or self._is_durable:
            self._broker.bind(self, frozenset(patterns))

    def stop(self) -> None:
        with self._lock:
            self._reader = None
        if not self._is_durable:
            self._broker.bind(self, frozenset())

    def close(self) -> None:
        self.stop()


class _Broker:
    """What all transports of one name share."""

    def __init__(self) -> None:
        self._table: TopicTable[_Inbox] = TopicTable()
        self._durable: dict[str, _Inbox] = {}
        self._queues: dict[str, WorkQueue] = {}
        self._tellers: tuple[Teller, ...] = ()
        self._lock = Lock()

    def route(self, key: str) -> Collection[_Inbox]:
        return self._table.route(key)

    def inbox(self, durable: str | None) -> _Inbox:
        if durable is None:
            return _Inbox(self)
        with self._lock:
            return self._durable.setdefault(durable, _Inbox(self))

    def bind(self, inbox: _Inbox, patterns: frozenset[str]) -> None:
        with self._lock:
            for pattern in patterns - inbox.patterns:
                self._table.add(pattern, inbox)
            for pattern in inbox.patterns - patterns:
                self._table.remove(pattern, inbox)
            tellers = self._tellers if patterns != inbox.patterns else ()
            inbox.patterns = patterns
        for teller in tellers:
            teller.changed()

    def watch(self, key: str, on_audience: OnAudience) -> Callable[[], None]:
        teller = Teller(lambda: len(self.route(key)), on_audience)
        with self._lock:
            self._tellers = (*self._tellers, teller)
        teller.begin()
        return partial(self._leave, teller)

    def _leave(self, teller: Teller) -> None:
        teller.close()
        with self._lock:
            self._tellers = tuple(other for other in self._tellers if other is not teller)

    def queue(self, name: str) -> WorkQueue:
        with self._lock:
            return self._queues.setdefault(name, WorkQueue(name))


# Buses of one process can only meet if the process knows their brokers. Held weakly: a broker
# lives as long as a transport uses it.
_BROKERS: WeakValueDictionary[str, _Broker] = WeakValueDictionary()
_BROKERS_LOCK = Lock()


class MemoryTransport:
    """A transport within this process, with the topic semantics of AMQP."""

    mailboxes = None

    def __init__(self, endpoint: Endpoint, options: BusOptions) -> None:
        endpoint.check_options(())
        del options
        self.url = endpoint.redacted
        self.user = endpoint.user or None
        self.counters = TransportCounters()
        self._opened: dict[int, Callable[[], None]] = {}
        self._watches: dict[int, Callable[[], None]] = {}
        self._pending: dict[int, Future[bytes]] = {}
        self._numbers = itertools.count()
        self._is_closed = False
        with _BROKERS_LOCK:
            self._broker = _BROKERS.setdefault(f"{endpoint.host}/{endpoint.path}", _Broker())

    @property
    def is_connected(self) -> bool:
        return not self._is_closed

    def on_return(self, listener: Callable[[], None]) -> Callable[[], None]:
        # It never goes away.
        return Returns().add(listener)

    def publish(self, message: Message, options: PublishOptions) -> int:
        self._check_open()
        message.user = self.user
        inboxes = self._broker.route(message.key)
        if options.confirm and not inboxes:
            raise NobodyListens(f"nobody takes {message.key}", url=self.url)
        if message.content_type == PROBE:
            return len(inboxes)
        self.counters.published += 1
        for inbox in inboxes:
            inbox.offer(message)
        return len(inboxes)

    def watch(self, key: str, on_audience: OnAudience) -> Watched:
        self._check_open()
        return Watched(self._kept(self._watches, self._broker.watch(key, on_audience)))

    def open_inbox(
        self, patterns: Collection[str], on_deliveries: OnDeliveries, options: InboxOptions
    ) -> _Inbox:
        self._check_open()
        inbox = self._broker.inbox(options.durable)
        inbox.open(on_deliveries, self.counters, durable=options.durable is not None)
        inbox.bind(patterns)
        self._kept(self._opened, inbox.close)
        return inbox

    def request(
        self, queue: str, message: Message, timeout: float, *, alone: bool = False
    ) -> Future[bytes]:
        self._check_open()
        message.user = self.user
        answer: Future[bytes] = Future()
        number = next(self._numbers)
        self._pending[number] = answer
        answer.add_done_callback(lambda _: self._pending.pop(number, None))
        work = self._broker.queue(queue)
        request = MemoryRequest(message, answer, time.monotonic() + timeout, work)
        if not work.put(request, waits=not alone):
            fail(answer, NobodyListens(f"nobody serves {queue}", url=self.url))
        return answer

    def serve(
        self, queue: str, on_request: OnRequest, *, alone: bool = False, window: int = WINDOW
    ) -> Served:
        self._check_open()
        work = self._broker.queue(queue)
        server = Server(on_request, is_alone=alone, window=window)
        work.add(server)
        return Served(self._kept(self._opened, partial(work.remove, server)))

    def _kept(
        self, kept: dict[int, Callable[[], None]], close: Callable[[], None]
    ) -> Callable[[], None]:
        """Have something closed with the transport, unless what this returns is called before."""
        number = next(self._numbers)

        def close_early() -> None:
            kept.pop(number, None)
            close()

        kept[number] = close
        return close_early

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        # First the watches: they are not to be told of our own leave.
        for close in (*self._watches.values(), *self._opened.values()):
            close()
        for answer in list(self._pending.values()):
            fail(answer, ConnectionLost("the transport was closed", url=self.url))

    def _check_open(self) -> None:
        if self._is_closed:
            raise ConnectionLost("the transport is closed", url=self.url)
