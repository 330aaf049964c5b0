"""RabbitMQ: ``amqp[s]://user:password@host[:port]/vhost?…``.

Two connections, since a kombu connection must not be shared between threads: one to publish,
owned by a lock, and one to consume, owned by a thread.
"""

from __future__ import annotations

import functools
from collections.abc import Collection
from concurrent.futures import Future
from threading import Lock

from clacks_events.config import BusOptions, Endpoint
from clacks_events.transport.amqp.inbox import AmqpInbox
from clacks_events.transport.amqp.link import check_options, connect
from clacks_events.transport.amqp.publisher import EXCHANGE, Publisher
from clacks_events.transport.amqp.receiver import Receiver
from clacks_events.transport.amqp.work import Caller, Worker
from clacks_events.transport.base import (
    InboxOptions,
    Message,
    OnDeliveries,
    OnRequest,
    PublishOptions,
    Served,
    TransportCounters,
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
        open_link = functools.partial(connect, endpoint)
        self._publisher = Publisher(open_link, self.url, self.counters, self._timeout)
        self._receiver = Receiver(open_link, self.url, self.counters, self._publisher.tick)

    def publish(self, message: Message, options: PublishOptions) -> None:
        # RabbitMQ refuses a user id that is not the connection's own.
        message.user = self.user
        self._publisher.publish(message, options)

    def open_inbox(
        self, patterns: Collection[str], on_deliveries: OnDeliveries, options: InboxOptions
    ) -> AmqpInbox:
        inbox = AmqpInbox(self._receiver, on_deliveries, options, self.counters, self._timeout)
        inbox.open(patterns)
        return inbox

    def request(self, queue: str, message: Message, timeout: float) -> Future[bytes]:
        message.user = self.user
        with self._lock:
            if self._caller is None:
                caller = Caller(self._receiver, self.url)
                self._receiver.add(caller, self._timeout)
                self._caller = caller
        return self._caller.request(queue, message, timeout)

    def serve(self, queue: str, on_request: OnRequest) -> Served:
        worker = Worker(self._receiver, self._publisher, queue, on_request)
        self._receiver.add(worker, self._timeout)
        return Served(worker.close)

    def close(self) -> None:
        self._receiver.close()
        self._publisher.close()
