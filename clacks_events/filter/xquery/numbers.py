"""Arithmetic and numbers that are read from text.

elementpath reads numbers as Python does, with its underscores, digits of all scripts and spaces.
"""

from __future__ import annotations

import math
from copy import copy
from typing import Any, Final

from elementpath.datatypes import UntypedAtomic
from elementpath.xpath31 import XPath31Parser
from elementpath.xpath_nodes import XPathNode
from elementpath.xpath_tokens import XPathToken

from clacks_events.errors import EvaluationError
from clacks_events.filter.xquery.arithmetic import arithmetic_of, negate
from clacks_events.filter.xquery.base import Item, derive, sequence
from clacks_events.filter.xquery.casting import CASTS

__all__ = ["TOKENS", "arithmetic", "is_readable"]

_DOUBLE: Final = CASTS["{http://www.w3.org/2001/XMLSchema}double"]
_ROUNDING: Final = ("abs", "ceiling", "floor", "round", "round-half-to-even")
_FUNCTIONS: Final = (*_ROUNDING, "avg", "number", "sum")


def arithmetic(self: Any, context: Any = None) -> Any:
    """Evaluate an arithmetic operator; nothing if an operand is empty."""
    operands = []
    for token in self:
        values = list(token.atomization(copy(context)))
        if len(values) > 1:
            raise self.error("XPTY0004", f"an operand of {self.symbol} is more than one value")
        if not values:
            return []
        operands += values
    try:
        if len(operands) == 1:
            return negate(operands[0]) if self.symbol == "-" else negate(negate(operands[0]))
        return arithmetic_of(self.symbol)(*operands)
    except EvaluationError as fault:
        raise self.error(fault.code or "FORG0001", str(fault)) from fault


def _function(name: str) -> type[XPathToken]:
    base: Any = XPath31Parser.symbol_table[name]

    def evaluate(self: Any, context: Any = None) -> Any:
        items = sequence(self[0], context) if self._items or context is None else [context.item]
        if all(map(is_readable, items)):
            return base.evaluate(self, context)
        if name == "number" and len(items) == 1:
            return math.nan
        raise self.error("FORG0001", f"an argument of {name}() is no number")

    return derive(name, evaluate=evaluate)


def is_readable(item: Item) -> bool:
    """Tell whether an item is not text without a type, or is a number as text."""
    if not isinstance(item, (XPathNode, UntypedAtomic)):
        return True
    try:
        _DOUBLE(item.string_value if isinstance(item, XPathNode) else item.value)
    except EvaluationError:
        return False
    return True


TOKENS: Final[dict[str, type[XPathToken]]] = {
    **{symbol: derive(symbol, evaluate=arithmetic) for symbol in ("+", "-", "div", "idiv", "mod")},
    **{name: _function(name) for name in _FUNCTIONS},
}
