"""XSD lexical forms of Python values.

Source: XML Schema Part 2: Datatypes, the canonical representations of section 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

__all__ = ["SCALARS", "lexical", "utc_text"]


def _float(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "INF" if value > 0 else "-INF"
    return repr(float(value))


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise TypeError(f"xs:decimal has no {value}")
    return format(value, "f")


def _instant(value: datetime | time) -> str:
    offset = value.utcoffset()
    if offset and offset.total_seconds() % 60 and isinstance(value, datetime):
        # Local mean times; XML Schema has no seconds in its time zones.
        value = value.astimezone(UTC)
    text = value.isoformat()
    return text[:-6] + "Z" if text.endswith("+00:00") else text


def _duration(value: timedelta) -> str:
    if value < timedelta(0):
        return "-" + _duration(-value)
    seconds = Decimal(value.seconds) + Decimal(value.microseconds) / 1_000_000
    text = format(seconds.normalize(), "f") if seconds else "0"
    return f"P{value.days}DT{text}S" if value.days else f"PT{text}S"


SCALARS: dict[type, Callable[[Any], str]] = {
    str: str.__str__,  # of an enumeration the value, not the name
    bool: lambda value: "true" if value else "false",
    int: lambda value: str(int(value)),
    float: _float,
    Decimal: _decimal,
    datetime: _instant,
    time: _instant,
    date: date.isoformat,
    timedelta: _duration,
    UUID: str,
}
"""Python types that have a lexical form, each with the function that writes it."""


def _writer(kind: type) -> Callable[[Any], str] | None:
    # The order of the bases decides: bool comes before int, datetime before date.
    return next((SCALARS[base] for base in kind.__mro__ if base in SCALARS), None)


def lexical(value: object) -> str:
    """Write a Python value the way XML Schema spells it.

    A list or tuple becomes an ``xs:list``. Raises TypeError for a value without such a form.
    """
    write = SCALARS.get(type(value)) or _writer(type(value))
    if write is not None:
        return write(value)
    if isinstance(value, list | tuple):
        return " ".join(map(_item, value))
    raise TypeError(f"no XML form for {value!r} of type {type(value).__name__}")


def _item(value: object) -> str:
    text = lexical(value)
    if text.split() != [text]:
        raise TypeError(f"{text!r} cannot stand in a list that white space separates")
    return text


def utc_text(moment: datetime) -> str:
    """Write a moment as RFC 3339 in UTC, with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
