"""Work at the broker that waits for its replies, on a connection that comes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import TypeVar

import amqp

from clacks_events.errors import ClacksError, ConnectionLost
from clacks_events.transport.amqp.link import AMQP_ERRORS, Connect, within
from clacks_events.transport.amqp.notes import Busy
from clacks_events.transport.amqp.publisher import open_channel
from clacks_events.transport.amqp.receiver import Receiver
from clacks_events.transport.base import TransportCounters

__all__ = ["Desk"]

T = TypeVar("T")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.1  # seconds between two attempts


class _Away(ClacksError):
    """There is no connection, or it was lost under way."""


class Desk:
    """Does jobs one after the other, on a connection and a thread of its own.

    Both begin with the first job.
    """

    def __init__(
        self, connect: Connect, url: str, counters: TransportCounters, timeout: float
    ) -> None:
        self._connect = connect
        self._url = url
        self._counters = counters
        self._timeout = timeout
        self._receiver: Receiver | None = None
        self._connection: amqp.Connection | None = None
        self._channel: amqp.Channel | None = None
        self._is_started = False
        self._is_closed = False
        self._starting = Lock()

    def do(self, job: Callable[[amqp.Channel], T]) -> T:
        """Return what a job makes of a channel; it is tried again after a lost connection.

        Raises ConnectionLost when the broker stays away, AccessDenied and TransportError for a
        refusal that the job lets out.
        """
        deadline, pause = time.monotonic() + self._timeout, _FIRST_PAUSE
        receiver = self._started(deadline)
        while True:
            try:
                return receiver.call(partial(self._attempt, job), within(deadline))
            except (Busy, _Away) as error:
                if within(deadline) <= 0:
                    reason = f"not done within {self._timeout:g} s: {error}"
                    raise ConnectionLost(reason, url=self._url) from error
            time.sleep(min(pause, within(deadline)))
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _started(self, deadline: float) -> Receiver:
        if not self._starting.acquire(timeout=within(deadline)):
            raise ConnectionLost(f"no broker for {self._timeout:g} s", url=self._url)
        try:
            if self._is_closed:
                raise ConnectionLost("the bus is closed", url=self._url)
            if self._receiver is None:
                self._receiver = Receiver(
                    self._connect, self._url, self._counters, _nothing_else_to_keep_alive
                )
            if not self._is_started:
                self._start(self._receiver, within(deadline))
            return self._receiver
        finally:
            self._starting.release()

    def _start(self, receiver: Receiver, timeout: float) -> None:
        try:
            receiver.add(self, timeout)
        except ClacksError:
            # It may be under way nevertheless.
            receiver.remove(self)
            raise
        self._is_started = True

    def _attempt(self, job: Callable[[amqp.Channel], T]) -> T:
        connection, channel = self._connection, self._channel
        if connection is None or channel is None:
            raise _Away("no connection")
        try:
            return job(channel)
        except amqp.ChannelError:
            # A refusal, which is for whoever asked.
            raise
        except AMQP_ERRORS as error:
            # Never go on with it: a late reply would be taken for the reply to something else.
            if self._receiver is not None:
                self._receiver.post(partial(self._give_up, connection, error))
            raise _Away(f"lost under way: {error}") from error

    def _give_up(self, connection: amqp.Connection, error: Exception) -> None:
        if connection is self._connection:
            raise ConnectionResetError(f"lost under way: {error}") from error

    def start(self, connection: amqp.Connection) -> None:
        """Open the channel for jobs; see Consumer."""
        self._channel = open_channel(connection)
        self._connection = connection

    def deliver(self) -> None:
        """Nothing comes by itself."""

    def flush(self, *, is_due: bool) -> None:
        """Nothing to acknowledge."""

    def lost(self) -> None:
        """Learn that the connection is gone."""
        self._connection = self._channel = None

    def close(self) -> None:
        """Leave the broker; jobs that wait fail with ConnectionLost."""
        self._is_closed = True
        if self._receiver is not None:
            self._receiver.close()


def _nothing_else_to_keep_alive() -> None:
    return
