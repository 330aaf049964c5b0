"""What is gone when nobody has used it for a while: one timer for all."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

__all__ = ["Expiry"]


class Expiry:
    """Names, each with the moment at which it expires. Loop only."""

    def __init__(self, seconds: float, on_expired: Callable[[str], None]) -> None:
        """Call ``on_expired`` with each name that was not touched for so long."""
        self._seconds = seconds
        self._on_expired = on_expired
        # All live equally long: the order in which they were touched is that of their ends.
        self._ends: dict[str, float] = {}
        self._held: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def touch(self, name: str) -> None:
        """Let a name live the whole time from now on."""
        if name in self._held:
            return
        self._ends.pop(name, None)
        self._ends[name] = asyncio.get_running_loop().time() + self._seconds
        self._schedule()

    def hold(self, name: str) -> None:
        """Let a name live until ``release`` was called as often."""
        self._held[name] += 1
        self._ends.pop(name, None)

    def release(self, name: str) -> None:
        """Undo ``hold``; the name has been used until now."""
        if name not in self._held:
            return  # it was forgotten meanwhile
        self._held[name] -= 1
        if self._held[name] <= 0:
            del self._held[name]
            self.touch(name)

    def forget(self, name: str) -> None:
        """Know a name no more."""
        self._ends.pop(name, None)
        self._held.pop(name, None)

    def _schedule(self) -> None:
        if self._timer is None and self._ends:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(next(iter(self._ends.values())), self._expire)

    def _expire(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._ends:
            name, end = next(iter(self._ends.items()))
            if end > now:
                break
            del self._ends[name]
            self._on_expired(name)
        self._schedule()
