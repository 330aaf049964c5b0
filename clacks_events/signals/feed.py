"""Changes in their order, told to whoever listens."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from threading import Lock
from typing import TypeAlias

from clacks_events.presence import Change
from clacks_events.signals.pulse import Cancel

__all__ = ["ChangeFeed", "OnChange"]

log = logging.getLogger(__name__)

OnChange: TypeAlias = Callable[[Change], object]


class ChangeFeed:
    """Tells each change once, one after the other, whichever threads they come from.

    No thread waits for another that is telling: what it has brought is told by that one.
    """

    def __init__(self) -> None:
        self._listeners: dict[object, OnChange] = {}
        self._untold: deque[tuple[Change, OnChange | None]] = deque()
        self._is_telling = False
        self._lock = Lock()

    def listen(self, callback: OnChange) -> Cancel:
        """Let a function have each change; return a function that ends this."""
        key = object()
        with self._lock:
            self._listeners[key] = callback
        return partial(self._ignore, key)

    def _ignore(self, key: object) -> None:
        with self._lock:
            self._listeners.pop(key, None)

    def put(self, change: Change, first: OnChange | None = None) -> None:
        """Add a change to what is to be told, ``first`` to one that does not listen."""
        with self._lock:
            self._untold.append((change, first))

    def tell(self) -> None:
        """Tell what was put, unless another thread is at it."""
        with self._lock:
            if self._is_telling:
                return
            self._is_telling = True
        while (found := self._next()) is not None:
            change, listeners = found
            for listener in listeners:
                _tell(listener, change)

    def _next(self) -> tuple[Change, Iterable[OnChange]] | None:
        with self._lock:
            if not self._untold:
                self._is_telling = False
                return None
            change, first = self._untold.popleft()
            everybody = tuple(self._listeners.values())
            return change, everybody if first is None else (first, *everybody)


def _tell(listener: OnChange, change: Change) -> None:
    try:
        listener(change)
    except Exception:
        # It is the user's code: whatever it raises must not keep the others from being told.
        log.exception(
            "a listener failed on sender %r: %s", change.announcement.name, change.kind.value
        )
