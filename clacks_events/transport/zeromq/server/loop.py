"""The thread of an embedded server: its sockets, its clock, and nothing to decide."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import zmq
from zmq.utils.monitor import recv_monitor_message

from clacks_events.transport.zeromq.curve import Gate
from clacks_events.transport.zeromq.greeting import milliseconds
from clacks_events.transport.zeromq.server.broker import Broker, Foreign
from clacks_events.transport.zeromq.server.queues import Limits
from clacks_events.transport.zeromq.wire import PONG

__all__ = ["Loop", "ServerCounters"]

log = logging.getLogger(__name__)

_TICK = 1.0  # seconds
_MOST_AT_ONCE = 500
_QUIET = 60.0  # seconds between two log lines about strangers


@dataclass(slots=True)
class ServerCounters:
    """What happened at an embedded server so far."""

    published: int = 0
    """Events that came in."""
    lost: int = 0
    """Events that an inbox with too many of them could not take."""
    foreign: int = 0
    """Messages and connections that were not those of our clients: dropped."""
    clients: int = 0
    """Clients that are connected at this moment."""


class Loop:
    """Moves messages between sockets and the broker until it is stopped."""

    def __init__(self, router: zmq.Socket[bytes], gate: Gate, limits: Limits) -> None:
        """Take over a ROUTER socket that is bound."""
        self._router = router
        self._gate = gate
        self._broker = Broker(self._send, limits)
        self._gone: list[bytes] = []
        self._known: set[bytes] = set()
        self._connections: dict[int, bytes] = {}
        self._foreign = 0
        self._said = -_QUIET
        context = router.context
        self._monitor = router.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._bell: zmq.Socket[bytes] = context.socket(zmq.PAIR)
        self._alarm: zmq.Socket[bytes] = context.socket(zmq.PAIR)
        self._alarm.bind("inproc://stop")
        self._bell.connect("inproc://stop")
        self._thread = threading.Thread(target=self._run, name="clacks-server", daemon=True)
        self._thread.start()

    @property
    def counters(self) -> ServerCounters:
        """What happened so far. From any thread."""
        broker = self._broker
        return ServerCounters(broker.published, broker.lost, self._foreign, len(broker.peers))

    def stop(self) -> None:
        """End the thread and let go of the address."""
        if self._thread.is_alive():
            self._bell.send(b"")
            self._thread.join()
            self._bell.close(0)

    def _run(self) -> None:
        poller = zmq.Poller()
        jobs: dict[zmq.Socket[bytes], Callable[[], None]] = {
            self._router: self._drain,
            self._monitor: self._look_at_connections,
        }
        if self._gate.socket is not None:
            jobs[self._gate.socket] = self._gate.admit
        for socket in (*jobs, self._alarm):
            poller.register(socket, zmq.POLLIN)
        next_tick = time.monotonic() + _TICK
        while True:
            ready = dict(poller.poll(milliseconds(next_tick - time.monotonic())))
            if self._alarm in ready:
                break
            for socket, job in jobs.items():
                if socket in ready:
                    self._guarded(job)
            if time.monotonic() >= next_tick:
                next_tick = time.monotonic() + _TICK
                self._guarded(self._tick)
        self._leave()

    def _guarded(self, job: Callable[[], None]) -> None:
        try:
            job()
        except Exception:
            # A mistake of ours must not take everybody's bus away.
            log.exception("the embedded server met an error, and goes on")

    def _drain(self) -> None:
        """Take what has arrived, then send what that has brought about."""
        receive, receive_rest = self._router.recv, self._router.recv_multipart
        known, take, now = self._known, self._broker.take, time.monotonic()
        is_keyed = self._gate.socket is not None
        for _ in range(_MOST_AT_ONCE):
            try:
                first = receive(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                break
            identity, frames = first.bytes, receive_rest()
            try:
                if identity not in known:
                    self._meet(identity, first)
                # Asked each time: somebody else may choose the identity of one who has left.
                take(identity, frames, _user_of(first) if is_keyed else b"", now)
            except Foreign as error:
                self._count_foreign(str(error))
            except Exception:
                log.exception("a message could not be dealt with")
        self._broker.flush()
        self._bury()

    def _meet(self, identity: bytes, first: zmq.Frame) -> None:
        try:
            connection = int(first.get("__fd"))
        except zmq.ZMQError as error:
            # Of those who speak ZMTP 1.0, nothing is known.
            raise Foreign("a message by an old version of ZeroMQ, or no ZeroMQ at all") from error
        self._known.add(identity)
        former = self._connections.get(connection)
        if former is not None:
            # Its end has not been told yet.
            self._known.discard(former)
        self._connections[connection] = identity

    def _send(self, identity: bytes, frames: Sequence[bytes]) -> None:
        try:
            self._router.send_multipart((identity, *frames), zmq.NOBLOCK)
        except zmq.ZMQError as error:
            # EHOSTUNREACH: its connection is gone. Not here, in the middle of the broker's work.
            log.debug("a client is gone: %s", error)
            self._gone.append(identity)

    def _bury(self) -> None:
        while self._gone:
            self._broker.leave(self._gone.pop())
            self._broker.flush()

    def _look_at_connections(self) -> None:
        while self._monitor.poll(0):
            self._part(recv_monitor_message(self._monitor)["value"])

    def _part(self, connection: int) -> None:
        identity = self._connections.pop(connection, None)
        if identity is None:
            # A handshake that failed, a frame too large, or a look whether the port is open.
            self._count_foreign("a connection without a message of ours")
            return
        self._known.discard(identity)
        # Not whose descriptor it was, which another may have by now: who cannot be reached.
        self._ask_all()

    def _ask_all(self) -> None:
        for identity in self._broker.peers:
            self._send(identity, (PONG,))
        self._bury()

    def _count_foreign(self, reason: str) -> None:
        self._foreign += 1
        if time.monotonic() - self._said >= _QUIET:
            self._said = time.monotonic()
            log.warning("dropped: %s", reason)

    def _tick(self) -> None:
        self._ask_all()
        self._broker.tick(time.monotonic())
        self._bury()

    def _leave(self) -> None:
        self._router.disable_monitor()
        self._monitor.close(0)
        self._gate.close()
        self._alarm.close(0)
        self._router.close(0)


def _user_of(first: zmq.Frame) -> bytes:
    """Return whose key a message came under, as the gate has told."""
    return str(first.get("User-Id")).encode()
