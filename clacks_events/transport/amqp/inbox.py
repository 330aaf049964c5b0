"""A queue of events and its bindings."""

from __future__ import annotations

import functools
import logging
import threading
import uuid
from collections import deque
from collections.abc import Collection
from typing import TYPE_CHECKING

import amqp

from clacks_events.errors import ConnectionLost
from clacks_events.transport.amqp.codec import decode
from clacks_events.transport.amqp.link import AMQP_ERRORS
from clacks_events.transport.amqp.publisher import EXCHANGE, open_channel
from clacks_events.transport.base import (
    PROBE,
    InboxOptions,
    Message,
    OnDeliveries,
    TransportCounters,
)

if TYPE_CHECKING:
    from clacks_events.transport.amqp.receiver import Receiver

__all__ = ["AmqpInbox"]

log = logging.getLogger(__name__)


class _Delivery:
    __slots__ = ("_channel", "_inbox", "_tag", "message")

    def __init__(self, message: Message, inbox: AmqpInbox, channel: amqp.Channel, tag: int) -> None:
        self.message = message
        self._inbox = inbox
        self._channel = channel
        self._tag = tag

    def ack(self) -> None:
        self._inbox.settle(self._channel, self._tag)

    def reject(self) -> None:
        # Nobody else would fare better with it: as dealt with as it can be.
        self._inbox.settle(self._channel, self._tag)


class AmqpInbox:
    """One queue: exclusive and short-lived, or durable under a name."""

    def __init__(
        self,
        receiver: Receiver,
        on_deliveries: OnDeliveries,
        options: InboxOptions,
        counters: TransportCounters,
        timeout: float,
    ) -> None:
        self._receiver = receiver
        self._on_deliveries = on_deliveries
        self._arrived: list[_Delivery] = []
        self._options = options
        self._counters = counters
        self._timeout = timeout
        self._queue = options.durable or ""
        self._wanted: frozenset[str] = frozenset()
        self._patterns: frozenset[str] = frozenset()
        self._channel: amqp.Channel | None = None
        self._consumer = ""
        self._settled: deque[tuple[amqp.Channel, int]] = deque()
        self._acked = 0
        self._ahead: set[int] = set()
        self._is_stopped = False
        self._handing = threading.RLock()
        # What is lost with an exclusive queue anyway is acknowledged in batches.
        self._batch = 1 if options.durable else max(1, options.window // 4)

    def open(self, patterns: Collection[str]) -> None:
        """Declare, bind and consume; returns when the bindings are in force."""
        self._wanted = frozenset(patterns)
        self._receiver.add(self, self._timeout)

    def start(self, connection: amqp.Connection) -> None:
        channel = open_channel(connection)
        channel.basic_qos(0, self._options.window, False)
        durable = self._options.durable is not None
        if not durable:
            # A new name each time: the broker may not have noticed yet that the former
            # connection is gone, and keeps its exclusive queues until then.
            self._queue = f"clacks.events.{uuid.uuid4()}"
        channel.queue_declare(
            self._queue, durable=durable, exclusive=not durable, auto_delete=not durable
        )
        self._patterns = self._wanted
        for pattern in sorted(self._patterns):
            channel.queue_bind(self._queue, EXCHANGE, pattern)
        self._acked, self._ahead = 0, set()
        self._channel = channel
        receive = functools.partial(self._receive, channel)
        self._consumer = str(channel.basic_consume(self._queue, callback=receive))
        take = functools.partial(self._take, channel)
        self._receiver.expect(channel.channel_id, self._consumer, take)

    def _receive(self, channel: amqp.Channel, raw: amqp.Message) -> None:
        self._take(channel, raw.delivery_info["delivery_tag"], decode(raw))

    def _take(self, channel: amqp.Channel, tag: int, message: Message) -> None:
        if message.content_type == PROBE:
            self.settle(channel, tag)
        else:
            self._arrived.append(_Delivery(message, self, channel, tag))

    def deliver(self) -> None:
        if not self._arrived:
            return
        arrived, self._arrived = self._arrived, []
        with self._handing:
            # Whoever stopped it would take what comes now for settled: unsettled it stays in the
            # queue, if that is durable.
            if not self._is_stopped:
                self._counters.received += len(arrived)
                self._on_deliveries(arrived)

    def settle(self, channel: amqp.Channel, tag: int) -> None:
        """Note from any thread that a delivery is dealt with."""
        self._settled.append((channel, tag))
        if len(self._settled) >= self._batch:
            self._receiver.wake()

    def flush(self, *, is_due: bool) -> None:
        if is_due or len(self._settled) >= self._batch:
            self._acknowledge()

    def _acknowledge(self) -> None:
        last = acked = self._acked
        while self._settled:
            channel, tag = self._settled.popleft()
            # Tags of a channel that was lost mean nothing on the new one.
            if channel is not self._channel:
                continue
            if tag == acked + 1:
                acked = tag
            else:
                self._ahead.add(tag)
        while self._ahead and acked + 1 in self._ahead:
            acked += 1
            self._ahead.discard(acked)
        self._acked = acked
        if acked > last and self._channel is not None:
            self._channel.basic_ack(acked, multiple=True)

    def lost(self) -> None:
        self._channel = None

    def bind(self, patterns: Collection[str]) -> None:
        self._wanted = frozenset(patterns)
        if self._wanted == self._patterns:
            return
        try:
            self._receiver.call(self._rebind, self._timeout)
        except ConnectionLost:
            # Wanted nevertheless, and done as soon as the broker answers again.
            self._receiver.post(self._rebind_late)
            raise

    def _rebind_late(self) -> None:
        try:
            self._rebind()
        except AMQP_ERRORS:
            log.warning("queue %s has its former bindings", self._queue, exc_info=True)

    def _rebind(self) -> None:
        channel, had, wanted = self._channel, self._patterns, self._wanted
        if channel is None:
            # Being restored: start() binds what is wanted by then.
            return
        try:
            # A channel of its own: a refusal closes it, and the queue must live on.
            with channel.connection.channel() as clerk:
                # A pattern that stays is left alone, so that none of its events is missed.
                for pattern in sorted(wanted - had):
                    clerk.queue_bind(self._queue, EXCHANGE, pattern)
                for pattern in sorted(had - wanted):
                    clerk.queue_unbind(self._queue, EXCHANGE, pattern)
        except amqp.ChannelError:
            # Refused: what it had is all that it can have.
            self._wanted = had
            raise
        self._patterns = wanted

    def stop(self) -> None:
        with self._handing:
            self._is_stopped = True
        # Nothing of it comes back after a reconnect; the channel stays for acknowledgements.
        self._receiver.remove(self)
        self._receiver.post(self._cancel)

    def _cancel(self) -> None:
        consumer, self._consumer = self._consumer, ""
        if self._channel is not None and consumer:
            try:
                # An exclusive queue goes with its last consumer.
                self._channel.basic_cancel(consumer)
            except AMQP_ERRORS:
                log.debug("queue %s was gone before it was stopped", self._queue, exc_info=True)

    def close(self) -> None:
        self.stop()
        self._receiver.post(self._leave)

    def _leave(self) -> None:
        try:
            self._acknowledge()
            if self._channel is not None:
                # Its number may be given to another channel.
                self._receiver.forget(self._channel.channel_id)
                self._channel.close()
        except AMQP_ERRORS:
            log.debug("queue %s was gone before it was closed", self._queue, exc_info=True)
        self._channel = None
