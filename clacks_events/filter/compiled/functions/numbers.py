"""Functions on numbers (XPath and XQuery Functions 3.1 §4.3 to §4.5)."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from typing import Final

from clacks_events.errors import EvaluationError
from clacks_events.filter.compiled.functions.arguments import integer, number, optional
from clacks_events.filter.compiled.functions.function import Function, Items
from clacks_events.filter.nodes import XS
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.xquery.atomic import Atomic, Float, cast
from clacks_events.filter.xquery.lexical import single, unsigned

__all__ = ["FUNCTIONS"]

_EXACT: Final = Context(prec=1_000_000)

Number = int | float | Decimal


def _number(items: Items) -> Items:
    value = optional(items)
    if value is None:
        return [math.nan]
    try:
        return [cast(value, XS + "double")]
    except EvaluationError:  # what is no number is NaN here
        return [math.nan]


def _of_number(call: Callable[[Number], Atomic]) -> Function:
    def called(items: Items) -> Items:
        value = number(items)
        return [] if value is None else [call(value)]

    return Function(Kind.NUMBER, called, is_optional=True)


def _as(value: float, like: Number) -> float:
    return single(value) if isinstance(like, Float) else value


def _abs(value: Number) -> Number:
    if isinstance(value, Decimal):
        return value.copy_abs()
    return abs(int(value)) if isinstance(value, int) else _as(abs(float(value)), value)


def _whole(decimal: str, double: Callable[[float], int]) -> Callable[[Number], Number]:
    def call(value: Number) -> Number:
        if isinstance(value, int):
            return int(value)
        if isinstance(value, Decimal):
            return unsigned(value.to_integral_value(decimal))
        if not math.isfinite(value):
            return value
        return _as(math.copysign(double(value), value), value)

    return call


def _rounding(half_even: bool) -> Callable[..., Items]:
    def call(value: Items, precision: Items | None = None) -> Items:
        given = number(value)
        places = 0 if precision is None else integer(precision)
        return [] if given is None else [_rounded(given, places, half_even)]

    return call


def _rounded(value: Number, places: int, half_even: bool) -> Number:
    if isinstance(value, float) and (not math.isfinite(value) or value == 0):
        return value
    exact = _exact(Decimal(value), places, half_even)
    if isinstance(value, int):
        return int(exact)
    if isinstance(value, Decimal):
        return exact
    return _as(math.copysign(float(exact), value), value)


def _exact(value: Decimal, places: int, half_even: bool) -> Decimal:
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or -places <= exponent:
        return value
    if -places > value.adjusted() + 1:
        return Decimal(0)
    # A half goes up: for a negative number towards zero.
    half = ROUND_HALF_UP if value > 0 else ROUND_HALF_DOWN
    unit = Decimal((0, (1,), -places))
    return unsigned(value.quantize(unit, ROUND_HALF_EVEN if half_even else half, _EXACT))


_HALF_UP: Final = Function(Kind.NUMBER, _rounding(False), is_optional=True)
_HALF_EVEN: Final = Function(Kind.NUMBER, _rounding(True), is_optional=True)
FUNCTIONS: Final[dict[tuple[str, int], Function]] = {
    ("number", 1): Function(Kind.NUMBER, _number, is_single=True),
    ("abs", 1): _of_number(_abs),
    ("ceiling", 1): _of_number(_whole("ROUND_CEILING", math.ceil)),
    ("floor", 1): _of_number(_whole("ROUND_FLOOR", math.floor)),
    **{("round", arity): _HALF_UP for arity in (1, 2)},
    **{("round-half-to-even", arity): _HALF_EVEN for arity in (1, 2)},
}
"""By local name and number of arguments."""
