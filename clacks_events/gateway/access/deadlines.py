"""Deadlines that are all equally long, and hardly ever met.

A timer for each would be made and called off with each request; here one looks at the oldest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import takewhile
from typing import Final

__all__ = ["Deadlines"]

_LOOKS: Final = 20  # in the time that is allowed; a deadline may be late by one of them


class Deadlines:
    """Calls what was not taken back in time. Loop only."""

    def __init__(self, timeout: float) -> None:
        """Allow ``timeout`` seconds."""
        self.timeout = timeout
        self._calls: dict[object, tuple[float, Callable[[], object]]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def set(self, key: object, late: Callable[[], object]) -> None:
        """Call ``late`` when the time from now is over; a key has one deadline, its first."""
        if key in self._calls:
            return
        loop = asyncio.get_running_loop()
        self._calls[key] = loop.time() + self.timeout, late
        if self._timer is None:
            self._timer = loop.call_later(self.timeout, self._look)

    def drop(self, key: object) -> None:
        """Take a deadline back, if there is one."""
        self._calls.pop(key, None)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        # In the order in which they were set, which is that of their ends.
        over = list(takewhile(lambda each: each[1][0] <= now, self._calls.items()))
        for key, (_, late) in over:
            del self._calls[key]
            late()
        pause = self.timeout / _LOOKS
        self._timer = loop.call_later(pause, self._look) if self._calls else None
