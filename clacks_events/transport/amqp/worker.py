"""Serve a work queue over AMQP."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

import amqp
from amqp.exceptions import NotFound

from clacks_events.errors import ConnectionLost, NameTaken
from clacks_events.transport.amqp.codec import decode, encode
from clacks_events.transport.amqp.link import AMQP_ERRORS, may_write
from clacks_events.transport.amqp.queues import declare_alone, declare_shared, delete
from clacks_events.transport.base import Message, OnRequest

if TYPE_CHECKING:
    from clacks_events.transport.amqp.publisher import Publisher
    from clacks_events.transport.amqp.receiver import Receiver

__all__ = ["LARGEST_WINDOW", "Work", "Worker"]

log = logging.getLogger(__name__)

LARGEST_WINDOW = 65535
"""AMQP 0-9-1 counts in 16 bits what is not acknowledged."""

_QUICK = 0.1  # seconds of work after which it is worth asking whether the caller is still there
_GLANCE = 1.0  # seconds that this may take


@dataclass(frozen=True, slots=True)
class Work:
    """What Transport.serve was asked for."""

    queue: str
    on_request: OnRequest
    alone: bool
    window: int


class _Request:
    def __init__(self, message: Message, raw: amqp.Message, worker: Worker) -> None:
        self.message = message
        self.is_redelivered = bool(raw.delivery_info.get("redelivered"))
        self._arrived = time.monotonic()
        self.deadline = self._arrived + _patience(raw.properties.get("expiration"))
        self._raw = raw
        self._worker = worker

    def accept(self) -> bool:
        return self._worker.accept(self._raw)

    def reply(self, body: bytes) -> bool:
        reply_to = self._raw.properties.get("reply_to")
        if not reply_to:
            return False
        if time.monotonic() - self._arrived > _QUICK and not self._worker.reaches(reply_to):
            return False
        self._worker.reply(reply_to, self._raw.properties.get("correlation_id"), body)
        return True


def _patience(expiration: object) -> float:
    # Milliseconds as text, which whoever calls may leave out.
    text = str(expiration)
    return int(text) / 1000 if text.isascii() and text.isdecimal() else math.inf


class Worker:
    """Takes calls from a work queue, alone or together with other processes."""

    def __init__(
        self, receiver: Receiver, publisher: Publisher, work: Work, timeout: float
    ) -> None:
        self._receiver = receiver
        self._publisher = publisher
        self._work = work
        self._timeout = timeout
        self._settling = Lock()
        self._connection: amqp.Connection | None = None
        self._channel: amqp.Channel | None = None
        self._has_served = False
        self._is_closed = False

    def open(self) -> None:
        """Take calls from now on; returns when they are delivered.

        Raises NameTaken if the queue is served in a way that excludes this one.
        """
        try:
            self._receiver.add(self, self._timeout)
        except ConnectionLost:
            # It may be under way nevertheless.
            self._is_closed = True
            self._receiver.remove(self)
            self._receiver.post(self._stop)
            raise

    def start(self, connection: amqp.Connection) -> None:
        self._connection = connection
        if self._is_closed:
            return
        try:
            self._begin(connection)
        except (NameTaken, amqp.ChannelError) as error:
            if not self._has_served:
                raise
            # The broker may not have noticed yet that the former connection is gone. flush()
            # tries again.
            log.warning("work queue %s is not served, trying again: %s", self._work.queue, error)

    def _begin(self, connection: amqp.Connection) -> None:
        queue, alone = self._work.queue, self._work.alone
        (declare_alone if alone else declare_shared)(connection, queue)
        channel = connection.channel()
        self._channel = channel
        try:
            channel.basic_qos(0, self._work.window, False)
            channel.basic_consume(queue, callback=self._receive)
        except amqp.ChannelError:
            self._stop()
            raise
        self._has_served = True

    def _begin_again(self, connection: amqp.Connection) -> None:
        try:
            self._begin(connection)
        except (NameTaken, amqp.ChannelError) as error:
            log.debug("work queue %s is still not served: %s", self._work.queue, error)
        else:
            log.info("work queue %s is served again", self._work.queue)

    def _receive(self, raw: amqp.Message) -> None:
        self._work.on_request(_Request(decode(raw), raw, self))

    def accept(self, raw: amqp.Message) -> bool:
        """Acknowledge a call; return False if its channel is gone and the call with it.

        It is sent when this returns: who began before, and were killed then, would have it done
        twice.
        """
        connection = self._connection
        if connection is not None and may_write(connection):
            return self._ack(raw, connection)
        sent: list[bool] = []
        self._receiver.finish(lambda: sent.append(self._ack(raw, connection)), _GLANCE)
        return sent == [True]

    def _ack(self, raw: amqp.Message, connection: amqp.Connection | None) -> bool:
        # Under the lock: the broker ends the connection of who acknowledges on a closed channel.
        with self._settling:
            channel = self._channel
            if channel is None or raw.channel is not channel:
                return False
            try:
                channel.basic_ack(raw.delivery_info["delivery_tag"])
            except AMQP_ERRORS as error:
                self._receiver.post(partial(self._give_up, connection, error))
                return False
        return True

    def _give_up(self, connection: amqp.Connection | None, error: Exception) -> None:
        if connection is not None and connection is self._connection:
            raise ConnectionResetError(f"lost while writing: {error}") from error

    def reaches(self, reply_to: str) -> bool:
        """Tell whether whoever waits for an answer is still there, as far as is known."""
        found = [True]
        self._receiver.finish(lambda: found.append(self._exists(reply_to)), _GLANCE)
        return found[-1]

    def _exists(self, queue: str) -> bool:
        if self._connection is None:
            return True
        try:
            with self._connection.channel() as clerk:
                clerk.queue_declare(queue, passive=True)
        except NotFound:
            return False
        except amqp.ChannelError:
            # Not ours to look at, but there.
            return True
        return True

    def reply(self, reply_to: str, number: str | None, body: bytes) -> None:
        """Send an answer; a caller that is gone does not get it."""
        properties = {} if number is None else {"correlation_id": number}
        message = Message(body, content_type="application/json")
        self._publisher.send(encode(message, persistent=False, **properties), reply_to)

    def deliver(self) -> None:
        """Nothing to do: each call is handed on at once."""

    def flush(self, *, is_due: bool) -> None:
        """Take up again what was refused; each call is acknowledged by itself."""
        connection = self._connection
        if is_due and connection is not None and self._channel is None and not self._is_closed:
            self._begin_again(connection)

    def lost(self) -> None:
        self._connection = self._channel = None

    def close(self) -> None:
        """Take no more calls; those not begun go to others, or are lost if there can be none.

        Returns when the broker knows, unless it is away or this is called by ``on_request``.
        """
        self._is_closed = True
        self._receiver.remove(self)
        self._receiver.finish(self._stop, self._timeout)

    def _stop(self) -> None:
        with self._settling:
            channel, self._channel = self._channel, None
        if channel is None:
            return
        connection = channel.connection
        try:
            channel.close()
            if self._work.alone:
                delete(connection, self._work.queue)
        except AMQP_ERRORS:
            log.debug("work queue %s: lost while closing", self._work.queue, exc_info=True)
