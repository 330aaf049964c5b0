"""Comparisons of two atomic values: ``eq``, ``=``, the keys of ``order by``, ``switch``."""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, TypeAlias

from elementpath.datatypes import (
    AbstractBinary,
    AbstractDateTime,
    AnyURI,
    Date,
    DateTime,
    DayTimeDuration,
    Duration,
    Float,
    QName,
    Time,
    UntypedAtomic,
    YearMonthDuration,
)

from clacks_events.errors import EvaluationError
from clacks_events.filter.xquery.casting import CASTS, Atomic
from clacks_events.filter.xquery.instant import instant
from clacks_events.filter.xquery.lexical import double, single

__all__ = ["SYMBOLS", "compare_of", "general_of", "identity", "order", "same"]

Comparison: TypeAlias = Callable[[Atomic, Atomic], bool]

SYMBOLS: Final[dict[str, Comparison]] = {
    **dict.fromkeys(("=", "eq"), operator.eq),
    **dict.fromkeys(("!=", "ne"), operator.ne),
    **dict.fromkeys(("<", "lt"), operator.lt),
    **dict.fromkeys(("<=", "le"), operator.le),
    **dict.fromkeys((">", "gt"), operator.gt),
    **dict.fromkeys((">=", "ge"), operator.ge),
}
_NUMBERS: Final = frozenset((int, float))
_XS: Final = "{http://www.w3.org/2001/XMLSchema}"
_TIMES: Final[dict[type, Callable[[Atomic], Atomic]]] = {
    DateTime: CASTS[_XS + "dateTime"],
    Date: CASTS[_XS + "date"],
    Time: CASTS[_XS + "time"],
}


def compare_of(symbol: str) -> Comparison:
    """Return the value comparison; it raises XPTY0004."""
    chosen = SYMBOLS[symbol]
    is_ordered = chosen not in (operator.eq, operator.ne)

    def compare(left: Atomic, right: Atomic) -> bool:
        kind = type(left)
        if kind is type(right) and (kind is str or kind in _NUMBERS):
            return chosen(left, right)
        if kind in _NUMBERS and type(right) in _NUMBERS:
            return chosen(_number(left), _number(right))
        return chosen(*_comparable(left, right, is_ordered))

    return compare


def general_of(symbol: str) -> Comparison:
    """Return the comparison of a pair in a general comparison; it raises FORG0001, XPTY0004."""
    chosen = SYMBOLS[symbol]
    compare = compare_of(symbol)

    def general(left: Atomic, right: Atomic) -> bool:
        if type(left) is UntypedAtomic:
            kind = type(right)
            if kind is str or kind is UntypedAtomic:
                return chosen(left.value, right if kind is str else right.value)
            if kind in _NUMBERS:
                return chosen(double(left.value), right if kind is float else _number(right))
            return compare(_typed(left.value, right), right)
        if type(right) is UntypedAtomic:
            kind = type(left)
            if kind in _NUMBERS:
                return chosen(left if kind is float else _number(left), double(right.value))
            return compare(left, _typed(right.value, left))
        return compare(left, right)

    return general


def _typed(text: str, other: Atomic) -> Atomic:
    """Return an untyped value in the type that the other one asks for (XPath 3.1 §3.7.2)."""
    convert = _TIMES.get(type(other))
    if convert is not None:
        return convert(text)
    if isinstance(other, (str, AnyURI)):
        return text
    if isinstance(other, (int, float, Decimal)) and not isinstance(other, bool):
        return double(text)
    local = "boolean" if isinstance(other, bool) else _primitive(other)
    if _XS + local not in CASTS:
        raise EvaluationError(f"an untyped value cannot be compared with xs:{local}", "XPTY0004")
    return CASTS[_XS + local](text)


def _primitive(value: Atomic) -> str:
    return "dateTime" if isinstance(value, DateTime) else str(type(value).name)


def _comparable(left: Atomic, right: Atomic, is_ordered: bool) -> tuple[Any, Any]:
    if type(left) in _TIMES and type(left) is type(right):
        # Much quicker than to look for the family among elementpath's abstract classes.
        return instant(left), instant(right)
    family, one = identity(left)
    other_family, other = identity(right)
    if family is not other_family or (is_ordered and not _has_order(left, right)):
        raise EvaluationError("values of these types cannot be compared", "XPTY0004")
    if family is float and isinstance(one, float) is not isinstance(other, float):
        # A decimal becomes what the other one is, xs:float or xs:double (XPath 3.1 §B.1).
        is_single = isinstance(left, Float) or isinstance(right, Float)
        return (_single(one), _single(other)) if is_single else (_number(one), _number(other))
    return one, other


def _single(value: Atomic) -> float:
    return float(single(_number(value)))


def _number(value: Atomic) -> float:
    try:
        return float(value)
    except OverflowError:
        return CASTS[_XS + "double"](value)  # type: ignore[no-any-return]


def _has_order(left: Atomic, right: Atomic) -> bool:
    if isinstance(left, Duration):
        kinds = (DayTimeDuration, YearMonthDuration)
        return any(isinstance(left, kind) and isinstance(right, kind) for kind in kinds)
    if isinstance(left, AbstractDateTime):
        return isinstance(left, (DateTime, Date, Time))
    return not isinstance(left, QName)


def identity(value: Atomic) -> tuple[type, Any]:
    """Return a family of types that can be compared, and what stands for the value there.

    Two values of one family are equal if these are; they are hashable. Untyped values are text.
    """
    if isinstance(value, str):
        return str, value
    if isinstance(value, bool):
        return bool, value
    if isinstance(value, (int, float, Decimal)):
        return float, float(value) if isinstance(value, Float) else value
    if isinstance(value, (UntypedAtomic, AnyURI)):
        return str, value.value
    if isinstance(value, Duration):
        return Duration, (value.months, value.seconds)
    if isinstance(value, AbstractDateTime):
        family = next((f for f in (DateTime, Date, Time) if isinstance(value, f)), type(value))
        return family, instant(value)
    if isinstance(value, AbstractBinary):
        return type(value), value.decode()
    if isinstance(value, QName):
        return QName, (value.uri or "", value.local_name)
    raise EvaluationError(f"{value!r} is no atomic value", "XPTY0004")


def order(left: Atomic | None, right: Atomic | None, empty_greatest: bool) -> int:
    """Compare two keys of ``order by``, None being empty (XQuery 3.1 §3.12.8): -1, 0 or 1.

    Raises XPTY0004 for values of types that have no order.
    """
    ranks = _rank(left), _rank(right)
    if ranks != (2, 2):
        sign = (ranks[0] > ranks[1]) - (ranks[0] < ranks[1])
        return -sign if empty_greatest else sign
    one, other = _comparable(left, right, True)
    return int(one > other) - int(one < other)


def _rank(value: Atomic | None) -> int:
    return 0 if value is None else 1 if _is_nan(value) else 2


def _is_nan(value: Atomic) -> bool:
    return isinstance(value, (float, Decimal)) and value != value


def same(left: Atomic | None, right: Atomic | None) -> bool:
    """Tell whether two values, None being empty, are the same for ``switch``."""
    if left is None or right is None:
        return left is right
    if _is_nan(left) or _is_nan(right):
        return _is_nan(left) and _is_nan(right)
    if identity(left)[0] is not identity(right)[0]:
        return False
    one, other = _comparable(left, right, False)
    return bool(one == other)
