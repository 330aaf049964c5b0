"""Make calls over AMQP, with answers by direct reply-to.

Source: RabbitMQ, "Direct Reply-to": the pseudo-queue must be consumed, without acknowledgements,
on the channel that the calls are published on.
"""

from __future__ import annotations

import functools
import uuid
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import amqp

from clacks_events.errors import ClacksError, ConnectionLost, NameTaken, NobodyListens
from clacks_events.transport.amqp.codec import decode, encode
from clacks_events.transport.amqp.link import AMQP_ERRORS, may_write, translated
from clacks_events.transport.amqp.queues import declare_shared
from clacks_events.transport.base import Message

if TYPE_CHECKING:
    from clacks_events.transport.amqp.receiver import Receiver

__all__ = ["Call", "Caller"]

_REPLY_TO = "amq.rabbitmq.reply-to"


@dataclass(frozen=True, slots=True)
class Call:
    """What Transport.request was asked for."""

    queue: str
    message: Message
    timeout: float
    alone: bool

    def encoded(self, number: str) -> amqp.Message:
        """Return its AMQP form; the answer will bear its number."""
        return encode(
            self.message,
            persistent=False,
            reply_to=_REPLY_TO,
            correlation_id=number,
            expiration=str(max(1, int(self.timeout * 1000))),
        )


class Caller:
    """Sends calls and hands each answer to the future that waits for it."""

    def __init__(self, receiver: Receiver, url: str) -> None:
        self._receiver = receiver
        self._url = url
        self._channel: amqp.Channel | None = None
        self._declared: set[str] = set()
        self._pending: dict[str, Future[bytes]] = {}
        self._lock = Lock()  # over whether there is a connection, and what was sent on it

    def start(self, connection: amqp.Connection) -> None:
        channel = connection.channel()
        channel.events["basic_return"].add(self._on_return)
        channel.basic_consume(_REPLY_TO, no_ack=True, callback=self._receive)
        self._declared = set()
        self._channel = channel

    def deliver(self) -> None:
        """Nothing to do: each answer goes to its future at once."""

    def flush(self, *, is_due: bool) -> None:
        """Nothing to acknowledge: answers need none."""

    def lost(self) -> None:
        # Whether a call was carried out is unknown: whoever made it has to decide.
        with self._lock:
            self._channel = None
            pending, self._pending = self._pending, {}
        for answer in pending.values():
            _fail(answer, ConnectionLost("lost while waiting for an answer", url=self._url))

    def request(self, call: Call) -> Future[bytes]:
        """Send a call; see Transport.request."""
        answer: Future[bytes] = Future()
        number = uuid.uuid4().hex
        encoded = call.encoded(number)
        answer.add_done_callback(lambda _: self._pending.pop(number, None))
        if not self._send_at_once(call, encoded, answer):
            self._receiver.post(functools.partial(self._send, call, encoded, answer))
        return answer

    def _send_at_once(self, call: Call, encoded: amqp.Message, answer: Future[bytes]) -> bool:
        """Send a call if that needs no reply of the broker; return whether it was."""
        with self._lock:
            channel = self._channel
            if channel is None or not (call.alone or call.queue in self._declared):
                return False
            number = encoded.properties["correlation_id"]
            try:
                if not may_write(channel.connection):
                    return False
                self._pending[number] = answer
                channel.basic_publish(encoded, "", call.queue, mandatory=call.alone)
            except AMQP_ERRORS:
                # The thread of the connection tries again, and finds what is wrong with it.
                self._pending.pop(number, None)
                return False
        return True

    def _send(self, call: Call, encoded: amqp.Message, answer: Future[bytes]) -> None:
        if answer.done():
            return
        try:
            channel = self._open_channel()
            if not call.alone:
                self._declare(channel.connection, call.queue)
            self._pending[encoded.properties["correlation_id"]] = answer
            channel.basic_publish(encoded, "", call.queue, mandatory=call.alone)
        except amqp.ChannelError as error:
            # The queue was refused, on a channel of its own.
            _fail(answer, translated(error, self._url))
        except (ClacksError, *AMQP_ERRORS) as error:
            _fail(answer, ConnectionLost(f"the call was not sent: {error}", url=self._url))
            raise

    def _open_channel(self) -> amqp.Channel:
        if self._channel is None:
            raise ConnectionLost("the connection is closed", url=self._url)
        return self._channel

    def _declare(self, connection: amqp.Connection, queue: str) -> None:
        if queue in self._declared:
            return
        try:
            declare_shared(connection, queue)
        except NameTaken:
            # It is there, if only as long as somebody serves it alone.
            return
        self._declared.add(queue)

    def _receive(self, raw: amqp.Message) -> None:
        answer = self._pending.pop(raw.properties.get("correlation_id", ""), None)
        # None: the caller has given up.
        if answer is not None and answer.set_running_or_notify_cancel():
            answer.set_result(decode(raw).body)

    def _on_return(self, _reason: object, _exchange: str, queue: str, raw: amqp.Message) -> None:
        answer = self._pending.pop(raw.properties.get("correlation_id", ""), None)
        if answer is not None:
            _fail(answer, NobodyListens(f"nobody serves {queue}", url=self._url))


def _fail(answer: Future[bytes], error: ClacksError) -> None:
    if answer.set_running_or_notify_cancel():
        answer.set_exception(error)
