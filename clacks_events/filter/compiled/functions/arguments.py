"""The function conversion rules for the arguments of built-in functions (XPath 3.1 §3.1.5.2)."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from clacks_events.errors import EvaluationError
from clacks_events.filter.compiled.functions.function import Items
from clacks_events.filter.nodes import XS
from clacks_events.filter.xquery.atomic import (
    AnyURI,
    Atomic,
    UntypedAtomic,
    instance_of,
    is_number,
    promote,
)

__all__ = [
    "double",
    "integer",
    "number",
    "of_type",
    "optional",
    "optional_text",
    "single",
    "text",
    "text_of",
    "text_or_empty",
]

_INTEGER: Final = XS + "integer"
_DOUBLE: Final = XS + "double"
_NUMERIC: Final = XS + "numeric"


def _refused(reason: str) -> EvaluationError:
    return EvaluationError(reason, "XPTY0004")


def optional(items: Items) -> Atomic | None:
    """Return the only item, or None; raise XPTY0004 for more than one."""
    if len(items) > 1:
        raise _refused("an argument is more than one item")
    return items[0] if items else None


def single(items: Items) -> Atomic:
    """Return the only item; raise XPTY0004."""
    if len(items) != 1:
        raise _refused("an argument is not exactly one item")
    return items[0]


def text_of(value: Atomic) -> str:
    """Return a value as the xs:string that a function asks for; raise XPTY0004."""
    if isinstance(value, str):
        return value
    if isinstance(value, (UntypedAtomic, AnyURI)):
        return value.value
    raise _refused(f"{value!r} is no string")


def text(items: Items) -> str:
    """Return the argument for ``xs:string``."""
    return text_of(single(items))


def optional_text(items: Items) -> str | None:
    """Return the argument for ``xs:string?``."""
    value = optional(items)
    return None if value is None else text_of(value)


def text_or_empty(items: Items) -> str:
    """Return the argument for ``xs:string?`` where the empty sequence counts as ''."""
    return optional_text(items) or ""


def of_type(value: Atomic, type: str) -> Atomic:
    """Return a value in an atomic type given by its Clark name; raise XPTY0004, FORG0001."""
    converted = promote(value, type)
    if not instance_of(converted, type):
        raise _refused(f"{value!r} is not of the type {type.rpartition('}')[2]}")
    return converted


def number(items: Items) -> int | float | Decimal | None:
    """Return the argument for ``xs:numeric?``, or None."""
    value = optional(items)
    if value is None or is_number(value):
        return value
    return of_type(value, _NUMERIC)  # type: ignore[no-any-return]


def double(items: Items) -> float:
    """Return the argument for ``xs:double``."""
    return float(of_type(single(items), _DOUBLE))


def integer(items: Items) -> int:
    """Return the argument for ``xs:integer``."""
    return int(of_type(single(items), _INTEGER))
