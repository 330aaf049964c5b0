"""The consuming connection and the one thread that owns it.

Rule: nobody but this thread touches the connection. Others post jobs and wake it through a pair
of sockets.
"""

from __future__ import annotations

import contextlib
import logging
import random
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from typing import Protocol, TypeVar

import amqp
from amqp.exceptions import AMQPError

from clacks_events.errors import ClacksError, ConnectFailed, ConnectionLost
from clacks_events.transport.amqp.link import (
    AMQP_ERRORS,
    Connect,
    cut,
    has_pending,
    translated,
    within,
)
from clacks_events.transport.amqp.publisher import close_quietly
from clacks_events.transport.amqp.reader import FrameReader, Take
from clacks_events.transport.base import TransportCounters
from clacks_events.transport.returning import Returns

__all__ = ["Consumer", "Receiver"]

log = logging.getLogger(__name__)
T = TypeVar("T")

_TICK = 1.0  # seconds between looks at heartbeats
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds between attempts to connect again
_GLANCE = 0.1  # seconds between looks at whether there still is a connection
_MOST_READS = 64  # reads in a row before jobs and acknowledgements get their turn


class Consumer(Protocol):
    """Something that lives on a channel of the consuming connection."""

    def start(self, connection: amqp.Connection) -> None:
        """Declare, bind and consume, on a new connection."""

    def deliver(self) -> None:
        """Hand on what has arrived since the last time."""

    def flush(self, *, is_due: bool) -> None:
        """Send acknowledgements: when there are many, or because it is time (``is_due``)."""

    def lost(self) -> None:
        """Learn that the connection is gone."""


