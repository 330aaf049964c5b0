"""Calls within one process: they wait for a server, and servers take turns."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future
from threading import Lock

from clacks_events.errors import ClacksError, NameTaken
from clacks_events.transport.base import Message, OnRequest

__all__ = ["MemoryRequest", "Server", "WorkQueue", "fail"]


class MemoryRequest:
    __slots__ = ("_answer", "_work", "deadline", "is_redelivered", "message", "server")

    def __init__(
        self, message: Message, answer: Future[bytes], deadline: float, work: WorkQueue
    ) -> None:
        self.message = message
        self.deadline = deadline
        self.is_redelivered = False
        self.server: Server | None = None
        self._answer = answer
        self._work = work

    def again(self) -> MemoryRequest:
        """Return it for another server; who has the former one cannot accept it any more."""
        other = MemoryRequest(self.message, self._answer, self.deadline, self._work)
        other.is_redelivered = True
        return other

    def accept(self) -> bool:
        return self._work.accept(self)

    def reply(self, body: bytes) -> bool:
        # The caller may have given up, or be gone.
        if self._answer.done() or not self._answer.set_running_or_notify_cancel():
            return False
        self._answer.set_result(body)
        return True


class Server:
    __slots__ = ("is_alone", "open", "take", "window")

    def __init__(self, take: OnRequest, *, is_alone: bool, window: int) -> None:
        self.take = take
        self.is_alone = is_alone
        self.window = window
        self.open: dict[MemoryRequest, None] = {}
        """What it was handed and has not accepted, in its order."""


class WorkQueue:
    """Calls that wait for a server, and servers that take turns."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._servers: deque[Server] = deque()
        self._waiting: deque[MemoryRequest] = deque()
        self._lock = Lock()
        self._is_handing = False

    def put(self, request: MemoryRequest, *, waits: bool) -> bool:
        """Take a call; return False if there is no server and it may not wait for one."""
        with self._lock:
            if not self._servers and not waits:
                return False
            self._waiting.append(request)
        self._hand_out()
        return True

    def _hand_out(self) -> None:
        with self._lock:
            # Who is at it already, maybe further up in this thread, goes on with it.
            if self._is_handing:
                return
            self._is_handing = True
        while (pair := self._next()) is not None:
            server, request = pair
            server.take(request)

    def _next(self) -> tuple[Server, MemoryRequest] | None:
        with self._lock:
            now = time.monotonic()
            while self._waiting and self._waiting[0].deadline <= now:
                self._waiting.popleft()
            for _ in self._servers if self._waiting else ():
                server = self._servers[0]
                self._servers.rotate(-1)
                if len(server.open) < server.window:
                    request = self._waiting.popleft()
                    request.server = server
                    server.open[request] = None
                    return server, request
            self._is_handing = False
            return None

    def accept(self, request: MemoryRequest) -> bool:
        server = request.server
        with self._lock:
            if server is None or request not in server.open:
                return False
            del server.open[request]
        self._hand_out()
        return True

    def add(self, server: Server) -> None:
        with self._lock:
            if self._servers and (server.is_alone or self._servers[0].is_alone):
                raise NameTaken(f"{self._name} is served already")
            self._servers.append(server)
        self._hand_out()

    def remove(self, server: Server) -> None:
        with self._lock:
            if server not in self._servers:
                return
            self._servers.remove(server)
            if server.is_alone:
                # It may still answer what it has.
                return
            left = [request.again() for request in server.open]
            server.open = {}
            self._waiting.extendleft(reversed(left))
        self._hand_out()


def fail(answer: Future[bytes], error: ClacksError) -> None:
    """Let a call end with an error, unless its caller has given up."""
    if answer.set_running_or_notify_cancel():
        answer.set_exception(error)
