"""What is done after a while or again and again: one thread per bus."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from clacks_events.errors import ConfigError, ConnectionLost

__all__ = ["Cancel", "Job", "Pulse"]

log = logging.getLogger(__name__)

Job: TypeAlias = Callable[[], None]
Cancel: TypeAlias = Callable[[], None]

_LONGEST_SLEEP = 3600.0  # seconds; threading cannot wait for centuries
_SLACK = 64


@dataclass(order=True, slots=True)
class _Entry:
    due: float
    number: int
    job: Job = field(compare=False)
    interval: float | None = field(compare=False)
    is_cancelled: bool = field(compare=False, default=False)


class Pulse:
    """Runs jobs when they are due, one at a time, on a thread that starts with the first.

    A job that takes long makes the others late; what it missed of its own rounds is left out.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Tell the time by ``clock``, in seconds."""
        self._clock = clock
        self._numbers = itertools.count()
        self._entries: list[_Entry] = []
        self._cancelled = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def every(self, interval: float, job: Job) -> Cancel:
        """Run a job every ``interval`` seconds, for the first time after one of them.

        Returns a function that ends this; a run that has begun goes on. Raises ConfigError for an
        interval that is not above 0, ConnectionLost when closed.
        """
        if not 0 < interval < float("inf"):
            raise ConfigError(f"an interval is a number of seconds above 0, not {interval!r}")
        return self._add(interval, job, interval)

    def after(self, delay: float, job: Job) -> Cancel:
        """Run a job once, ``delay`` seconds from now.

        Returns a function that calls it off. Raises ConfigError for a delay that is no number,
        ConnectionLost when closed.
        """
        if not delay < float("inf"):
            raise ConfigError(f"a delay is a number of seconds, not {delay!r}")
        return self._add(delay, job, None)

    def _add(self, delay: float, job: Job, interval: float | None) -> Cancel:
        with self._changed:
            if self._is_closed:
                raise ConnectionLost("the bus is closed")
            entry = _Entry(self._clock() + delay, next(self._numbers), job, interval)
            heapq.heappush(self._entries, entry)
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="clacks-pulse", daemon=True)
                self._thread.start()
        return partial(self._cancel, entry)

    def _cancel(self, entry: _Entry) -> None:
        with self._changed:
            if entry.is_cancelled:
                return
            entry.is_cancelled = True
            self._cancelled += 1
            if self._cancelled > len(self._entries) // 2 + _SLACK:
                self._entries = [each for each in self._entries if not each.is_cancelled]
                heapq.heapify(self._entries)
                self._cancelled = 0

    def _run(self) -> None:
        while (entry := self._next()) is not None:
            try:
                entry.job()
            except Exception:
                # Whatever one job raises must not stop the others.
                log.exception("a periodic job failed")
            # Not before it has run: a job never waits for itself.
            self._again(entry)

    def _next(self) -> _Entry | None:
        """Wait for the next job that is due; None means that this is closed."""
        with self._changed:
            while not self._is_closed:
                wait = self._until_due()
                if wait <= 0:
                    return heapq.heappop(self._entries)
                self._changed.wait(min(wait, _LONGEST_SLEEP))
        return None

    def _until_due(self) -> float:
        while self._entries and self._entries[0].is_cancelled:
            heapq.heappop(self._entries)
            self._cancelled = max(0, self._cancelled - 1)
        return self._entries[0].due - self._clock() if self._entries else _LONGEST_SLEEP

    def _again(self, entry: _Entry) -> None:
        if entry.interval is None:
            return
        with self._changed:
            if not entry.is_cancelled:
                missed = max(0.0, self._clock() - entry.due) // entry.interval
                entry.due += (missed + 1) * entry.interval
                heapq.heappush(self._entries, entry)

    def close(self) -> None:
        """End the thread; a run that has begun is waited for, unless it is what calls this."""
        with self._changed:
            self._is_closed = True
            self._entries.clear()
            self._changed.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
