"""RabbitMQ: ``amqp[s]://user:password@host[:port]/vhost?…``.

Two connections, since a kombu connection must not be shared between threads: one to publish,
owned by a lock, and one to consume, owned by a thread. Whoever uses mailboxes has two more.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from concurrent.futures import Future
from threading import Lock

from clacks_events.config import BusOptions, Endpoint
from clacks_events.errors import ConnectionLost
from clacks_events.transport.amqp.audience import Watcher
from clacks_events.transport.amqp.caller import Call, Caller
from clacks_events.transport.amqp.inbox import AmqpInbox
from clacks_events.transport.amqp.link import check_options, connect
from clacks_events.transport.amqp.mailboxes import AmqpMailboxes
from clacks_events.transport.amqp.publisher import EXCHANGE, Publisher
from clacks_events.transport.amqp.receiver import Receiver
from clacks_events.transport.amqp.worker import LARGEST_WINDOW, Work, Worker
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

__all__ = ["EXCHANGE", "AmqpTransport"]


class AmqpTransport:
    """A transport over RabbitMQ."""

    def __init__(self, endpoint: Endpoint, options: BusOptions) -> None:
        check_options(endpoint)
        self.url = endpoint.redacted
        self.user = endpoint.user or "guest"
        self.counters = TransportCounters()
        self._timeout = options.publish_timeout
        self._caller: Caller | None = None
        self._lock = Lock()
        self._is_closed = False
        open_link = functools.partial(connect, endpoint)
        self._publisher = Publisher(open_link, self.url, self.counters, self._timeout)
        self._receiver = Receiver(open_link, self.url, self.counters, self._publisher.tick)
        self._watcher = Watcher(self._publisher, self.url, self._timeout)
        self.mailboxes = AmqpMailboxes(open_link, self.url, self.counters, self._timeout)

    @property
    def is_connected(self) -> bool:
        return self._receiver.is_connected

    def on_return(self, listener: Callable[[], None]) -> Callable[[], None]:
        return self._receiver.returns.add(listener)

    def publish(self, message: Message, options: PublishOptions) -> int:
        # RabbitMQ refuses a user id that is not the connection's own.
        message.user = self.user
        return self._publisher.publish(message, options)

    def watch(self, key: str, on_audience: OnAudience) -> Watched:
        return self._watcher.watch(key, on_audience)

    def open_inbox(
        self, patterns: Collection[str], on_deliveries: OnDeliveries, options: InboxOptions
    ) -> AmqpInbox:
        inbox = AmqpInbox(self._receiver, on_deliveries, options, self.counters, self._timeout)
        inbox.open(patterns)
        return inbox

    def request(
        self, queue: str, message: Message, timeout: float, *, alone: bool = False
    ) -> Future[bytes]:
        if self._is_closed:
            raise ConnectionLost("the bus is closed", url=self.url)
        message.user = self.user
        with self._lock:
            if self._caller is None:
                caller = Caller(self._receiver, self.url)
                self._receiver.add(caller, self._timeout)
                self._caller = caller
        return self._caller.request(Call(queue, message, timeout, alone))

    def serve(
        self, queue: str, on_request: OnRequest, *, alone: bool = False, window: int = WINDOW
    ) -> Served:
        work = Work(queue, on_request, alone, min(window, LARGEST_WINDOW))
        worker = Worker(self._receiver, self._publisher, work, self._timeout)
        worker.open()
        return Served(worker.close)

    def close(self) -> None:
        self._is_closed = True
        self._watcher.stop()
        self.mailboxes.close_all()
        self._receiver.close()
        self._publisher.close()
        self._watcher.join()
