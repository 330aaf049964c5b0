"""Casts between the built-in atomic types (XPath and XQuery Functions 3.1 §19)."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, TypeAlias

from elementpath.datatypes import (
    AbstractDateTime,
    AnyURI,
    Base64Binary,
    Date,
    DateTime,
    DateTimeStamp,
    DayTimeDuration,
    Duration,
    Float,
    GregorianDay,
    GregorianMonth,
    GregorianMonthDay,
    GregorianYear,
    GregorianYearMonth,
    HexBinary,
    NormalizedString,
    Time,
    UntypedAtomic,
    YearMonthDuration,
    builtin_atomic_types,
)

from clacks_events.errors import EvaluationError
from clacks_events.filter.xquery import lexical

__all__ = ["CASTS", "Atomic", "string_of"]

Atomic: TypeAlias = Any
"""An atomic value of elementpath's data model."""

Cast: TypeAlias = Callable[[Atomic], Atomic]

_XS: Final = "{http://www.w3.org/2001/XMLSchema}"
_TEXTS: Final = (str, UntypedAtomic)


def _impossible(value: Atomic, type: str) -> EvaluationError:
    name = getattr(builtin_atomic_types.get(_XS + type), "name", type)
    return EvaluationError(f"{value!r} cannot be cast to xs:{name}", "XPTY0004")


