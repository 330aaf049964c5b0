"""The functions of ``math:`` (XPath and XQuery Functions 3.1 §4.8)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from clacks_events.filter.compiled.functions.arguments import double
from clacks_events.filter.compiled.functions.function import Function, Items
from clacks_events.filter.nodes.kinds import Kind

__all__ = ["FUNCTIONS"]


def _of_double(call: Callable[[float], float]) -> Function:
    def called(items: Items) -> Items:
        return [call(double(items))] if items else []

    return Function(Kind.NUMBER, called, is_optional=True)


def _guarded(call: Callable[[float], float]) -> Callable[[float], float]:
    """Give NaN outside of the domain, and infinity beyond the range."""

    def called(value: float) -> float:
        try:
            return call(value)
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    return called


def _logarithm(call: Callable[[float], float]) -> Callable[[float], float]:
    guarded = _guarded(call)
    return lambda value: -math.inf if value == 0 else guarded(value)


def _power(base: Items, exponent: Items) -> Items:
    power = double(exponent)
    return [_raised(double(base), power)] if base else []


def _raised(base: float, power: float) -> float:
    try:
        return math.pow(base, power)
    except OverflowError:
        return -math.inf if base < 0 and power % 2 == 1 else math.inf
    except ValueError:
        if base == 0:  # to a negative power
            return math.copysign(math.inf, base) if power % 2 == 1 else math.inf
        return math.nan


def _arc(y: Items, x: Items) -> Items:
    return [math.atan2(double(y), double(x))]


_BY_NAME: Final[dict[str, Callable[[float], float]]] = {
    "exp": _guarded(math.exp),
    "exp10": _guarded(lambda value: math.pow(10.0, value)),
    "log": _logarithm(math.log),
    "log10": _logarithm(math.log10),
    "sqrt": _guarded(math.sqrt),
    "sin": _guarded(math.sin),
    "cos": _guarded(math.cos),
    "tan": _guarded(math.tan),
    "asin": _guarded(math.asin),
    "acos": _guarded(math.acos),
    "atan": math.atan,
}
FUNCTIONS: Final[dict[tuple[str, int], Function]] = {
    **{(f"math:{name}", 1): _of_double(call) for name, call in _BY_NAME.items()},
    ("math:pi", 0): Function(Kind.NUMBER, lambda: [math.pi], is_single=True),
    ("math:pow", 2): Function(Kind.NUMBER, _power, is_optional=True),
    ("math:atan2", 2): Function(Kind.NUMBER, _arc, is_single=True),
}
"""By ``math:`` and local name, and number of arguments."""
