"""What a comparison says of an empty string, zero or false."""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from clacks_events.filter import nodes
from clacks_events.filter.nodes import FN, Node

__all__ = ["holds_for_blank"]

_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "eq": operator.eq,
    "!=": operator.ne,
    "ne": operator.ne,
    "<": operator.lt,
    "lt": operator.lt,
    "<=": operator.le,
    "le": operator.le,
    ">": operator.gt,
    "gt": operator.gt,
    ">=": operator.ge,
    "ge": operator.ge,
}


def holds_for_blank(symbol: str, blank: str | int, other: Node, *, is_right: bool = False) -> bool:
    """Tell whether a comparison of '', 0 or false with another expression may be true."""
    value = _constant(other)
    compare = _OPERATORS.get(symbol)
    if value is None or compare is None:
        return True
    if _kind(value) is not _kind(blank):
        return True
    return compare(value, blank) if is_right else compare(blank, value)


def _constant(node: Node) -> str | int | float | Decimal | None:
    match node:
        case nodes.Literal(value):
            return value
        case nodes.Call(name, ()) if name in (f"{FN}true", f"{FN}false"):
            return name == f"{FN}true"
        case _:
            return None


def _kind(value: str | int | float | Decimal) -> type:
    if isinstance(value, str | bool):
        return type(value)
    return float
