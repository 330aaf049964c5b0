"""Functions on dates, times and durations (XPath and XQuery Functions 3.1 §8.4, §9.3 to §9.6)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from clacks_events.errors import EvaluationError
from clacks_events.filter.compiled.functions.arguments import of_type, optional
from clacks_events.filter.compiled.functions.function import Function, Items
from clacks_events.filter.nodes import XS
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.xquery.arithmetic import CONTEXT
from clacks_events.filter.xquery.atomic import Atomic, cast
from clacks_events.filter.xquery.duration import seconds
from clacks_events.filter.xquery.instant import adjusted, astronomical, combined, offset

__all__ = ["FUNCTIONS"]

_Part = Callable[[Any], Atomic | None]


def _optional_of(items: Items, type: str) -> Atomic | None:
    value = optional(items)
    return None if value is None else of_type(value, XS + type)


def _part(type: str, part: _Part, kind: Kind = Kind.NUMBER) -> Function:
    def call(items: Items) -> Items:
        value = _optional_of(items, type)
        found = None if value is None else part(value)
        return [] if found is None else [found]

    return Function(kind, call, is_optional=True)


def _seconds(value: Any) -> Decimal:
    return Decimal(f"{value.second}.{value.microsecond:06}")


def _zone(value: Any) -> Atomic | None:
    return None if value.tzinfo is None else seconds(offset(value))


def _adjust(type: str) -> Function:
    def call(items: Items, zone: Items | None = None) -> Items:
        value = _optional_of(items, type)
        duration = seconds(0) if zone is None else _optional_of(zone, "dayTimeDuration")
        return [] if value is None else [adjusted(value, duration)]

    return Function(Kind.ATOMIC, call, is_optional=True)


def _date_time(date: Items, time: Items) -> Items:
    day, clock = _optional_of(date, "date"), _optional_of(time, "time")
    if day is None or clock is None:
        return []
    if None not in (day.tzinfo, clock.tzinfo) and offset(day) != offset(clock):
        raise EvaluationError("date and time are of two time zones", "FORG0008")
    return [combined(day, clock)]


def _whole(value: Any, size: int, within: int | None = None) -> int:
    """Return how many units of ``size`` seconds are in a duration, with its sign."""
    count = int(abs(value.seconds)) // size
    count = count if within is None else count % within
    return -count if value.seconds < 0 else count


def _months(value: Any) -> int:
    months = abs(int(value.months)) % 12
    return -months if value.months < 0 else months


def _years(value: Any) -> int:
    years = abs(int(value.months)) // 12
    return -years if value.months < 0 else years


def _rest(value: Any) -> Decimal:
    return CONTEXT.remainder(value.seconds, Decimal(60))


_DATE_PARTS: Final[dict[str, _Part]] = {
    "year": astronomical,
    "month": lambda value: value.month,
    "day": lambda value: value.day,
}
_TIME_PARTS: Final[dict[str, _Part]] = {
    "hours": lambda value: value.hour,
    "minutes": lambda value: value.minute,
    "seconds": _seconds,
}
_DURATION_PARTS: Final[dict[str, _Part]] = {
    "years": _years,
    "months": _months,
    "days": lambda value: _whole(value, 86_400),
    "hours": lambda value: _whole(value, 3600, 24),
    "minutes": lambda value: _whole(value, 60, 60),
    "seconds": _rest,
}
_BOTH: Final = {**_DATE_PARTS, **_TIME_PARTS}
_TYPES: Final = ("dateTime", "date", "time")


def _now(type: str) -> Function:
    def call(now: Items) -> Items:
        return [cast(now[0], XS + type)]

    return Function(Kind.ATOMIC, call, is_single=True, needs_now=True)


FUNCTIONS: Final[dict[tuple[str, int], Function]] = {
    **{(f"{name}-from-dateTime", 1): _part("dateTime", part) for name, part in _BOTH.items()},
    **{(f"{name}-from-date", 1): _part("date", part) for name, part in _DATE_PARTS.items()},
    **{(f"{name}-from-time", 1): _part("time", part) for name, part in _TIME_PARTS.items()},
    **{
        (f"{name}-from-duration", 1): _part("duration", part)
        for name, part in _DURATION_PARTS.items()
    },
    **{(f"timezone-from-{type}", 1): _part(type, _zone, Kind.ATOMIC) for type in _TYPES},
    **{(f"adjust-{type}-to-timezone", arity): _adjust(type) for type in _TYPES for arity in (1, 2)},
    **{(f"current-{type}", 0): _now(type) for type in _TYPES},
    ("dateTime", 2): Function(Kind.ATOMIC, _date_time, is_optional=True),
    ("implicit-timezone", 0): Function(Kind.ATOMIC, lambda: [seconds(0)], is_single=True),
}
"""By local name and number of arguments."""
