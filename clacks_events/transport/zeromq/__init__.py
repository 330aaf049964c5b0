"""The embedded server: ``zmq://host:port``, for one machine or a small site, without a broker.

As with AMQP there are two connections: one to publish, owned by a lock, and one for everything
else, owned by a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, MutableMapping
from concurrent.futures import Future
from functools import partial
from itertools import count
from threading import Lock
from typing import Protocol
from weakref import WeakValueDictionary

from clacks_events.errors import ConfigError, ConnectionLost

try:
    import zmq
except ImportError as error:
    raise ConfigError("pyzmq is missing: pip install 'clacks-events[zmq]'") from error

from clacks_events.config import BusOptions, Endpoint
from clacks_events.transport.base import (
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
from clacks_events.transport.zeromq import wire
from clacks_events.transport.zeromq.calls import Caller, Watch, Worker
from clacks_events.transport.zeromq.inbox import ZeromqInbox
from clacks_events.transport.zeromq.link import Frames, Link
from clacks_events.transport.zeromq.publisher import Publisher

__all__ = ["ZeromqTransport"]

_OPTIONS = ("client_key", "server_key", "hwm")
_HWM = 1000  # messages that wait for a server that is away or slow


class _Taker(Protocol):
    def take(self, frames: Frames) -> None:
        """Deal with what is for this one."""


class ZeromqTransport:
    """A transport over an embedded server."""

    mailboxes = None

    def __init__(self, endpoint: Endpoint, options: BusOptions) -> None:
        endpoint.check_options(_OPTIONS)
        self.url = endpoint.redacted
        self.user: str | None = None
        self.counters = TransportCounters()
        self._timeout = options.publish_timeout
        self._numbers = count(1)
        self._takers: dict[bytes, MutableMapping[bytes, _Taker]] = {
            # Until they are closed the link has them.
            wire.EVENTS: WeakValueDictionary(),
            wire.REQUEST: {},
            wire.AUDIENCE: {},
        }
        self._caller: Caller | None = None
        self._lock = Lock()
        self._is_closed = False
        hwm = _high_water_mark(endpoint)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            self._publisher = Publisher(
                self._context, endpoint, self.counters, self._timeout, hwm=hwm
            )
            self._link = Link(self._context, endpoint, self.counters)
        except BaseException:
            self._context.destroy(0)
            raise
        for kind, takers in self._takers.items():
            self._link.takers[kind] = partial(_hand_on, takers)

    @property
    def is_connected(self) -> bool:
        return not self._link.is_away

    def on_return(self, listener: Callable[[], None]) -> Callable[[], None]:
        return self._link.returns.add(listener)

    def publish(self, message: Message, options: PublishOptions) -> int:
        if options.confirm:
            return self._publisher.confirm(message)
        self._publisher.publish(message, wait=options.wait)
        return 0

    def watch(self, key: str, on_audience: OnAudience) -> Watched:
        self._check_open()
        watch = Watch(self._link, next(self._numbers), key, on_audience)
        self._start(wire.AUDIENCE, watch)
        return Watched(partial(self._end, wire.AUDIENCE, watch.name, watch.close))

    def open_inbox(
        self, patterns: Collection[str], on_deliveries: OnDeliveries, options: InboxOptions
    ) -> ZeromqInbox:
        self._check_open()
        inbox = ZeromqInbox(
            self._link, next(self._numbers), on_deliveries, options, self.counters, self._timeout
        )
        self._takers[wire.EVENTS][inbox.name] = inbox
        inbox.open(patterns)
        return inbox

    def request(
        self, queue: str, message: Message, timeout: float, *, alone: bool = False
    ) -> Future[bytes]:
        self._check_open()
        with self._lock:
            if self._caller is None:
                caller = Caller(self._link)
                self._link.takers[wire.ANSWER] = caller.take
                self._link.add(caller, self._timeout)
                self._caller = caller
        return self._caller.request(queue, message, timeout, alone=alone)

    def serve(
        self, queue: str, on_request: OnRequest, *, alone: bool = False, window: int = WINDOW
    ) -> Served:
        self._check_open()
        question = {"queue": queue, "alone": alone, "window": window}
        worker = Worker(self._link, next(self._numbers), question, on_request)
        self._start(wire.REQUEST, worker)
        return Served(partial(self._end, wire.REQUEST, worker.name, worker.close))

    def _start(self, kind: bytes, taker: Watch | Worker) -> None:
        self._takers[kind][taker.name] = taker
        try:
            self._link.add(taker, self._timeout)
        except BaseException:
            del self._takers[kind][taker.name]
            raise

    def _end(self, kind: bytes, name: bytes, close: Callable[[float], None]) -> None:
        if not self._is_closed:
            close(self._timeout)
        self._takers[kind].pop(name, None)

    def _check_open(self) -> None:
        if self._is_closed:
            raise ConnectionLost("the transport is closed", url=self.url)

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._publisher.close()
        self._link.close()
        self._context.term()


def _hand_on(takers: Mapping[bytes, _Taker], frames: Frames) -> None:
    taker = takers.get(frames[0])
    if taker is not None:
        taker.take(frames)


def _high_water_mark(endpoint: Endpoint) -> int:
    text = endpoint.options.get("hwm", str(_HWM))
    if not text.isdecimal() or not 0 < int(text) < 10**7:
        raise ConfigError(
            f"{endpoint.redacted}: hwm is a number of messages from 1 on, not {text!r}"
        )
    return int(text)
