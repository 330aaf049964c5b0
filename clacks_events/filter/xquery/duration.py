"""Arithmetic of durations, and of dates and times."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any, Final

from elementpath.datatypes import Date, DateTime, DayTimeDuration, Time, YearMonthDuration

from clacks_events.errors import EvaluationError
from clacks_events.filter.xquery.casting import Atomic
from clacks_events.filter.xquery.instant import instant, moved, moved_by_months

__all__ = ["calculate", "microseconds", "seconds"]

_EXACT: Final = Context(prec=60)
_DIVISION: Final = Context(prec=28)
_TIMES: Final = (DateTime, Date, Time)


def calculate(symbol: str, left: Any, right: Any) -> Atomic:
    """Return the result of an operation of which one side is no number.

    Raises XPTY0004 for types that it is not defined for, FOAR0001, FOCA0005, FODT0001, FODT0002.
    """
    operation = _OPERATIONS.get(symbol)
    try:
        result = None if operation is None else operation(left, right)
    except (OverflowError, ArithmeticError, ValueError) as fault:
        code = "FODT0001" if isinstance(left, _TIMES) or isinstance(right, _TIMES) else "FODT0002"
        raise EvaluationError(f"the result is out of range: {fault}", code) from fault
    if result is None:
        raise EvaluationError(f"{symbol} is not defined for these types", "XPTY0004")
    return result


def microseconds(duration: DayTimeDuration) -> int:
    """Return the length of a duration."""
    return int(_EXACT.multiply(duration.seconds, Decimal(1_000_000)))


def seconds(count: int) -> DayTimeDuration:
    """Return the duration of so many microseconds."""
    return DayTimeDuration(_EXACT.divide(Decimal(count), Decimal(1_000_000)))


def _added(left: Any, right: Any) -> Atomic | None:
    if isinstance(right, _TIMES):
        left, right = right, left
    return _shifted(left, right, 1)


def _subtracted(left: Any, right: Any) -> Atomic | None:
    for kind in _TIMES:
        if isinstance(left, kind) and isinstance(right, kind):
            return seconds(instant(left) - instant(right))
    return _shifted(left, right, -1)


def _shifted(left: Any, right: Any, sign: int) -> Atomic | None:
    if isinstance(right, DayTimeDuration):
        if isinstance(left, _TIMES):
            return moved(left, sign * microseconds(right))
        if isinstance(left, DayTimeDuration):
            return seconds(microseconds(left) + sign * microseconds(right))
    if isinstance(right, YearMonthDuration):
        if isinstance(left, (DateTime, Date)):
            return moved_by_months(left, sign * right.months)
        if isinstance(left, YearMonthDuration):
            return YearMonthDuration(left.months + sign * right.months)
    return None


def _multiplied(left: Any, right: Any) -> Atomic | None:
    if isinstance(right, (DayTimeDuration, YearMonthDuration)):
        left, right = right, left
    return _scaled(left, right, lambda number: number)


def _divided(left: Any, right: Any) -> Atomic | None:
    for kind, length in _LENGTHS:
        if isinstance(left, kind) and isinstance(right, kind):
            if not length(right):
                raise EvaluationError("division by zero", "FOAR0001")
            return _DIVISION.divide(Decimal(length(left)), Decimal(length(right)))
    return _scaled(left, right, lambda number: 1 / number)


def _scaled(left: Any, number: Any, factor: Callable[[Fraction], Fraction]) -> Atomic | None:
    is_number = isinstance(number, (int, float, Decimal)) and not isinstance(number, bool)
    if not is_number or not isinstance(left, (DayTimeDuration, YearMonthDuration)):
        return None
    if math.isnan(number):
        raise EvaluationError("a duration cannot be multiplied by NaN", "FOCA0005")
    if math.isinf(number):
        exact = Fraction(0) if factor(Fraction(2)) != 2 else Fraction(number)
    else:
        exact = factor(Fraction(number))
    if isinstance(left, YearMonthDuration):
        return YearMonthDuration(math.floor(left.months * exact + Fraction(1, 2)))
    return seconds(round(microseconds(left) * exact))


_LENGTHS: Final[tuple[tuple[type, Callable[[Any], int]], ...]] = (
    (DayTimeDuration, microseconds),
    (YearMonthDuration, lambda duration: int(duration.months)),
)
_OPERATIONS: Final[dict[str, Callable[[Any, Any], Atomic | None]]] = {
    "+": _added,
    "-": _subtracted,
    "*": _multiplied,
    "div": _divided,
}
