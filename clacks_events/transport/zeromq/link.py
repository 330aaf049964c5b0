"""The receiving connection of a client: one thread that owns its socket.

What others want from it they post as jobs. When the server was away, or is another one, the
thread says again all that this client wants of it.
"""

from __future__ import annotations

import contextlib
import logging
import socket as sockets
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from functools import partial
from json import dumps
from typing import Any, TypeAlias

import zmq
from zmq.utils.monitor import recv_monitor_message

from clacks_events.config import Endpoint
from clacks_events.errors import ConnectionLost
from clacks_events.transport.base import TransportCounters
from clacks_events.transport.returning import Returns
from clacks_events.transport.zeromq import wire
from clacks_events.transport.zeromq.asking import Question, Standing, unawaited
from clacks_events.transport.zeromq.greeting import (
    SYNC,
    Context,
    dial,
    fault,
    greet,
    hello,
    milliseconds,
)
from clacks_events.transport.zeromq.wire import pack

__all__ = ["Frames", "Link"]

log = logging.getLogger(__name__)

Frames: TypeAlias = Sequence[bytes]

_BEAT = 1.0  # seconds between two signs of life
_SILENCE = 5.0  # seconds without one after which the server is away
_MOST_AT_ONCE = 100
_LINGER = 500  # milliseconds that leaving may take


