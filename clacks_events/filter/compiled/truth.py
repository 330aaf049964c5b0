"""The effective boolean value (XPath 3.1 §2.4.3)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from clacks_events.errors import EvaluationError
from clacks_events.filter.compiled.code import Code, Count, Frame, Test
from clacks_events.filter.items import Item, is_node
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.xquery.atomic import truth

__all__ = ["effective", "is_position", "test_of"]


def effective(items: Iterable[Item]) -> bool:
    """Return the effective boolean value of items; raise FORG0006 if they have none."""
    rest = iter(items)
    for first in rest:
        if is_node(first):
            return True
        for _ in rest:
            raise EvaluationError("several values are neither true nor false", "FORG0006")
        return truth(first)
    return False


def is_position(value: object) -> bool:
    """Tell whether a predicate's value is a number, which is a position."""
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def test_of(code: Code) -> Test:
    """Return the effective boolean value of an expression as a closure."""
    if code.test is not None:
        return code.test
    items = code.items
    if code.is_nodes:
        return _any_node(code)
    if code.kind in (Kind.BOOLEAN, Kind.STRING) and code.one is not None:
        one = code.one
        if code.kind is Kind.BOOLEAN and code.count is Count.ONE:
            return one
        return lambda item, frame: bool(one(item, frame))
    return lambda item, frame: effective(items(item, frame))


def _any_node(code: Code) -> Test:
    items = code.items

    def test(item: Item, frame: Frame) -> bool:
        for _ in items(item, frame):
            return True
        return False

    return test
