"""Functions on sequences (XPath and XQuery Functions 3.1 §14)."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from clacks_events.errors import EvaluationError
from clacks_events.filter.compiled.functions.arguments import double, integer, optional, single
from clacks_events.filter.compiled.functions.function import Function, Items
from clacks_events.filter.nodes import XS
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.xquery.atomic import (
    AnyURI,
    Atomic,
    DayTimeDuration,
    Float,
    UntypedAtomic,
    YearMonthDuration,
    arithmetic,
    cast,
    compare_of,
    identity,
    is_number,
    same,
)
from clacks_events.filter.xquery.atomic import double as double_of

__all__ = ["FUNCTIONS"]

_DURATIONS: Final = (DayTimeDuration, YearMonthDuration)


def _mixed() -> EvaluationError:
    return EvaluationError("values of these types have no sum or order", "FORG0006")


def _typed(values: Items) -> Items:
    return [double_of(v.value) if isinstance(v, UntypedAtomic) else v for v in values]


def _summands(values: Items) -> Items:
    values = _typed(values)
    same_kind = all(is_number(value) for value in values) or any(
        all(isinstance(value, kind) for value in values) for kind in _DURATIONS
    )
    if not same_kind:
        raise _mixed()
    return values


def _total(values: Items) -> Atomic:
    total = values[0]
    for value in values[1:]:
        total = arithmetic("+", total, value)
    return total


def _sum(values: Items, zero: Items | None = None) -> Items:
    if values:
        return [_total(_summands(values))]
    if zero is None:
        return [0]
    value = optional(zero)
    return [] if value is None else [value]


def _avg(values: Items) -> Items:
    return [arithmetic("div", _total(_summands(values)), len(values))] if values else []


def _extreme(symbol: str) -> Callable[..., Items]:
    wins = compare_of(symbol)

    def call(values: Items, _collation: Items | None = None) -> Items:
        values = _promoted(_typed(values))
        best = values[:1]
        for value in values[1:]:
            if _is_nan(best[0]):
                break
            if _is_nan(value) or _ordered(wins, value, best[0]):
                best = [value]
        for value in best:
            _ordered(wins, value, value)
        return best

    return call


def _ordered(wins: Callable[[Atomic, Atomic], bool], one: Atomic, other: Atomic) -> bool:
    try:
        return wins(one, other)
    except EvaluationError as fault:
        raise _mixed() from fault


def _promoted(values: Items) -> Items:
    """Return numbers in the least type that all of them can have, and URIs if there are strings."""
    numbers = [value for value in values if is_number(value)]
    if numbers and len(numbers) != len(values):
        raise _mixed()
    if any(isinstance(v, float) and not isinstance(v, Float) for v in numbers):
        return [cast(value, XS + "double") for value in values]
    if any(isinstance(value, Float) for value in numbers):
        return [cast(value, XS + "float") for value in values]
    if any(isinstance(value, str) for value in values):
        return [v.value if isinstance(v, AnyURI) else v for v in values]
    return values


def _is_nan(value: Atomic) -> bool:
    return isinstance(value, (float, Decimal)) and value != value


def _distinct(values: Items, _collation: Items | None = None) -> Items:
    found: dict[object, Atomic] = {}
    for value in values:
        found.setdefault("NaN" if _is_nan(value) else identity(value), value)
    return list(found.values())


def _index_of(values: Items, wanted: Items, _collation: Items | None = None) -> Items:
    search = single(wanted)
    if _is_nan(search):
        return []
    return [place for place, value in enumerate(values, 1) if same(_text(value), _text(search))]


def _text(value: Atomic) -> Atomic:
    return value.value if isinstance(value, (UntypedAtomic, AnyURI)) else value


def _subsequence(items: Items, start: Items, length: Items | None = None) -> Items:
    begin = _rounded(double(start))
    end = math.inf if length is None else begin + _rounded(double(length))
    return [item for place, item in enumerate(items, 1) if begin <= place < end]


def _rounded(value: float) -> float:
    return float(math.floor(value + 0.5)) if math.isfinite(value) else value


def _remove(items: Items, position: Items) -> Items:
    place = integer(position)
    return items[: place - 1] + items[place:] if place > 0 else items


def _counted(code: str, fewest: int, most: float) -> Callable[[Items], Items]:
    def call(items: Items) -> Items:
        if not fewest <= len(items) <= most:
            raise EvaluationError(f"the sequence has {len(items)} items", code)
        return items

    return call


def _moving(call: Callable[..., Items], **known: bool) -> Function:
    return Function(Kind.ANY, call, moves_items=True, **known)  # type: ignore[arg-type]


_EXTREMES: Final = {"min": _extreme("lt"), "max": _extreme("gt")}
FUNCTIONS: Final[dict[tuple[str, int], Function]] = {
    ("sum", 1): Function(Kind.ATOMIC, _sum, is_single=True),
    ("sum", 2): Function(Kind.ATOMIC, _sum, is_optional=True),
    ("avg", 1): Function(Kind.ATOMIC, _avg, is_optional=True),
    **{
        (name, arity): Function(Kind.ATOMIC, call, is_optional=True)
        for name, call in _EXTREMES.items()
        for arity in (1, 2)
    },
    **{("distinct-values", arity): Function(Kind.ATOMIC, _distinct) for arity in (1, 2)},
    **{("index-of", arity): Function(Kind.NUMBER, _index_of) for arity in (2, 3)},
    ("reverse", 1): _moving(lambda items: items[::-1]),
    ("unordered", 1): _moving(lambda items: items),
    ("head", 1): _moving(lambda items: items[:1], is_optional=True),
    ("tail", 1): _moving(lambda items: items[1:]),
    ("subsequence", 2): _moving(_subsequence),
    ("subsequence", 3): _moving(_subsequence),
    ("remove", 2): _moving(_remove),
    ("zero-or-one", 1): _moving(_counted("FORG0003", 0, 1), is_optional=True),
    ("one-or-more", 1): _moving(_counted("FORG0004", 1, math.inf)),
    ("exactly-one", 1): _moving(_counted("FORG0005", 1, 1), is_single=True),
}
"""By local name and number of arguments."""
