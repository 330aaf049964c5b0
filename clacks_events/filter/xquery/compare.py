"""Ordering and equality of atomic values, where elementpath has none to offer.

Its general comparisons compare two untyped values as numbers; they are strings (XPath 3.1
§3.7.2). Its dates are in the wrong order where a time zone reaches over the turn of the year.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from elementpath.datatypes import (
    AnyURI,
    Date,
    DateTime,
    DayTimeDuration,
    Duration,
    QName,
    Time,
    UntypedAtomic,
    YearMonthDuration,
)
from elementpath.xpath_tokens import XPathToken

from clacks_events.filter.xquery.base import Item
from clacks_events.filter.xquery.sequence_type import cast_to

__all__ = ["compare", "general", "order", "same"]

_FAMILIES: Final[tuple[type, ...]] = (bool, str, Duration, DateTime, Date, Time, QName)
_OPERATORS: Final[dict[str, Callable[[Item, Item], bool]]] = {
    **dict.fromkeys(("=", "eq"), operator.eq),
    **dict.fromkeys(("!=", "ne"), operator.ne),
    **dict.fromkeys(("<", "lt"), operator.lt),
    **dict.fromkeys(("<=", "le"), operator.le),
    **dict.fromkeys((">", "gt"), operator.gt),
    **dict.fromkeys((">=", "ge"), operator.ge),
}


def general(symbol: str, left: Item, right: Item, token: XPathToken) -> bool:
    """Compare one value of each side of a general comparison.

    Raises FORG0001 for an untyped value that is not of the other's type, XPTY0004 for types
    that cannot be compared.
    """
    return compare(symbol, _typed(left, right, token), _typed(right, left, token), token)


def compare(symbol: str, left: Item, right: Item, token: XPathToken) -> bool:
    """Compare two values, none of them untyped; raise XPTY0004 if their types do not allow it."""
    chosen = _OPERATORS[symbol]
    ordered = chosen not in (operator.eq, operator.ne)
    left, right = _comparable(left, right, token, ordered)
    try:
        return chosen(left, right)
    except TypeError as fault:
        raise token.error("XPTY0004", f"the values cannot be compared: {fault}") from fault


def _typed(value: Item, other: Item, token: XPathToken) -> Item:
    if isinstance(value, AnyURI):
        return str(value)
    if not isinstance(value, UntypedAtomic):
        return value
    if isinstance(other, (str, UntypedAtomic, AnyURI)):
        return value.value
    family = _family(other)
    special: dict[type, str] = {float: "double", bool: "boolean"}
    local = special.get(family) or str(type(other).name)
    try:
        return cast_to(value, local, token)
    except (TypeError, ValueError, ArithmeticError) as fault:
        reason = f"{value.value!r} is not of the type xs:{local}"
        raise token.error("FORG0001", reason) from fault


def order(left: Item, right: Item, empty_greatest: bool, token: XPathToken) -> int:
    """Compare two keys of ``order by``; None is the empty sequence (XQuery 3.1 §3.12.8).

    Returns -1, 0 or 1. Raises XPTY0004 for values of types that have no order.
    """
    ranks = _rank(left), _rank(right)
    if ranks != (2, 2):
        sign = (ranks[0] > ranks[1]) - (ranks[0] < ranks[1])
        return -sign if empty_greatest else sign
    left, right = _comparable(left, right, token, True)
    try:
        return int(left > right) - int(left < right)
    except TypeError as fault:
        raise token.error("XPTY0004", f"the keys have no order: {fault}") from fault


def same(left: Item, right: Item) -> bool:
    """Tell whether two atomic values, or two None, are the same as ``switch`` sees it."""
    if left is None or right is None:
        return left is right
    if _is_nan(left) or _is_nan(right):
        return _is_nan(left) and _is_nan(right)
    if _family(left) is not _family(right):
        return False
    try:
        if isinstance(left, (DateTime, Date)):
            return bool(left.todelta() == right.todelta())
        return bool(left == right)
    except TypeError:  # two values that cannot be compared are different
        return False


def _rank(value: Item) -> int:
    return 0 if value is None else 1 if _is_nan(value) else 2


def _is_nan(value: Item) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _family(value: Item) -> type:
    for family in _FAMILIES:
        if isinstance(value, family):
            return family
    return float if isinstance(value, (int, float, Decimal)) else type(value)


def _comparable(left: Item, right: Item, token: XPathToken, ordered: bool) -> tuple[Item, Item]:
    family = _family(left)
    unordered = ordered and family is Duration and not _ordered(left, right)
    if family is not _family(right) or unordered:
        raise token.error("XPTY0004", "values of these types cannot be compared")
    if family in (DateTime, Date):
        # elementpath compares the years before it looks at the time zones.
        return left.todelta(), right.todelta()
    if isinstance(left, Decimal) and isinstance(right, float):
        return float(left), right
    if isinstance(left, float) and isinstance(right, Decimal):
        return left, float(right)
    return left, right


def _ordered(left: Item, right: Item) -> bool:
    kinds = (DayTimeDuration, YearMonthDuration)
    return any(isinstance(left, kind) and isinstance(right, kind) for kind in kinds)
