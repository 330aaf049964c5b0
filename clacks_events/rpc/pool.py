"""Threads that carry out jobs, and a bounded line in front of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread, get_ident
from typing import Generic, TypeVar

__all__ = ["Pool"]

Job = TypeVar("Job")


class Pool(Generic[Job]):
    """Carries out jobs on threads that are started when they are needed."""

    def __init__(self, carry_out: Callable[[Job], None], size: int, backlog: int) -> None:
        """Take up to ``size`` jobs at a time, and ``backlog`` more that wait.

        ``carry_out`` must not raise.
        """
        self._carry_out = carry_out
        self._size = size
        self._most = size + backlog
        self._held = 0
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._threads: list[Thread] = []
        self._lock = Lock()
        self._is_closed = False

    @property
    def busy(self) -> int:
        """How many jobs are being carried out."""
        return min(self._held, self._size)

    def put(self, job: Job) -> bool:
        """Take a job; return False if there is no room for it. Does not wait."""
        with self._lock:
            if self._held >= self._most or self._is_closed:
                return False
            self._held += 1
            if len(self._threads) < min(self._held, self._size):
                self._start()
        self._jobs.put(job)
        return True

    def _start(self) -> None:
        name = f"clacks-command-{len(self._threads)}"
        # A daemon: a command that never ends must not keep the program from ending.
        thread = Thread(target=self._run, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            if not self._is_closed:
                self._carry_out(job)
            with self._lock:
                self._held -= 1

    def stop(self) -> None:
        """Begin with no job any more."""
        with self._lock:
            self._is_closed = True
        for _ in self._threads:
            self._jobs.put(None)

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the jobs that run; return False if one still does after ``timeout`` seconds.

        One that waits for itself is not waited for.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        others = [thread for thread in self._threads if thread.ident != get_ident()]
        for thread in others:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in others)
