"""Atomic values outside of elementpath's tokens: casts, comparisons, arithmetic.

The values are those of elementpath: str, bool, int, Decimal, float (xs:double), and its classes
for the other types. All functions raise EvaluationError with the W3C code, and nothing else.
A date or time without a time zone is in UTC.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from elementpath.datatypes import (
    AbstractDateTime,
    AnyURI,
    Base64Binary,
    Date,
    DateTime,
    DayTimeDuration,
    Duration,
    Float,
    QName,
    Time,
    Timezone,
    UntypedAtomic,
    YearMonthDuration,
    builtin_atomic_types,
)

from clacks_events.errors import EvaluationError
from clacks_events.event import HeaderValue
from clacks_events.filter.xquery import comparison
from clacks_events.filter.xquery.arithmetic import arithmetic_of, is_number, negate
from clacks_events.filter.xquery.casting import CASTS, Atomic, string_of
from clacks_events.filter.xquery.comparison import compare_of, general_of, identity, order, same
from clacks_events.filter.xquery.lexical import double

__all__ = [
    "AbstractDateTime",
    "AnyURI",
    "Atomic",
    "Date",
    "DateTime",
    "DayTimeDuration",
    "Duration",
    "Float",
    "QName",
    "Time",
    "UntypedAtomic",
    "YearMonthDuration",
    "arithmetic",
    "arithmetic_of",
    "can_cast",
    "cast",
    "castable",
    "compare",
    "compare_of",
    "double",
    "general",
    "general_of",
    "header_value",
    "identity",
    "instance_of",
    "is_number",
    "negate",
    "now",
    "order",
    "promote",
    "same",
    "string_of",
    "truth",
    "untyped",
]

_XS: Final = "{http://www.w3.org/2001/XMLSchema}"
_ARITHMETIC: Final = {s: arithmetic_of(s) for s in ("+", "-", "*", "div", "idiv", "mod")}
_COMPARE: Final = {s: compare_of(s) for s in comparison.SYMBOLS}
_GENERAL: Final = {s: general_of(s) for s in comparison.SYMBOLS}


def untyped(text: str) -> Atomic:
    """Return the xs:untypedAtomic of a text."""
    return UntypedAtomic(text)


def can_cast(type: str) -> bool:
    """Tell whether ``cast`` knows a target type: all but xs:QName, which needs namespaces."""
    return type in CASTS


def cast(value: Atomic, type: str) -> Atomic:
    """Cast one value to a built-in type given by its Clark name.

    Raises FORG0001, XPTY0004 for types without a cast between them, FOCA0002 for NaN and INF as
    an integer, FOCA0003, FODT0001, FODT0002 for what is too large.
    """
    convert = CASTS.get(type)
    if convert is None:
        raise EvaluationError(f"nothing can be cast to {type}", "XPTY0004")
    return convert(value)


def castable(value: Atomic, type: str) -> bool:
    """Tell whether a cast would succeed."""
    try:
        cast(value, type)
    except EvaluationError:
        return False
    return True


def compare(symbol: str, left: Atomic, right: Atomic) -> bool:
    """Compare two values by ``eq ne lt le gt ge``, untyped ones as strings; raise XPTY0004."""
    return _COMPARE[symbol](left, right)


def general(symbol: str, left: Atomic, right: Atomic) -> bool:
    """Compare one pair of a general comparison (``=`` …); raise FORG0001, XPTY0004."""
    return _GENERAL[symbol](left, right)


def arithmetic(symbol: str, left: Atomic, right: Atomic) -> Atomic:
    """Calculate ``+ - * div idiv mod``; for the errors see ``arithmetic_of``."""
    return _ARITHMETIC[symbol](left, right)


def instance_of(value: Atomic, type: str) -> bool:
    """Tell whether a value is of an atomic type given by its Clark name."""
    if type == _XS + "numeric":
        return is_number(value)
    if type == _XS + "anyAtomicType":
        return True
    return isinstance(value, builtin_atomic_types[type])


def truth(value: Atomic) -> bool:
    """Return the effective boolean value of one value; raise FORG0006."""
    if isinstance(value, (str, bool)):
        return bool(value)
    if isinstance(value, (UntypedAtomic, AnyURI)):
        return bool(value.value)
    if isinstance(value, (int, float, Decimal)):
        return value == value and value != 0
    raise EvaluationError(f"{value!r} is neither true nor false", "FORG0006")


def promote(value: Atomic, type: str) -> Atomic:
    """Apply the function conversion rules (XPath 3.1 §3.1.5.2) for an atomic type.

    The result may still not be of the type; the caller tells. Raises FORG0001 for an untyped
    value, XPTY0117 if the type is xs:QName.
    """
    local = type.removeprefix(_XS)
    if isinstance(value, UntypedAtomic):
        return _converted(value, type)
    if isinstance(value, AnyURI) and local == "string":
        return value.value
    if local == "double" and is_number(value):
        return CASTS[type](value)
    if local == "float" and is_number(value) and not isinstance(value, float):
        return CASTS[type](value)
    return value


def _converted(value: Atomic, type: str) -> Atomic:
    if type in (_XS + "untypedAtomic", _XS + "anyAtomicType"):
        return value
    if type in (_XS + "QName", _XS + "NOTATION"):
        raise EvaluationError("an untyped value is no xs:QName", "XPTY0117")
    return cast(value, type)


def now() -> Atomic:
    """Return the current instant as xs:dateTime in UTC."""
    return _date_time(datetime.now(UTC))


def _date_time(value: datetime) -> Atomic:
    offset = value.utcoffset()
    zone = None if offset is None else Timezone(offset - offset % timedelta(minutes=1))
    moved = value if offset is None else (value - offset % timedelta(minutes=1))
    return DateTime.fromdatetime(moved.replace(tzinfo=zone))


_HEADERS: Final[tuple[tuple[type, Callable[[Any], Atomic]], ...]] = (
    (bool, bool),
    (int, int),
    (float, float),
    (str, str),
    (Decimal, Decimal),
    (datetime, _date_time),
    (bytes, lambda value: Base64Binary(base64.b64encode(value), True)),
)


def header_value(header: HeaderValue) -> Atomic:
    """Return a header as an atomic value; raise EvaluationError if it has no type in XQuery."""
    for kind, convert in _HEADERS:
        if isinstance(header, kind):
            return _guarded(convert, header)
    raise EvaluationError(f"a header of the type {type(header).__name__} has no type in XQuery")


def _guarded(convert: Callable[[Any], Atomic], header: HeaderValue) -> Atomic:
    try:
        return convert(header)
    except (ValueError, ArithmeticError) as fault:
        raise EvaluationError(f"a header is out of range: {fault}", "FODT0001") from fault
