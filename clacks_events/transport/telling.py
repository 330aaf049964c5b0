"""Tell a watcher how many listen, in order, whoever notices that the number has changed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Lock

from clacks_events.transport.base import OnAudience

__all__ = ["Teller"]

log = logging.getLogger(__name__)


class Teller:
    """Calls a watcher with each new number: never twice at a time, the true number last.

    Rule: the watcher is called under no lock, so that it may publish, watch and close.
    """

    def __init__(self, count: Callable[[], int], on_audience: OnAudience) -> None:
        self._count = count
        self._on_audience = on_audience
        self._told = -1
        self._is_stale = True
        # Until begin(): who notices a change before that leaves it to begin().
        self._is_telling = True
        self._is_closed = False
        self._lock = Lock()

    def begin(self) -> None:
        """Tell the number for the first time."""
        self._tell()

    def changed(self) -> None:
        """Count again, and tell the number if it is another one. From any thread."""
        with self._lock:
            self._is_stale = True
            if self._is_telling:
                return
            self._is_telling = True
        self._tell()

    def close(self) -> None:
        """Begin no more calls; one that is under way in another thread may still end."""
        self._is_closed = True

    def _tell(self) -> None:
        while self._is_due():
            # After the mark was taken away: what changes from now on is counted once more.
            number = self._count()
            if number != self._told and not self._is_closed:
                self._told = number
                self._call(number)

    def _is_due(self) -> bool:
        with self._lock:
            self._is_telling = self._is_stale and not self._is_closed
            self._is_stale = False
            return self._is_telling

    def _call(self, number: int) -> None:
        try:
            self._on_audience(number)
        except Exception:
            # Or the thread of somebody who only closed his inbox would have to deal with it.
            log.exception("a watcher failed on %d", number)