def string_of(value: Atomic) -> str:
    """Return the text of a value, as ``fn:string`` does; raise FOCA0003 for a huge integer."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return lexical.text_of_integer(value)
    if isinstance(value, float):
        return lexical.text_of_double(value)
    if isinstance(value, Decimal):
        return lexical.text_of_decimal(value)
    return str(value)


def _double(value: Atomic) -> float:
    if isinstance(value, _TEXTS):
        return lexical.double(str(value))
    if not isinstance(value, (int, float, Decimal)):
        raise _impossible(value, "double")
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _float(value: Atomic) -> float:
    return value if isinstance(value, Float) else lexical.single(_double(value))


def _decimal(value: Atomic) -> Decimal:
    if isinstance(value, _TEXTS):
        return lexical.decimal(str(value))
    if not isinstance(value, (int, float, Decimal)):
        raise _impossible(value, "decimal")
    if not math.isfinite(value):
        raise EvaluationError("INF and NaN are no decimals", "FOCA0002")
    return lexical.unsigned(Decimal(value))


def _integer(value: Atomic) -> int:
    if isinstance(value, _TEXTS):
        return lexical.integer(str(value))
    if not isinstance(value, (int, float, Decimal)):
        raise _impossible(value, "integer")
    if not math.isfinite(value):
        raise EvaluationError("INF and NaN are no integers", "FOCA0002")
    return int(value)


def _numeric(value: Atomic) -> Atomic:
    is_number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
    return value if is_number else _double(value)


def _boolean(value: Atomic) -> bool:
    if isinstance(value, _TEXTS):
        return lexical.boolean(str(value))
    if not isinstance(value, (int, float, Decimal)):
        raise _impossible(value, "boolean")
    return value == value and value != 0


def _derived_integer(type: str) -> Cast:
    made: Any = builtin_atomic_types[_XS + type]

    def convert(value: Atomic) -> Atomic:
        number = _integer(value)
        try:
            return made(number)
        except ValueError as fault:
            raise EvaluationError(f"{number} is no xs:{type}", "FORG0001") from fault

    return convert


_START: Final = (
    "A-Z_a-z\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NEXT: Final = _START + "\\-.0-9\xb7\u0300-\u036f\u203f\u2040"
_LEXICAL: Final = {
    "token": "(?s:.*)",
    "language": "[a-zA-Z]{1,8}(?:-[a-zA-Z0-9]{1,8})*",
    "NMTOKEN": f"[{_NEXT}:]+",
    "Name": f"[{_START}:][{_NEXT}:]*",
    **dict.fromkeys(("NCName", "ID", "IDREF", "ENTITY"), f"[{_START}][{_NEXT}]*"),
}


def _derived_string(type: str) -> Cast:
    made: Any = builtin_atomic_types[_XS + type]
    matches = re.compile(_LEXICAL[type]).fullmatch

    def convert(value: Atomic) -> Atomic:
        text = lexical.collapsed(string_of(value))
        if not matches(text):
            lexical.refuse(text, type)
        return str.__new__(made, text)

    return convert


def _normalized(value: Atomic) -> Atomic:
    return str.__new__(NormalizedString, re.sub(r"[\t\r\n]", " ", string_of(value)))


def _uri(value: Atomic) -> Atomic:
    if isinstance(value, AnyURI):
        return value
    if not isinstance(value, _TEXTS):
        raise _impossible(value, "anyURI")
    text = lexical.collapsed(str(value))
    try:
        return AnyURI(text)
    except ValueError:
        lexical.refuse(text, "anyURI")


_BASE64: Final = re.compile(
    "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=|[A-Za-z0-9+/][AQgw]==)?"
).fullmatch
_HEX: Final = re.compile("(?:[0-9A-Fa-f]{2})*").fullmatch


def _base64(value: Atomic) -> Atomic:
    if isinstance(value, HexBinary):
        return Base64Binary(base64.b64encode(value.decode()), True)
    if isinstance(value, Base64Binary):
        return value
    if not isinstance(value, _TEXTS):
        raise _impossible(value, "base64Binary")
    text = lexical.collapsed(str(value)).replace(" ", "")
    return Base64Binary(text, True) if _BASE64(text) else lexical.refuse(text, "base64Binary")


def _hex(value: Atomic) -> Atomic:
    if isinstance(value, Base64Binary):
        return HexBinary(value.decode().hex().upper(), True)
    if isinstance(value, HexBinary):
        return value
    if not isinstance(value, _TEXTS):
        raise _impossible(value, "hexBinary")
    text = lexical.trimmed(str(value))
    return HexBinary(text, True) if _HEX(text) else lexical.refuse(text, "hexBinary")


def _time_type(made: type[AbstractDateTime], type: str, *sources: type[AbstractDateTime]) -> Cast:
    def convert(value: Atomic) -> Atomic:
        if isinstance(value, sources):
            return made.make(value)
        if not isinstance(value, _TEXTS):
            raise _impossible(value, type)
        return read(str(value))

    def read(text: str) -> Atomic:
        text = lexical.trimmed(text)
        try:
            return made.fromstring(text)
        except OverflowError as fault:
            raise EvaluationError(f"the year of {text!r} is out of range", "FODT0001") from fault
        except ValueError:
            lexical.refuse(text, type)

    return convert


def _date_time(value: Atomic) -> Atomic:
    if type(value) is DateTimeStamp:
        return DateTime.fromstring(str(value))
    return _DATE_TIME(value)


def _stamp(value: Atomic) -> Atomic:
    # Every xs:dateTime with a time zone is one; elementpath makes it from text only.
    return _STAMP(str(_date_time(value)) if isinstance(value, (DateTime, Date)) else value)


_DATE_TIME: Final = _time_type(DateTime, "dateTime", DateTime, Date)
_STAMP: Final = _time_type(DateTimeStamp, "dateTimeStamp")


def _duration_type(made: Any, type: str, forbidden: str) -> Cast:
    def convert(value: Atomic) -> Atomic:
        if isinstance(value, Duration):
            return _converted(value, made)
        if not isinstance(value, _TEXTS):
            raise _impossible(value, type)
        return read(lexical.trimmed(str(value)))

    def read(text: str) -> Atomic:
        if forbidden and re.search(forbidden, text):
            lexical.refuse(text, type)
        try:
            return made.fromstring(text)
        except (OverflowError, ArithmeticError) as fault:
            raise EvaluationError(f"{text!r} is too long a duration", "FODT0002") from fault
        except ValueError:
            lexical.refuse(text, type)

    return convert


def _converted(value: Duration, made: Any) -> Atomic:
    if made is DayTimeDuration:
        return DayTimeDuration(value.seconds)
    if made is YearMonthDuration:
        return YearMonthDuration(value.months)
    return Duration(value.months, value.seconds)


_INTEGERS: Final = (
    *("nonPositiveInteger", "negativeInteger", "long", "int", "short", "byte"),
    *("nonNegativeInteger", "positiveInteger", "unsignedLong", "unsignedInt", "unsignedShort"),
    "unsignedByte",
)
_BY_LOCAL_NAME: Final[dict[str, Cast]] = {
    "string": string_of,
    "untypedAtomic": lambda value: UntypedAtomic(string_of(value)),
    "double": _double,
    "float": _float,
    "decimal": _decimal,
    "integer": _integer,
    "numeric": _numeric,
    "boolean": _boolean,
    **{name: _derived_integer(name) for name in _INTEGERS},
    "normalizedString": _normalized,
    **{name: _derived_string(name) for name in _LEXICAL},
    "anyURI": _uri,
    "base64Binary": _base64,
    "hexBinary": _hex,
    "dateTime": _date_time,
    "dateTimeStamp": _stamp,
    "date": _time_type(Date, "date", Date, DateTime),
    "time": _time_type(Time, "time", Time, DateTime),
    "gYear": _time_type(GregorianYear, "gYear", GregorianYear, Date, DateTime),
    "gMonth": _time_type(GregorianMonth, "gMonth", GregorianMonth, Date, DateTime),
    "gDay": _time_type(GregorianDay, "gDay", GregorianDay, Date, DateTime),
    "gYearMonth": _time_type(GregorianYearMonth, "gYearMonth", GregorianYearMonth, Date, DateTime),
    "gMonthDay": _time_type(GregorianMonthDay, "gMonthDay", GregorianMonthDay, Date, DateTime),
    "duration": _duration_type(Duration, "duration", ""),
    "dayTimeDuration": _duration_type(DayTimeDuration, "dayTimeDuration", "Y|^[^T]*M"),
    "yearMonthDuration": _duration_type(YearMonthDuration, "yearMonthDuration", "D|T"),
}

CASTS: Final[dict[str, Cast]] = {_XS + name: cast for name, cast in _BY_LOCAL_NAME.items()}
"""Casts by the Clark name of the target; those to xs:QName need namespaces and are not here."""
