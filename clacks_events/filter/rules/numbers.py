"""Numbers: signs, and counts that ask whether there is anything at all."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from clacks_events.filter.nodes import FN, Call, Comparison, Literal, Negation, Node
from clacks_events.filter.rules.making import exists
from clacks_events.filter.rules.rule import Rule

__all__ = ["RULES"]

_SOME: Final = frozenset(((">", 0), ("!=", 0), (">=", 1), ("gt", 0), ("ne", 0), ("ge", 1)))
_NONE: Final = frozenset(
    (("=", 0), ("<", 1), ("<=", 0), ("eq", 0), ("lt", 1), ("le", 0)),
)


def _count(node: Node) -> Node:
    """``count(P) > 0`` is ``exists(P)``, ``count(P) = 0`` is ``empty(P)``."""
    match node:
        case Comparison(operator, Call(name, (items,)), Literal(int(number))) if (
            name == f"{FN}count" and not isinstance(number, bool)
        ):
            if (operator, number) in _SOME:
                return exists(items)
            if (operator, number) in _NONE:
                return Call(f"{FN}empty", (items,))
    return node


def _signed(node: Node) -> Node:
    """``-90`` is a literal, too."""
    match node:
        case Negation(sign, Literal(int() | float() | Decimal() as value)) if (
            not isinstance(value, bool) and value != 0
        ):
            return Literal(-value if sign == "-" else value)
        case _:
            return node


RULES: Final = (
    Rule("sign", _signed, (Negation,)),
    Rule("count", _count, (Comparison,)),
)
