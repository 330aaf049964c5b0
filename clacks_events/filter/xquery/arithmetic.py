"""Arithmetic of atomic values (XPath 3.1 §3.5, XPath and XQuery Functions 3.1 §4, §8, §9)."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any, Final, TypeAlias

from elementpath.datatypes import Float, UntypedAtomic

from clacks_events.errors import EvaluationError
from clacks_events.filter.xquery.casting import CASTS, Atomic
from clacks_events.filter.xquery.duration import calculate
from clacks_events.filter.xquery.lexical import double, single

__all__ = ["CONTEXT", "arithmetic_of", "is_number", "negate"]

Operation: TypeAlias = Callable[[Any, Any], Atomic]

CONTEXT: Final = Context(prec=28)
"""How decimals are calculated, whatever the program does with its own context."""

_XS: Final = "{http://www.w3.org/2001/XMLSchema}"
# A remainder needs as many digits as the quotient would have.
_EXACT: Final = Context(prec=1_000_000)
_PLAIN: Final = frozenset((int, float))
_FAST: Final = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def arithmetic_of(symbol: str) -> Operation:
    """Return the operation ``+ - * div idiv mod`` on two values.

    It raises XPTY0004 for types that it is not defined for, FORG0001 for an untyped value that
    is no number, FOAR0001 for a division by zero, FOAR0002, FODT0001 and FODT0002 for overflow.
    """
    fast = _FAST.get(symbol)
    on_doubles, on_decimals, on_integers = _OPERATIONS[symbol]

    def calculated(left: Atomic, right: Atomic) -> Atomic:
        if type(left) is UntypedAtomic:
            left = double(left.value)
        if type(right) is UntypedAtomic:
            right = double(right.value)
        if fast is not None and type(left) in _PLAIN and type(right) in _PLAIN:
            return _fast(fast, left, right)
        if not (is_number(left) and is_number(right)):
            return calculate(symbol, left, right)
        if isinstance(left, float) or isinstance(right, float):
            return _fractional(on_doubles, left, right)
        if isinstance(left, int) and isinstance(right, int):
            return on_integers(left, right)
        result = on_decimals(Decimal(left), Decimal(right))
        return result if result else abs(result)

    return calculated


def _fast(operation: Operation, left: Any, right: Any) -> Atomic:
    """Add, subtract or multiply two of Python's own numbers."""
    if type(left) is type(right):
        return operation(left, right)
    convert = CASTS[_XS + "double"]
    return operation(convert(left), convert(right))


def is_number(value: Atomic) -> bool:
    """Tell whether a value is of a numeric type."""
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _fractional(operation: Operation, left: Atomic, right: Atomic) -> Atomic:
    """Calculate with doubles, or with floats if there is no double."""
    singles = [isinstance(value, Float) for value in (left, right) if isinstance(value, float)]
    convert = CASTS[_XS + ("float" if all(singles) else "double")]
    result = operation(float(convert(left)), float(convert(right)))
    return single(result) if all(singles) and isinstance(result, float) else result


def negate(value: Atomic) -> Atomic:
    """Return ``-value``; raise FORG0001 for untyped text that is no number, XPTY0004."""
    if isinstance(value, UntypedAtomic):
        return -double(value.value)
    if not is_number(value):
        raise EvaluationError("only numbers have a sign", "XPTY0004")
    if isinstance(value, Float):
        return single(-float(value))
    return value.copy_negate() if isinstance(value, Decimal) and value else -value


def _by_zero() -> EvaluationError:
    return EvaluationError("division by zero", "FOAR0001")


def _overflow() -> EvaluationError:
    return EvaluationError("the result is out of range", "FOAR0002")


def _divide_doubles(left: float, right: float) -> float:
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _divide_decimals(left: Decimal, right: Decimal) -> Decimal:
    if not right:
        raise _by_zero()
    return CONTEXT.divide(left, right)


def _divide_integers(left: int, right: int) -> Decimal:
    return _divide_decimals(Decimal(left), Decimal(right))


def _whole_doubles(left: float, right: float) -> int:
    if math.isnan(left) or math.isnan(right):
        raise _overflow()
    if right == 0:
        raise _by_zero()
    if math.isinf(left):
        raise _overflow()
    # As Python does it: the rest is exact, so that the quotient is not rounded up before it is cut.
    quotient = 0.0 if math.isinf(right) else (left - math.fmod(left, right)) / right
    if math.isinf(quotient):
        raise _overflow()
    return round(quotient)


def _whole_ratio(left: Any, right: Any) -> int:
    if not right:
        raise _by_zero()
    over, under = left.as_integer_ratio()
    over_right, under_right = right.as_integer_ratio()
    return _whole_integers(over * under_right, under * over_right)


def _whole_integers(left: int, right: int) -> int:
    if not right:
        raise _by_zero()
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _rest_of_doubles(left: float, right: float) -> float:
    if right == 0 or math.isinf(left):
        return math.nan
    return math.fmod(left, right)


def _rest_of_decimals(left: Decimal, right: Decimal) -> Decimal:
    if not right:
        raise _by_zero()
    return _EXACT.remainder(left, right)


def _rest_of_integers(left: int, right: int) -> int:
    if not right:
        raise _by_zero()
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


_OPERATIONS: Final[dict[str, tuple[Operation, Operation, Operation]]] = {
    "+": (operator.add, CONTEXT.add, operator.add),
    "-": (operator.sub, CONTEXT.subtract, operator.sub),
    "*": (operator.mul, CONTEXT.multiply, operator.mul),
    "div": (_divide_doubles, _divide_decimals, _divide_integers),
    "idiv": (_whole_doubles, _whole_ratio, _whole_integers),
    "mod": (_rest_of_doubles, _rest_of_decimals, _rest_of_integers),
}
