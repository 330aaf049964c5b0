"""Find the thresholds and intervals that a number passes, without looking at the others.

Threads look while another one adds: what is searched is immutable and replaced as a whole, in
pieces, so that adding stays cheap.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Generic, TypeVar

__all__ = ["Thresholds"]

T = TypeVar("T")

_LONGEST = 512  # numbers in a piece; the longer, the more is copied to add one


class Thresholds(Generic[T]):
    """Values by a number; asked for all whose number is at most some other."""

    __slots__ = ("_runs", "values")

    def __init__(self) -> None:
        self.values: dict[float, T] = {}
        self._runs: tuple[tuple[float, ...], ...] = ()

    def put(self, threshold: float, value: T) -> None:
        """Set the value of a threshold."""
        is_new = threshold not in self.values
        self.values[threshold] = value
        if is_new:
            self._insert(threshold)

    def drop(self, threshold: float) -> None:
        """Forget a threshold."""
        runs = self._runs
        at = self._run_of(threshold)
        rest = tuple(each for each in runs[at] if each != threshold)
        self._runs = (*runs[:at], rest, *runs[at + 1 :]) if rest else runs[:at] + runs[at + 1 :]
        del self.values[threshold]

    def up_to(self, number: float) -> Iterator[T]:
        """Yield the values of all thresholds that are at most ``number``."""
        get = self.values.get
        for run in self._runs:
            if run[0] > number:
                return
            passed = run if run[-1] <= number else run[: bisect_right(run, number)]
            for threshold in passed:
                value = get(threshold)
                if value is not None:  # else it has just been dropped
                    yield value

    def _run_of(self, threshold: float) -> int:
        return max(0, bisect_right(self._runs, threshold, key=_first) - 1)

    def _insert(self, threshold: float) -> None:
        runs = self._runs
        if not runs:
            self._runs = ((threshold,),)
            return
        at = self._run_of(threshold)
        run = runs[at]
        place = bisect_left(run, threshold)
        longer = (*run[:place], threshold, *run[place:])
        half = len(longer) // 2
        pieces = (longer[:half], longer[half:]) if len(longer) > _LONGEST else (longer,)
        self._runs = (*runs[:at], *pieces, *runs[at + 1 :])


def _first(run: tuple[float, ...]) -> float:
    return run[0]
