"""Futures of calls that are under way, and the one thread that settles them.

Whoever has such a future may have functions called when it is done. They run on that thread, not
on the transport's, so that they may take their time and make calls themselves.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import count
from queue import Empty, SimpleQueue
from threading import Lock, Thread, get_ident
from typing import Any, TypeVar

from clacks_events.errors import ClacksError

__all__ = ["Settler"]

T = TypeVar("T")
_FEW = 64


@dataclass(frozen=True, slots=True, eq=False)
class _Open:
    pending: Future[bytes]
    outcome: Future[Any]
    read: Callable[[bytes], Any]
    late: Callable[[], ClacksError]
    deadline: float

    def settle(self, *, is_late: bool) -> None:
        if self.outcome.done() or not self.outcome.set_running_or_notify_cancel():
            return
        if is_late:
            self.pending.cancel()
            self.outcome.set_exception(self.late())
            return
        try:
            self.outcome.set_result(self.read(self.pending.result()))
        except Exception as error:  # noqa: BLE001 - it is for whoever has the future
            self.outcome.set_exception(error)


class Settler:
    """Turns bodies that answer into results, and silence into an error."""

    def __init__(self) -> None:
        self._news: SimpleQueue[_Open | None] = SimpleQueue()
        self._due: list[tuple[float, int, _Open]] = []
        self._most = _FEW
        self._numbers = count()
        self._lock = Lock()
        self._thread: Thread | None = None

    def follow(
        self,
        pending: Future[bytes],
        read: Callable[[bytes], T],
        late: Callable[[], ClacksError],
        timeout: float,
    ) -> Future[T]:
        """Return the future of what an answer says, or of an error after ``timeout`` seconds."""
        outcome: Future[T] = Future()
        call = _Open(pending, outcome, read, late, time.monotonic() + timeout)
        self._begin()
        self._news.put(call)
        pending.add_done_callback(lambda _: self._news.put(call))
        outcome.add_done_callback(lambda done: pending.cancel() if done.cancelled() else None)
        return outcome

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = Thread(target=self._run, name="clacks-answers", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            left = self._due[0][0] - time.monotonic() if self._due else None
            try:
                call = self._news.get(timeout=None if left is None else max(0.0, left))
            except Empty:
                heapq.heappop(self._due)[2].settle(is_late=True)
                continue
            if call is None:
                return
            if call.pending.done():
                call.settle(is_late=False)
                self._tidy()
            else:
                heapq.heappush(self._due, (call.deadline, next(self._numbers), call))

    def _tidy(self) -> None:
        # Those that were answered would else be kept, with the answer, until their time is up.
        if len(self._due) > self._most:
            self._due = [due for due in self._due if not due[2].outcome.done()]
            heapq.heapify(self._due)
            self._most = 2 * len(self._due) + _FEW

    def close(self) -> None:
        """Settle what is done, and no more."""
        with self._lock:
            thread = self._thread
        self._news.put(None)
        if thread is not None and thread.ident != get_ident():
            thread.join()
