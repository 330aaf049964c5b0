"""Calls over AMQP: work queues, and answers by direct reply-to.

Source: RabbitMQ, "Direct Reply-to": the pseudo-queue must be consumed, without acknowledgements,
on the channel that the calls are published on.
"""

from __future__ import annotations

import functools
import logging
import uuid
from concurrent.futures import Future
from typing import TYPE_CHECKING

import amqp

from clacks_events.errors import ClacksError, ConnectionLost
from clacks_events.transport.amqp.codec import decode, encode
from clacks_events.transport.amqp.link import AMQP_ERRORS
from clacks_events.transport.base import Message, OnRequest

if TYPE_CHECKING:
    from clacks_events.transport.amqp.publisher import Publisher
    from clacks_events.transport.amqp.receiver import Receiver

__all__ = ["Caller", "Worker"]

log = logging.getLogger(__name__)

_REPLY_TO = "amq.rabbitmq.reply-to"
_IDLE_EXPIRY = 3_600_000  # milliseconds that an unused work queue stays
_PREFETCH = 64


def _declare(channel: amqp.Channel, queue: str) -> None:
    # Both sides declare it, so that a call may be made before its agent starts.
    channel.queue_declare(
        queue, durable=True, auto_delete=False, arguments={"x-expires": _IDLE_EXPIRY}
    )


class Caller:
    """Sends calls and hands each answer to the future that waits for it."""

    def __init__(self, receiver: Receiver, url: str) -> None:
        self._receiver = receiver
        self._url = url
        self._channel: amqp.Channel | None = None
        self._declared: set[str] = set()
        self._pending: dict[str, Future[bytes]] = {}

    def start(self, connection: amqp.Connection) -> None:
        channel = connection.channel()
        channel.basic_consume(_REPLY_TO, no_ack=True, callback=self._receive)
        self._declared = set()
        self._channel = channel

    def deliver(self) -> None:
        """Nothing to do: each answer goes to its future at once."""

    def flush(self, *, is_due: bool) -> None:
        """Nothing to acknowledge: answers need none."""

    def lost(self) -> None:
        # Whether a call was carried out is unknown: whoever made it has to decide.
        self._channel = None
        pending, self._pending = self._pending, {}
        for answer in pending.values():
            _fail(answer, ConnectionLost("lost while waiting for an answer", url=self._url))

    def request(self, queue: str, message: Message, timeout: float) -> Future[bytes]:
        """Send a call; see Transport.request."""
        answer: Future[bytes] = Future()
        number = uuid.uuid4().hex
        encoded = encode(
            message,
            persistent=False,
            reply_to=_REPLY_TO,
            correlation_id=number,
            expiration=str(max(1, int(timeout * 1000))),
        )
        answer.add_done_callback(lambda _: self._pending.pop(number, None))
        self._receiver.post(functools.partial(self._send, queue, encoded, number, answer))
        return answer

    def _send(self, queue: str, encoded: amqp.Message, number: str, answer: Future[bytes]) -> None:
        if answer.done():
            return
        try:
            channel = self._open_channel()
            if queue not in self._declared:
                _declare(channel, queue)
                self._declared.add(queue)
            self._pending[number] = answer
            channel.basic_publish(encoded, "", queue)
        except (ClacksError, *AMQP_ERRORS) as error:
            _fail(answer, ConnectionLost(f"the call was not sent: {error}", url=self._url))
            raise

    def _open_channel(self) -> amqp.Channel:
        if self._channel is None:
            raise ConnectionLost("the connection is closed", url=self._url)
        return self._channel

    def _receive(self, raw: amqp.Message) -> None:
        answer = self._pending.pop(raw.properties.get("correlation_id", ""), None)
        # None: the caller has given up.
        if answer is not None and answer.set_running_or_notify_cancel():
            answer.set_result(decode(raw).body)


def _fail(answer: Future[bytes], error: ClacksError) -> None:
    if answer.set_running_or_notify_cancel():
        answer.set_exception(error)


class _Request:
    def __init__(self, message: Message, raw: amqp.Message, worker: Worker) -> None:
        self.message = message
        self._raw = raw
        self._worker = worker

    def accept(self) -> None:
        self._worker.accept(self._raw)

    def reply(self, body: bytes) -> None:
        reply_to = self._raw.properties.get("reply_to")
        if reply_to:
            self._worker.reply(reply_to, self._raw.properties.get("correlation_id"), body)


class Worker:
    """Takes calls from a work queue that it may share with other processes."""

    def __init__(
        self, receiver: Receiver, publisher: Publisher, queue: str, on_request: OnRequest
    ) -> None:
        self._receiver = receiver
        self._publisher = publisher
        self._queue = queue
        self._on_request = on_request
        self._channel: amqp.Channel | None = None

    def start(self, connection: amqp.Connection) -> None:
        channel = connection.channel()
        channel.basic_qos(0, _PREFETCH, False)
        _declare(channel, self._queue)
        self._channel = channel
        channel.basic_consume(self._queue, callback=self._receive)

    def _receive(self, raw: amqp.Message) -> None:
        self._on_request(_Request(decode(raw), raw, self))

    def accept(self, raw: amqp.Message) -> None:
        """Acknowledge a call, unless its channel is gone and the call with it."""

        def ack() -> None:
            if raw.channel is self._channel and self._channel is not None:
                self._channel.basic_ack(raw.delivery_info["delivery_tag"])

        self._receiver.post(ack)

    def reply(self, reply_to: str, number: str | None, body: bytes) -> None:
        """Send an answer; a caller that is gone does not get it."""
        properties = {} if number is None else {"correlation_id": number}
        message = Message(body, content_type="application/json")
        self._publisher.send(encode(message, persistent=False, **properties), reply_to)

    def deliver(self) -> None:
        """Nothing to do: each call is handed on at once."""

    def flush(self, *, is_due: bool) -> None:
        """Nothing to do: each call is acknowledged by itself."""

    def lost(self) -> None:
        self._channel = None

    def close(self) -> None:
        """Take no more calls; those not begun go to others."""
        self._receiver.remove(self)
        self._receiver.post(self._stop)

    def _stop(self) -> None:
        channel, self._channel = self._channel, None
        if channel is None:
            return
        try:
            channel.close()
        except AMQP_ERRORS:
            log.debug("work queue %s: lost while closing", self._queue, exc_info=True)
