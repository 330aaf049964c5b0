"""Find the intervals that a number lies in, without looking at the others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from clacks_events.filter.index.thresholds import Thresholds

__all__ = ["Intervals"]

T = TypeVar("T")


class _Centre(Generic[T]):
    """Intervals around one point, by their lower and by their upper bound (negated)."""

    __slots__ = ("lower", "point", "upper")

    def __init__(self, point: float) -> None:
        self.point = point
        self.lower: Thresholds[T] = Thresholds()
        self.upper: Thresholds[T] = Thresholds()

    def reached(self, low: float, high: float) -> Iterator[T]:
        # All of them contain the point: the bound on the other side of it need not be looked at.
        return self.lower.up_to(high) if high <= self.point else self.upper.up_to(-low)


class _Level(Generic[T]):
    """Centres at the odd multiples of half a width."""

    __slots__ = ("centres", "width")

    def __init__(self, width: float) -> None:
        self.width = width
        self.centres: dict[float, _Centre[T]] = {}

    def between(self, low: float, high: float) -> Iterable[_Centre[T]]:
        if math.isinf(low):
            return ()
        first = low // self.width
        last = math.inf if math.isinf(high) else high // self.width
        if first == last:
            centre = self.centres.get(first)
            return () if centre is None else (centre,)
        return [centre for at, centre in list(self.centres.items()) if first <= at <= last]


class Intervals(Generic[T]):
    """Values by a closed interval, either end of which may be infinite.

    An interval belongs to the roundest number in it (an odd multiple of the greatest power of
    two): for each power in use, there is one such number near to another number.
    """

    __slots__ = ("_falling", "_levels", "_order", "_rising", "_zero")

    def __init__(self) -> None:
        self._rising: Thresholds[T] = Thresholds()
        self._falling: Thresholds[T] = Thresholds()
        self._zero: _Centre[T] = _Centre(0.0)
        self._levels: dict[tuple[bool, int], _Level[T]] = {}
        self._order: dict[bool, tuple[_Level[T], ...]] = {False: (), True: ()}

    def places(self, low: float, high: float) -> tuple[tuple[Thresholds[T], float], ...]:
        """Return where the value of an interval is kept: in each of these, at that threshold."""
        if math.isinf(high):
            return ((self._rising, low),)
        if math.isinf(low):
            return ((self._falling, -high),)
        centre = self._zero if low <= 0.0 <= high else self._centre(low, high)
        return (centre.lower, low), (centre.upper, -high)

    def tidy(self, low: float, high: float) -> None:
        """Forget what is empty where the value of an interval was kept."""
        if math.isinf(high) or math.isinf(low) or low <= 0.0 <= high:
            return
        key, at, _ = _roundest(low, high)
        level = self._levels[key]
        if not level.centres[at].lower.values:
            del level.centres[at]
        if not level.centres:
            del self._levels[key]
            self._arrange(key[0])

    def reached(self, low: float, high: float) -> Iterator[T]:
        """Yield the values of the intervals that have a number in common with another one."""
        if self._rising.values:
            yield from self._rising.up_to(high)
        if self._falling.values:
            yield from self._falling.up_to(-low)
        if self._zero.lower.values:
            yield from self._around(self._zero, low, high)
        if low == high:
            distance = abs(low)
            for level in self._order[low < 0.0]:
                found = level.centres.get(distance // level.width)
                if found is not None:
                    yield from found.reached(low, high)
            return
        if high > 0.0:
            for level in self._order[False]:
                for centre in level.between(max(low, 0.0), high):
                    yield from self._around(centre, low, high)
        if low < 0.0:
            for level in self._order[True]:
                for centre in level.between(max(-high, 0.0), -low):
                    yield from self._around(centre, low, high)

    @staticmethod
    def _around(centre: _Centre[T], low: float, high: float) -> Iterator[T]:
        if low <= centre.point <= high:
            return centre.lower.up_to(math.inf)
        return centre.reached(low, high)

    def _centre(self, low: float, high: float) -> _Centre[T]:
        key, at, point = _roundest(low, high)
        level = self._levels.get(key)
        if level is None:
            level = self._levels[key] = _Level(_power(key[1] + 1))
            self._arrange(key[0])
        centre = level.centres.get(at)
        if centre is None:
            centre = level.centres[at] = _Centre(point)
        return centre

    def _arrange(self, is_negative: bool) -> None:
        self._order[is_negative] = tuple(
            level for key, level in self._levels.items() if key[0] is is_negative
        )


def _roundest(low: float, high: float) -> tuple[tuple[bool, int], float, float]:
    """Return sign and power of the roundest number in an interval, its count, and itself."""
    if high < 0.0:
        (_, power), at, point = _roundest(-high, -low)
        return (True, power), at, -point
    exponent = math.frexp(high)[1]
    if math.ldexp(1.0, exponent - 1) >= low:
        return (False, exponent - 1), 0.0, math.ldexp(1.0, exponent - 1)
    # Both have this exponent: with the same scale they are integers of 53 bits.
    first, last = (int(math.ldexp(each, 53 - exponent)) for each in (low, high))
    bit = max(0, (first ^ last).bit_length() - 1)
    power, number = bit + exponent - 53, last >> bit
    return (False, power), float(number >> 1), math.ldexp(float(number), power)


def _power(exponent: int) -> float:
    return math.inf if exponent > 1023 else math.ldexp(1.0, exponent)
