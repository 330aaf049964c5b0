"""The publishing connection of a client: shared by all threads, one at a time."""

from __future__ import annotations

import logging
import time
from threading import Lock

import zmq

from clacks_events.config import Endpoint
from clacks_events.errors import ConnectionLost, NobodyListens
from clacks_events.transport.base import PROBE, Message, TransportCounters
from clacks_events.transport.zeromq import wire
from clacks_events.transport.zeromq.greeting import SYNC, Context, dial, greet, milliseconds
from clacks_events.transport.zeromq.wire import pack, unpack

__all__ = ["Publisher"]

log = logging.getLogger(__name__)

_ROUND_TRIP = 1.0  # seconds that an answer may take, however short the timeout


class Publisher:
    """Writes messages; the socket keeps them, up to its high-water mark, for a server to come."""

    def __init__(
        self,
        context: Context,
        endpoint: Endpoint,
        counters: TransportCounters,
        timeout: float,
        *,
        hwm: int,
    ) -> None:
        """Connect. Raises ConnectFailed."""
        self._url = endpoint.redacted
        self._counters = counters
        self._timeout = timeout
        self._lock = Lock()
        self._number = 0
        self._is_closed = self._is_unsure = False
        self._socket = dial(context, endpoint, hwm=hwm)
        try:
            greet(self._socket, SYNC, self._url)
        except BaseException:
            self._socket.close(0)
            raise

    def publish(self, message: Message, *, wait: bool = True) -> None:
        """Send a message. Raises ConnectionLost if there is no room for it in time.

        Without ``wait`` that is at once.
        """
        frame = wire.PUBLISH + wire.record(message, self._url)
        deadline = self._enter() if wait else self._enter_at_once()
        try:
            self._check_open()
            try:
                self._socket.send(frame, zmq.NOBLOCK)
            except zmq.Again:
                self._wait_for_room(deadline)
                self._socket.send(frame, zmq.NOBLOCK)
            self._is_unsure = True
            self._count(message)
        finally:
            self._lock.release()

    def confirm(self, message: Message) -> int:
        """Send a message and return how many inboxes take it.

        Raises NobodyListens, or ConnectionLost when the server does not answer in time; then it
        is not known whether it has the message.
        """
        record = wire.record(message, self._url)
        deadline = self._enter()
        try:
            self._check_open()
            taken = self._answer((wire.CONFIRM, record), deadline)
            if not taken:
                raise NobodyListens(f"nobody takes {message.key}", url=self._url)
            self._count(message)
            return taken
        finally:
            self._lock.release()

    def _enter(self) -> float:
        """Take the lock, and return when there is no more time to wait."""
        deadline = time.monotonic() + self._timeout
        # Who has it may be waiting for the server in turn.
        if not self._lock.acquire(timeout=max(self._timeout, _ROUND_TRIP)):
            raise ConnectionLost(
                f"no server for {self._timeout:g} s, and others wait for it", url=self._url
            )
        return deadline

    def _enter_at_once(self) -> float:
        if not self._lock.acquire(blocking=False):
            raise ConnectionLost("others publish at this moment", url=self._url)
        return time.monotonic()

    def _count(self, message: Message) -> None:
        if message.content_type != PROBE:
            self._counters.published += 1

    def _answer(self, question: tuple[bytes, bytes], deadline: float) -> int:
        self._wait_for_room(deadline)
        # However little patience there is for a server that is away, one that is there needs some.
        deadline = max(deadline, time.monotonic() + _ROUND_TRIP)
        self._number += 1
        number = pack(self._number)
        self._socket.send_multipart((question[0], number, question[1]), zmq.NOBLOCK)
        while self._socket.poll(milliseconds(deadline - time.monotonic())):
            kind, *rest = self._socket.recv_multipart()
            # Anything else is an answer that was given up, or a sign of life.
            if kind in (wire.TAKEN, wire.DONE) and rest[0] == number:
                self._is_unsure = False
                return unpack(rest[1]) if kind == wire.TAKEN else 1
        self._is_unsure = True
        raise ConnectionLost(f"no answer for {self._timeout:g} s", url=self._url)

    def _wait_for_room(self, deadline: float) -> None:
        left = milliseconds(deadline - time.monotonic())
        if not self._socket.poll(left, zmq.POLLOUT):
            raise ConnectionLost(
                f"no server for {self._timeout:g} s, and no room for messages to wait"
                f" (hwm={self._socket.sndhwm})",
                url=self._url,
            )

    def _check_open(self) -> None:
        if self._is_closed:
            raise ConnectionLost("the transport is closed", url=self._url)

    def close(self) -> None:
        """Wait until the server has what was published, and leave."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            try:
                if self._is_unsure:
                    self._answer((wire.ASK, SYNC), time.monotonic() + self._timeout)
            except ConnectionLost:
                log.warning(
                    "%s: the server has not said that it has all that was published", self._url
                )
            self._socket.close(0)
