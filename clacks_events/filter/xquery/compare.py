"""Comparisons for elementpath's tokens: those of :mod:`comparison`, with the errors of a token.

elementpath's own compare two untyped values as numbers, integers and doubles exactly, and put
dates into a wrong order where a time zone reaches over the turn of the year.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from elementpath.xpath_tokens import XPathToken

from clacks_events.errors import EvaluationError
from clacks_events.filter.xquery import comparison
from clacks_events.filter.xquery.base import Item
from clacks_events.filter.xquery.comparison import SYMBOLS, compare_of, general_of, same

__all__ = ["compare", "general", "order", "same"]

R = TypeVar("R")

_VALUE: Final = {symbol: compare_of(symbol) for symbol in SYMBOLS}
_GENERAL: Final = {symbol: general_of(symbol) for symbol in SYMBOLS}


def general(symbol: str, left: Item, right: Item, token: XPathToken) -> bool:
    """Compare one value of each side of a general comparison.

    Raises FORG0001 for an untyped value that is not of the other's type, XPTY0004 for types
    that cannot be compared.
    """
    return _raised(token, lambda: _GENERAL[symbol](left, right))


def compare(symbol: str, left: Item, right: Item, token: XPathToken) -> bool:
    """Compare two values, none of them untyped; raise XPTY0004 if their types do not allow it."""
    return _raised(token, lambda: _VALUE[symbol](left, right))


def order(left: Item, right: Item, empty_greatest: bool, token: XPathToken) -> int:
    """Compare two keys of ``order by``; None is the empty sequence (XQuery 3.1 §3.12.8).

    Returns -1, 0 or 1. Raises XPTY0004 for values of types that have no order.
    """
    return _raised(token, lambda: comparison.order(left, right, empty_greatest))


def _raised(token: XPathToken, action: Callable[[], R]) -> R:
    try:
        return action()
    except EvaluationError as fault:
        raise token.error(fault.code or "FORG0001", str(fault)) from fault
