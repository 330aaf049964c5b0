"""Calls that wait for who serves a work queue, and those that are being carried out."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field

from clacks_events.transport.zeromq.server.queues import Send
from clacks_events.transport.zeromq.wire import ANSWER, REQUEST, pack

__all__ = ["Call", "Desk", "Server", "Work"]

_GRACE = 60.0  # seconds after its deadline that the answer to a call is still passed on


@dataclass(slots=True, eq=False)
class Call:
    """One call of a client."""

    caller: bytes
    number: bytes
    record: bytes
    deadline: float
    server: Server | None = None
    is_accepted: bool = False
    is_redelivered: bool = False


@dataclass(slots=True, eq=False)
class Server:
    """A client that serves a work queue."""

    peer: bytes
    name: bytes
    work: Work
    window: int
    """How many calls it may have that it has not accepted."""
    calls: dict[int, Call] = field(default_factory=dict)
    """What it was given and has not answered, by tag."""
    open: int = 0
    """How many of these it has not accepted."""

    @property
    def is_free(self) -> bool:
        """Whether it may have one more."""
        return self.open < self.window


class Work:
    """A work queue."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_alone = False
        self.waiting: deque[Call] = deque()
        self.servers: list[Server] = []

    def next_server(self) -> Server | None:
        """Return who is to have the next call: in turns, who is not full."""
        for place, server in enumerate(self.servers):
            if server.is_free:
                self.servers.append(self.servers.pop(place))
                return server
        return None


class Desk:
    """All work queues, and the calls on their way."""

    def __init__(self, send: Send, most_calls: int) -> None:
        self._send = send
        self._most = most_calls
        self._work: dict[str, Work] = {}
        self._given: dict[int, Call] = {}
        self._tag = 0

    def serve(
        self, queue: str, peer: bytes, name: bytes, *, alone: bool, window: int
    ) -> Server | None:
        """Add a server; None if the queue is taken by one that serves alone, or to be so."""
        work = self._work.setdefault(queue, Work(queue))
        if work.servers and (alone or work.is_alone):
            return None
        work.is_alone = alone
        server = Server(peer, name, work, window)
        work.servers.append(server)
        return server

    def leave(self, server: Server, *, is_gone: bool) -> None:
        """Remove a server; what it had not begun goes to others.

        One that only serves no more may still answer what it has begun; of one that is gone the
        callers are told.
        """
        work = server.work
        if server in work.servers:
            work.servers.remove(server)
        # Backwards, so that what goes back to the front keeps its order.
        for tag, call in reversed(list(server.calls.items())):
            if not call.is_accepted:
                self._forget(tag)
                call.is_redelivered = True
                work.waiting.appendleft(call)
            elif is_gone:
                self._forget(tag)
                self._fail(call, "ConnectionLost", "who carried it out is gone")
        if work.is_alone and not work.servers:
            while work.waiting:
                self._fail(work.waiting.popleft(), "NobodyListens", f"nobody serves {work.name}")
        self._drop_if_idle(work)

    def call(self, queue: str, call: Call, *, alone: bool) -> None:
        """Take a call for a work queue."""
        work = self._work.get(queue)
        if alone and (work is None or not work.servers):
            self._fail(call, "NobodyListens", f"nobody serves {queue}")
            return
        work = self._work.setdefault(queue, Work(queue))
        if len(work.waiting) >= self._most:
            self._fail(call, "PublishFailed", f"{queue} has {self._most} calls waiting")
            return
        work.waiting.append(call)

    def flush(self, now: float) -> None:
        """Give waiting calls to servers."""
        for work in list(self._work.values()):
            while work.waiting and (work.servers or work.waiting[0].deadline <= now):
                call = work.waiting[0]
                if call.deadline <= now:
                    work.waiting.popleft()
                elif (server := work.next_server()) is not None:
                    work.waiting.popleft()
                    self._give(call, server, now)
                else:
                    break
            self._drop_if_idle(work)

    def _give(self, call: Call, server: Server, now: float) -> None:
        self._tag += 1
        call.server = server
        self._given[self._tag] = server.calls[self._tag] = call
        server.open += 1
        left = int((call.deadline - now) * 1000)
        said = json.dumps({"redelivered": call.is_redelivered, "milliseconds": left}).encode()
        self._send(server.peer, (REQUEST, server.name, pack(self._tag), said, call.record))

    def accept(self, tag: int, peer: bytes) -> None:
        """Note that work on a call begins."""
        call = self._given.get(tag)
        if call is None or call.server is None or call.server.peer != peer:
            return
        if not call.is_accepted:
            call.is_accepted = True
            call.server.open -= 1

    def reply(self, tag: int, peer: bytes, body: bytes) -> None:
        """Pass an answer on, if anybody waits for it."""
        call = self._given.get(tag)
        if call is not None and call.server is not None and call.server.peer == peer:
            self._forget(tag)
            self._send(call.caller, (ANSWER, call.number, b"{}", body))

    def abandon(self, caller: bytes) -> None:
        """Tell who carries out calls of somebody who is gone that nobody waits for the answers."""
        for tag, call in self._given.items():
            if call.caller == caller and call.server is not None:
                self._send(call.server.peer, (REQUEST, call.server.name, pack(tag)))

    def expire(self, now: float) -> None:
        """Forget the calls that nobody waits for any more."""
        for tag, call in list(self._given.items()):
            if call.deadline + _GRACE <= now:
                self._forget(tag)

    def _forget(self, tag: int) -> None:
        call = self._given.pop(tag, None)
        if call is not None and call.server is not None:
            call.server.calls.pop(tag, None)
            call.server.open -= not call.is_accepted
            call.server, call.is_accepted = None, False

    def _fail(self, call: Call, error: str, reason: str) -> None:
        told = json.dumps({"error": error, "reason": reason}).encode()
        self._send(call.caller, (ANSWER, call.number, told, b""))

    def _drop_if_idle(self, work: Work) -> None:
        if not work.servers and not work.waiting:
            self._work.pop(work.name, None)
