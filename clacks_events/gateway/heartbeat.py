"""Signs of life on many streams, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count

__all__ = ["Heartbeat"]

_SLOTS = 50

Beat = Callable[[], object]


class Heartbeat:
    """Calls each of its members once in an interval, spread over it. Loop only.

    One timer for all: thousands of their own, set back with each event, would cost more than the
    events, and all at once would hold these up.
    """

    def __init__(self, interval: float) -> None:
        """``interval`` is in seconds; it runs while there are members."""
        self._pause = interval / _SLOTS
        self._slots: list[dict[int, Beat]] = [{} for _ in range(_SLOTS)]
        self._numbers = count()
        self._at = 0
        self._members = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, beat: Beat) -> Callable[[], None]:
        """Call ``beat`` again and again; returns a function that ends this."""
        number = next(self._numbers)
        slot = self._slots[number % _SLOTS]
        slot[number] = beat
        self._members += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._pause, self._next)

        def end() -> None:
            if slot.pop(number, None) is not None:
                self._members -= 1

        return end

    def _next(self) -> None:
        for beat in tuple(self._slots[self._at].values()):
            beat()
        self._at = (self._at + 1) % _SLOTS
        if self._members:
            self._timer = asyncio.get_running_loop().call_later(self._pause, self._next)
        else:
            self._timer = None
