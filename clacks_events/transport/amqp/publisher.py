"""The publishing connection: shared by all threads, one at a time."""

from __future__ import annotations

import itertools
import logging
import select
import time
from collections.abc import Callable, Collection
from threading import Lock

import amqp
from amqp import exceptions as fault

from clacks_events.errors import (
    ConnectFailed,
    ConnectionLost,
    NobodyListens,
    PublishFailed,
    TransportError,
)
from clacks_events.transport.amqp.audience import Audiences
from clacks_events.transport.amqp.codec import checked, encode
from clacks_events.transport.amqp.frames import FrameWriter
from clacks_events.transport.amqp.link import (
    AMQP_ERRORS,
    REFUSALS,
    Connect,
    cut,
    has_pending,
    within,
)
from clacks_events.transport.amqp.reader import FrameReader
from clacks_events.transport.base import PROBE, Message, PublishOptions, TransportCounters

__all__ = ["EXCHANGE", "Publisher", "open_channel"]

log = logging.getLogger(__name__)

EXCHANGE = "clacks.events"
_PAUSES = (0.05, 0.1, 0.2, 0.4)  # seconds between attempts to connect again
_CONFIRM_TIMEOUT = 10.0  # seconds


def open_channel(connection: amqp.Connection) -> amqp.Channel:
    """Open a channel and make sure of the topic exchange that all events go through."""
    channel = connection.channel()
    try:
        # Passively first: that needs no permission to configure the exchange.
        channel.exchange_declare(EXCHANGE, "topic", passive=True)
    except fault.NotFound:
        # The broker closes a channel on which something was not found.
        channel = connection.channel()
        channel.exchange_declare(EXCHANGE, "topic", durable=True, auto_delete=False)
    return channel