class Receiver:
    """Runs consumers on a connection, and brings them back after it was lost."""

    def __init__(
        self, connect: Connect, url: str, counters: TransportCounters, tick: Callable[[], None]
    ) -> None:
        self._connect = connect
        self._url = url
        self._counters = counters
        self._tick = tick
        self.returns = Returns()
        self._consumers: list[Consumer] = []
        self._connection: amqp.Connection | None = None
        self._reader: FrameReader | None = None
        self._jobs: deque[Callable[[], None]] = deque()
        self._is_closing = False
        self._alarm, self._bell = socket.socketpair()
        self._alarm.setblocking(False)
        self._bell.setblocking(False)
        self._is_awake = False
        self._thread = threading.Thread(target=self._run, name="clacks-receive", daemon=True)
        self._thread.start()

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, or nothing that needs one."""
        return self._connection is not None or not self._consumers

    def wake(self) -> None:
        """Let the thread look at its jobs and at what is to be acknowledged."""
        if not self._is_awake:
            self._is_awake = True
            # A full buffer wakes as well; when it is closed nobody is left to wake.
            with contextlib.suppress(OSError):
                self._bell.send(b"\0")

    def post(self, job: Callable[[], None]) -> None:
        """Run a job on the thread, soon."""
        self._jobs.append(job)
        self.wake()

    def finish(self, job: Callable[[], None], timeout: float) -> None:
        """Run a job on the thread and wait for it at most ``timeout`` seconds.

        It is not waited for on that thread itself, nor while there is no connection.
        """
        done = threading.Event()
        deadline = time.monotonic() + timeout

        def run() -> None:
            try:
                job()
            finally:
                done.set()

        self.post(run)
        if threading.current_thread() is self._thread:
            return
        while self._connection is not None and not done.wait(min(_GLANCE, within(deadline))):
            if within(deadline) <= 0:
                return

    def call(self, job: Callable[[], T], timeout: float) -> T:
        """Run a job on the thread and return its result.

        Raises ConnectionLost when the broker stays away for ``timeout`` seconds.
        """
        if self._is_closing:
            raise ConnectionLost("the bus is closed", url=self._url)
        done: Future[T] = Future()

        def run() -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                done.set_result(job())
            except (ClacksError, *AMQP_ERRORS) as error:
                done.set_exception(error)

        self.post(run)
        try:
            return done.result(timeout)
        except NotInTime as error:
            done.cancel()
            raise ConnectionLost(f"no broker for {timeout:g} s", url=self._url) from error
        except AMQP_ERRORS as error:
            raise translated(error, self._url) from error

    def add(self, consumer: Consumer, timeout: float) -> None:
        """Start a consumer and return when the broker feeds it.

        Raises ConnectionLost when the broker stays away for ``timeout`` seconds.
        """

        def start() -> None:
            consumer.start(self._connected())
            self._consumers.append(consumer)

        deadline = time.monotonic() + timeout
        while True:
            try:
                return self.call(start, timeout)
            except ConnectFailed as error:
                if within(deadline) <= 0:
                    reason = f"no broker for {timeout:g} s: {error.reason}"
                    raise ConnectionLost(reason, url=self._url) from error
                time.sleep(min(_FIRST_PAUSE, within(deadline)))

    def remove(self, consumer: Consumer) -> None:
        """Start this consumer no more."""

        def stop() -> None:
            if consumer in self._consumers:
                self._consumers.remove(consumer)

        self.post(stop)

    def _connected(self) -> amqp.Connection:
        if self._connection is None:
            self._connection = self._connect("consumer")
            self._reader = FrameReader(self._connection)
        return self._connection

    def expect(self, channel: int, consumer: str, take: Take) -> None:
        """Hand on at once what arrives on a channel for a consumer; on the thread only."""
        if self._reader is not None:
            self._reader.expect(channel, consumer, take)

    def forget(self, channel: int) -> None:
        """Hand on nothing of a channel any more; on the thread only."""
        if self._reader is not None:
            self._reader.forget(channel)

    def close(self) -> None:
        """Stop the thread and leave the broker."""
        self._is_closing = True
        self.wake()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._is_closing:
            try:
                self._restore()
                pause = _FIRST_PAUSE
                self._serve()
            except Exception as error:  # noqa: BLE001 - see below
                # Not only what a lost connection raises: this thread must outlive anything.
                self._lose(error)
                self._wait(pause * random.uniform(0.8, 1.2))
                pause = min(pause * 2, _LONGEST_PAUSE)
        self._leave()

    def _restore(self) -> None:
        if self._consumers and self._connection is None:
            connection = self._connected()
            for consumer in self._consumers:
                consumer.start(connection)
            self._counters.reconnects += 1
            log.info("%s: connected again", self._url)
            self.returns.tell()

    def _serve(self) -> None:
        next_tick = time.monotonic() + _TICK
        while not self._is_closing:
            self._run_jobs()
            # While a job waited for the broker's reply, events may have come in.
            self._deliver()
            self._flush(is_due=False)
            self._read_some(max(0.0, next_tick - time.monotonic()))
            if time.monotonic() >= next_tick:
                next_tick = time.monotonic() + _TICK
                self._beat()

    def _run_jobs(self) -> None:
        while self._jobs:
            self._jobs.popleft()()

    def _read_some(self, timeout: float) -> None:
        connection, reader = self._connection, self._reader
        poll = self._poll(connection)
        for _ in range(_MOST_READS):
            is_pending = connection is not None and has_pending(connection)
            ready = {fd for fd, _ in poll.poll(0 if is_pending else timeout * 1000)}
            if self._alarm.fileno() in ready:
                self._sleepy()
            if connection is None or reader is None:
                return
            if not is_pending and connection.sock.fileno() not in ready:
                return
            reader.read()
            self._deliver()
            if not connection.connected:
                raise ConnectionLost("the broker closed the connection", url=self._url)
            timeout = 0.0

    def _deliver(self) -> None:
        # Together, not one by one: whoever is woken takes the interpreter from this thread.
        for consumer in self._consumers:
            consumer.deliver()

    def _poll(self, connection: amqp.Connection | None) -> select.poll:
        poll = select.poll()
        poll.register(self._alarm, select.POLLIN)
        if connection is not None:
            poll.register(connection.sock, select.POLLIN)
        return poll

    def _sleepy(self) -> None:
        # First the bytes, then the flag, then the jobs. The other way round the byte of who posts
        # in between would be lost with the flag up, and nobody would wake us any more.
        with contextlib.suppress(BlockingIOError):
            self._alarm.recv(4096)
        self._is_awake = False

    def _flush(self, *, is_due: bool) -> None:
        for consumer in self._consumers:
            consumer.flush(is_due=is_due)

    def _beat(self) -> None:
        # RabbitMQ closes a channel that owes an acknowledgement for too long.
        self._flush(is_due=True)
        self._tick()
        if self._connection is not None:
            self._connection.heartbeat_tick()

    def _lose(self, error: Exception) -> None:
        first = self._connection is not None
        log.log(
            logging.WARNING if first else logging.INFO,
            "%s: no connection, trying again: %s",
            self._url,
            error,
            exc_info=not isinstance(error, ClacksError | OSError | AMQPError),
        )
        connection, self._connection, self._reader = self._connection, None, None
        cut(connection)
        for consumer in self._consumers:
            consumer.lost()

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._is_closing and (left := until - time.monotonic()) > 0:
            if self._poll(None).poll(left * 1000):
                self._sleepy()
                # Jobs wait for the connection; only closing is in a hurry.
                time.sleep(min(0.01, left))
            self._tick()

    def _leave(self) -> None:
        try:
            self._run_jobs()
            self._flush(is_due=True)
        except (ClacksError, *AMQP_ERRORS):
            # What was not acknowledged is delivered again, if anybody is to get it.
            log.debug("%s: lost while leaving", self._url, exc_info=True)
        for consumer in self._consumers:
            consumer.lost()
        if self._connection is not None:
            close_quietly(self._connection)
            self._connection = None
        self._alarm.close()
        self._bell.close()