class Link:
    """Keeps a connection, and hands what arrives to whoever it is for."""

    def __init__(self, context: Context, endpoint: Endpoint, counters: TransportCounters) -> None:
        """Connect. Raises ConnectFailed."""
        self.url = endpoint.redacted
        self.takers: dict[bytes, Callable[[Frames], None]] = {
            wire.DONE: self._done,
            wire.WHO: lambda _: self._restore(),
            wire.PONG: lambda _: None,
            wire.REFUSED: lambda _: self._lose("the one there speaks another version"),
        }
        """What to do with each kind of message, after its kind."""
        self.life = 0
        """How many servers there were so far; tags of one mean nothing to the next."""
        self.is_away = False
        self.returns = Returns()
        self.beats: list[Callable[[], None]] = []
        """What to do each second while there is a server."""
        self._counters = counters
        self._session = uuid.uuid4().hex
        self._standing: list[Standing] = []
        self._refused: list[Standing] = []
        self._asked: dict[bytes, Question] = {}
        self._said_again: list[Question] = []
        self._greeting: bytes | None = None
        self._number = 0
        self._jobs: deque[Callable[[], None]] = deque()
        self._is_awake = self._is_silent = self._is_closing = False
        self._heard = time.monotonic()
        self._socket = dial(context, endpoint)
        try:
            greet(self._socket, hello(self._session), self.url)
        except BaseException:
            self._socket.close(0)
            raise
        self._monitor = self._socket.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
        )
        self._bell, self._alarm = sockets.socketpair()
        self._bell.setblocking(False)
        self._alarm.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="clacks-zeromq", daemon=True)
        self._thread.start()

    @property
    def is_here(self) -> bool:
        """Whether this is the thread of the link."""
        return threading.current_thread() is self._thread

    def post(self, job: Callable[[], None]) -> None:
        """Run a job on the thread, soon."""
        self._jobs.append(job)
        if not self._is_awake:
            self._is_awake = True
            # A full buffer wakes as well; when it is closed nobody is left to wake.
            with contextlib.suppress(OSError):
                self._bell.send(b"\0")

    def send(self, *frames: bytes) -> None:
        """Send a message to the server, if there is one; on the thread only."""
        if not self.is_away:
            # Without a high-water mark the socket takes everything at once.
            self._socket.send_multipart(frames, zmq.NOBLOCK)

    def ask(self, question: Mapping[str, Any], timeout: float) -> None:
        """Have the server do something, and return when it is done.

        Raises ConnectionLost when it stays away for ``timeout`` seconds, or what it refuses with.
        """
        asked = Question(Future())
        self._wait(partial(self._put, question, asked), asked, timeout)

    def add(self, standing: Standing, timeout: float) -> None:
        """As ``ask``, and again for each server to come, until ``end``."""
        asked = Question(Future(), standing)

        def start() -> None:
            self._standing.append(standing)
            self._put(standing.ask(), asked)

        try:
            self._wait(start, asked, timeout)
        except BaseException:
            self.post(partial(self._forget, standing))
            raise

    def say(self, question: Mapping[str, Any]) -> None:
        """Have the server do something, some time."""
        self.post(lambda: self._put(question, unawaited()))

    def tell(self, question: Mapping[str, Any], timeout: float) -> None:
        """As ``ask``, for what means nothing to a server that is away; it never fails."""
        asked = Question(Future(), is_farewell=True)
        put = partial(self._put, question, asked)
        # On the thread itself it is said after what its caller is about to say: who closes a
        # server while it is called still answers.
        self.post(partial(self.post, put) if self.is_here else put)
        # There, or when the thread has ended, nobody would answer.
        if not self.is_here and not self._is_closing:
            try:
                asked.done.result(self._patience(timeout))
            except NotInTime:
                log.warning("%s: no answer to %s", self.url, question["verb"])

    def end(self, standing: Standing, timeout: float) -> None:
        """Ask this no more; returns when the server knows, unless it is away."""
        self.post(partial(self._forget, standing))
        self.tell(standing.end(), timeout)

    def _forget(self, standing: Standing) -> None:
        for kept in (self._standing, self._refused):
            if standing in kept:
                kept.remove(standing)

    def _wait(self, job: Callable[[], None], asked: Question, timeout: float) -> None:
        if self._is_closing:
            raise ConnectionLost("the bus is closed", url=self.url)
        if self.is_here:
            # It cannot wait for itself.
            self.post(job)
            return
        self.post(job)
        try:
            asked.done.result(self._patience(timeout))
        except NotInTime as error:
            asked.done.cancel()
            raise ConnectionLost(f"no server for {timeout:g} s", url=self.url) from error

    def _patience(self, timeout: float) -> float:
        # A server that is there takes its time, or is away soon.
        return timeout if self.is_away else max(timeout, _SILENCE)

    def _put(self, question: Mapping[str, Any], asked: Question) -> None:
        if self.is_away and asked.is_farewell:
            asked.settle(None)
            return
        self._number += 1
        number = pack(self._number)
        self._asked[number] = asked
        self.send(wire.ASK, number, dumps(question).encode())

    def _done(self, frames: Frames) -> None:
        number, told = frames
        if number == self._greeting:
            self._restored()
        asked = self._asked.pop(number, None)
        if asked is None:
            return
        standing, error = asked.standing, fault(told, self.url)
        if standing is not None and asked.done.cancelled():
            if standing not in self._standing:
                # Who asked has given up since, or closed it.
                self._put(standing.end(), unawaited())
            elif error is not None:
                # Said to a server that came back; nobody waits for this, so it is tried again.
                log.warning("%s: %s; trying again", self.url, error)
                self._refused.append(standing)
        asked.settle(error)

    def close(self) -> None:
        """Leave the server and end the thread."""
        self._is_closing = True
        self.post(lambda: None)
        if not self.is_here:
            self._thread.join()

    def _run(self) -> None:
        poller = zmq.Poller()
        for source in (self._socket, self._monitor, self._alarm):
            poller.register(source, zmq.POLLIN)
        next_beat = time.monotonic() + _BEAT
        while not self._is_closing:
            self._guarded(self._run_jobs)
            wait = 0 if self._jobs else milliseconds(next_beat - time.monotonic())
            ready = dict(poller.poll(wait))
            if self._alarm.fileno() in ready:
                self._sleepy()
            if self._monitor in ready:
                self._guarded(self._look_at_connection)
            if self._socket in ready:
                self._guarded(self._receive)
            if (late := time.monotonic() - next_beat) >= 0:
                next_beat = time.monotonic() + _BEAT
                self._guarded(partial(self._beat, late))
        self._leave()

    def _guarded(self, job: Callable[[], None]) -> None:
        try:
            job()
        except Exception:
            # This thread must outlive anything: a mistake of ours, or a server that is none.
            log.exception("%s: an error on the way, going on", self.url)

    def _run_jobs(self) -> None:
        while self._jobs:
            self._jobs.popleft()()

    def _sleepy(self) -> None:
        # The flag last, or the byte of who posts in between would be lost, and all that follow. His
        # job is not: jobs are run after this.
        with contextlib.suppress(BlockingIOError):
            self._alarm.recv(4096)
        self._is_awake = False

    def _receive(self) -> None:
        self._heard = time.monotonic()
        if self._is_silent:
            self._is_silent = False
            log.info("%s: the server is heard again", self.url)
        for _ in range(_MOST_AT_ONCE):
            if not self._take_one():
                break

    def _take_one(self) -> bool:
        try:
            kind, *rest = self._socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return False
        take = self.takers.get(kind)
        if take is not None:
            take(rest)
        return True

    def _look_at_connection(self) -> None:
        while self._monitor.poll(0):
            if recv_monitor_message(self._monitor)["event"] == zmq.EVENT_DISCONNECTED:
                self._lose("the connection broke")
            else:
                self._restore()

    def _beat(self, late: float) -> None:
        if self.is_away:
            return
        if late > _BEAT:
            # We were stopped ourselves: what the server has said meanwhile is still to be read.
            self._heard = time.monotonic()
        if time.monotonic() - self._heard > _SILENCE and not self._is_silent:
            # It may go on as if nothing had happened, so that nothing has to be said again.
            self._is_silent = True
            self._give_up(f"no sign of life for {_SILENCE:g} s")
        self.send(wire.PING)
        for job in tuple(self.beats):
            job()
        refused, self._refused = self._refused, []
        for standing in refused:
            self._put(standing.ask(), unawaited(standing))

    def _lose(self, reason: str) -> None:
        if not self.is_away:
            self.is_away, self._is_silent, self._greeting = True, False, None
            self._give_up(reason)

    def _give_up(self, reason: str) -> None:
        log.warning("%s: no server, trying again: %s", self.url, reason)
        for standing in self._standing:
            standing.lost()
        for asked in self._asked.values():
            if asked.is_farewell:
                asked.settle(None)

    def _restore(self) -> None:
        """Say to a server that does not know us all that we want of it."""
        if self._greeting is not None:
            return
        self._lose("the one there does not know us")
        # What is left is of the former server, in whose life it means something.
        self._greeting = b""
        while self._take_one():
            pass
        self.is_away = False
        self.life += 1
        asked, self._asked, self._refused = self._asked, {}, []
        waiting = {item.standing: item for item in asked.values() if item.standing is not None}
        # What else was asked is part of what is said again.
        self._said_again += [item for item in asked.values() if item.standing is None]
        self.send(wire.ASK, pack(0), hello(self._session))
        for standing in self._standing:
            self._put(standing.ask(), waiting.get(standing) or unawaited(standing))
        self._number += 1
        self._greeting = pack(self._number)
        self.send(wire.ASK, self._greeting, SYNC)

    def _restored(self) -> None:
        self._greeting = None
        said, self._said_again = self._said_again, []
        for asked in said:
            asked.settle(None)
        self._counters.reconnects += 1
        log.info("%s: connected again", self.url)
        self.returns.tell()

    def _leave(self) -> None:
        self._guarded(self._run_jobs)
        for standing in self._standing:
            standing.lost()
        self._guarded(lambda: self.send(wire.ASK, pack(0), b'{"verb": "bye"}'))
        for asked in (*self._asked.values(), *self._said_again):
            asked.settle(ConnectionLost("the bus is closed", url=self.url))
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._socket.close(_LINGER)
        self._alarm.close()
        self._bell.close()