class Publisher:
    """Writes messages, and connects again when the broker was away."""

    def __init__(
        self, connect: Connect, url: str, counters: TransportCounters, timeout: float
    ) -> None:
        self._connect = connect
        self._url = url
        self._counters = counters
        self._timeout = timeout
        self._lock = Lock()
        self._is_closed = False
        self.audiences = Audiences()
        # Expired as soon as nobody takes it: none piles up in a durable queue without a reader.
        probe = Message(b"", content_type=PROBE)
        self._probe = encode(probe, persistent=False, expiration="0")
        self._open()

    def _open(self) -> None:
        self._connection: amqp.Connection | None = None
        self._confirming: amqp.Channel | None = None
        self._probing: amqp.Channel | None = None
        self._returned: set[str] = set()
        connection = self._connect("publisher")
        try:
            self._channel: amqp.Channel = open_channel(connection)
            self._frames = FrameWriter(connection, self._channel.channel_id, EXCHANGE)
            self._reader = FrameReader(connection)
        except AMQP_ERRORS as error:
            cut(connection)
            if isinstance(error, REFUSALS):
                raise PublishFailed(f"the broker refuses: {error}", url=self._url) from error
            raise ConnectFailed(f"lost while opening: {error}", url=self._url) from error
        self._poll = select.poll()
        self._poll.register(connection.sock, select.POLLIN)
        self._room = select.poll()
        self._room.register(connection.sock, select.POLLOUT)
        self._blocked = ""
        connection.on_blocked = self._on_blocked
        connection.on_unblocked = self._on_unblocked
        self._connection = connection

    def _on_blocked(self, reason: str) -> None:
        self._blocked = reason or "no reason given"
        log.warning("%s: the broker takes no more events for now: %s", self._url, reason)

    def _on_unblocked(self) -> None:
        self._blocked = ""
        log.info("%s: the broker takes events again", self._url)

    def publish(self, message: Message, options: PublishOptions) -> int:
        """Send an event to the exchange; see Transport.publish."""
        if options.confirm:
            self._publish_confirmed(self._encoded(message, options), message.key)
        elif not options.wait:
            self._attempt(lambda: self._send(message, options))
        else:
            self._persist(lambda: self._send(message, options), self._timeout)
        if message.content_type != PROBE:
            self._counters.published += 1
        return int(options.confirm)

    def _publish_confirmed(self, encoded: amqp.Message, key: str) -> None:
        try:
            self._persist(lambda: self._send_confirmed(encoded, key), self._timeout)
        finally:
            # Not under the lock: whoever is told may publish.
            self.audiences.tell(key)

    def send(self, encoded: amqp.Message, queue: str) -> None:
        """Send a message to a queue, in the same way."""
        self._persist(lambda: self._channel.basic_publish(encoded, "", queue), self._timeout)

    def probe(self, keys: Collection[str], timeout: float) -> None:
        """Find out whether anybody listens to each of the keys; ``audiences`` knows then.

        Raises as Transport.publish does, but after ``timeout`` seconds.
        """
        try:
            self._persist(lambda: self._send_probes(keys), timeout)
        finally:
            for key in keys:
                self.audiences.tell(key)

    def _encoded(self, message: Message, options: PublishOptions) -> amqp.Message:
        encoded = encode(message, persistent=options.persistent)
        return checked(encoded, self._url) if message.headers else encoded

    def _send(self, message: Message, options: PublishOptions) -> None:
        if not self._frames.write(message, persistent=options.persistent):
            encoded = self._encoded(message, options)
            self._channel.basic_publish(encoded, EXCHANGE, message.key)

    def _persist(self, write: Callable[[], object], timeout: float) -> None:
        """Write on a live connection; while the broker is away, try again until time is up."""
        deadline = time.monotonic() + timeout
        with self._lock:
            for attempt in itertools.count():
                try:
                    self._ready(deadline)
                    write()
                    break
                except REFUSALS as error:
                    self._drop()
                    raise PublishFailed(f"the broker refuses: {error}", url=self._url) from error
                except (*AMQP_ERRORS, ConnectFailed) as error:
                    self._drop()
                    self._pause(attempt, deadline, error)

    def _attempt(self, write: Callable[[], object]) -> None:
        """Write if that can be done at once; else raise ConnectionLost, and nothing is sent."""
        if not self._lock.acquire(blocking=False):
            raise ConnectionLost("others publish at this moment", url=self._url)
        try:
            if self._connection is None or self._blocked or not self._has_room():
                raise ConnectionLost("the broker takes nothing at this moment", url=self._url)
            self._ready(0.0)
            write()
        except REFUSALS as error:
            self._drop()
            raise PublishFailed(f"the broker refuses: {error}", url=self._url) from error
        except AMQP_ERRORS as error:
            self._drop()
            raise ConnectionLost(f"nothing was published: {error}", url=self._url) from error
        finally:
            self._lock.release()

    def _has_room(self) -> bool:
        return bool(self._room.poll(0))

    def _ready(self, deadline: float) -> None:
        if self._is_closed:
            raise ConnectionLost("the bus is closed", url=self._url)
        if self._connection is None:
            # Whoever waited for the lock in vain does not try once more by himself.
            if within(deadline) <= 0:
                raise ConnectFailed("still away", url=self._url)
            self._open()
            self._counters.reconnects += 1
        # What the broker said meanwhile, a farewell for instance, comes first.
        while self._has_input(within(deadline) if self._blocked else 0):
            self._read()
        if self._blocked:
            reason = f"the broker has taken nothing for {self._timeout:g} s: {self._blocked}"
            raise PublishFailed(reason, url=self._url)

    def _send_confirmed(self, encoded: amqp.Message, key: str) -> None:
        channel = self._confirming_channel()
        self._returned.clear()
        try:
            channel.basic_publish_confirm(
                encoded, EXCHANGE, key, mandatory=True, confirm_timeout=_CONFIRM_TIMEOUT
            )
        except fault.MessageNacked as error:
            raise PublishFailed("the broker could not keep it", url=self._url) from error
        self.audiences.note(key, 0 if self._returned else 1)
        if self._returned:
            raise NobodyListens(f"nobody takes {key}", url=self._url)

    def _send_probes(self, keys: Collection[str]) -> None:
        if self._probing is None:
            self._probing = self._returning_channel()
        self._returned.clear()
        for key in keys:
            self._probing.basic_publish(self._probe, EXCHANGE, key, mandatory=True)
        # A channel does one thing after the other: its answer comes after all that it returns.
        self._probing.basic_qos(0, 0, False)
        for key in keys:
            self.audiences.note(key, 0 if key in self._returned else 1, is_probed=True)

    def _confirming_channel(self) -> amqp.Channel:
        if self._confirming is None:
            self._confirming = self._returning_channel()
        return self._confirming

    def _returning_channel(self) -> amqp.Channel:
        assert self._connection is not None
        channel = self._connection.channel()
        channel.events["basic_return"].add(self._on_return)
        return channel

    def _on_return(self, _reason: object, _exchange: str, key: str, _message: object) -> None:
        self._returned.add(key)

    def _has_input(self, timeout: float) -> bool:
        if self._connection is not None and has_pending(self._connection):
            return True
        return bool(self._poll.poll(timeout * 1000))

    def _read(self) -> None:
        assert self._connection is not None
        self._reader.read()
        if not self._connection.connected:
            raise fault.RecoverableConnectionError("the broker closed the connection")

    def _pause(self, attempt: int, deadline: float, error: Exception) -> None:
        left = within(deadline)
        if left <= 0:
            # Not the whole sentence of one of ours: the URL is said already.
            why = error.reason if isinstance(error, TransportError) else error
            raise ConnectionLost(
                f"no broker for {self._timeout:g} s, nothing was published: {why}", url=self._url
            ) from error
        time.sleep(min(left, _PAUSES[min(attempt, len(_PAUSES) - 1)]))

    def tick(self) -> None:
        """Keep the connection alive; called about once a second."""
        # A publishing thread that holds the lock keeps it alive by itself.
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self._connection is not None:
                while self._has_input(0):
                    self._read()
                self._connection.heartbeat_tick()
        except AMQP_ERRORS:
            # The next one to publish connects again and reports what goes wrong.
            self._drop()
        finally:
            self._lock.release()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        cut(connection)

    def close(self) -> None:
        """Say goodbye to the broker, after what was published."""
        with self._lock:
            self._is_closed = True
            connection, self._connection = self._connection, None
            if connection is not None:
                close_quietly(connection)


def close_quietly(connection: amqp.Connection) -> None:
    """Close a connection in an orderly way, as far as the broker plays along."""
    try:
        connection.close()
    except AMQP_ERRORS:
        cut(connection)
