"""Token buckets: how often each of many clients may do something."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["Buckets"]


class Buckets:
    """A bucket for each key, full at first; of more than ``most`` the longest unused is dropped."""

    def __init__(
        self, rate: float, burst: float, most: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Fill each bucket with ``rate`` a second, up to ``burst``."""
        self._rate = rate
        self._burst = burst
        self._most = most
        self._clock = clock
        self._buckets: OrderedDict[str, list[float]] = OrderedDict()

    def take(self, key: str) -> float:
        """Take one if it is there; return the seconds until it will be, 0 if it was."""
        bucket = self._refilled(key)
        if bucket[0] < 1.0:
            return (1.0 - bucket[0]) / self._rate
        bucket[0] -= 1.0
        return 0.0

    def spend(self, key: str) -> None:
        """Take one, or what is left of it."""
        bucket = self._refilled(key)
        bucket[0] = max(0.0, bucket[0] - 1.0)

    def level(self, key: str) -> float:
        """Return how much is there."""
        return self._refilled(key)[0] if key in self._buckets else self._burst

    def wait(self, key: str) -> float:
        """Return the seconds until one is there, 0 if it is."""
        return max(0.0, 1.0 - self.level(key)) / self._rate

    def __len__(self) -> int:
        return len(self._buckets)

    def _refilled(self, key: str) -> list[float]:
        now = self._clock()
        bucket = self._buckets.get(key)
        if bucket is None:
            return self._added(key, now)
        self._buckets.move_to_end(key)
        bucket[0] = min(self._burst, bucket[0] + (now - bucket[1]) * self._rate)
        bucket[1] = now
        return bucket

    def _added(self, key: str, now: float) -> list[float]:
        if len(self._buckets) >= self._most:
            self._buckets.popitem(last=False)
        bucket = self._buckets[key] = [self._burst, now]
        return bucket
