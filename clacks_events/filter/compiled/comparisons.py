"""General and value comparisons (XPath 3.1 §3.7), by what is known of their operands."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from clacks_events.filter import nodes
from clacks_events.filter.compiled.branches import constant_code, truth_code
from clacks_events.filter.compiled.code import (
    Code,
    Count,
    Frame,
    NotLowerable,
    One,
    Order,
    Place,
    Scope,
    Test,
    merged,
    sorted_nodes,
)
from clacks_events.filter.compiled.values import (
    atomized,
    optional_atom,
    optional_node,
    text_in,
    texts,
)
from clacks_events.filter.items import Item, string_value
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.xquery.atomic import compare_of, double, general_of

if TYPE_CHECKING:
    from clacks_events.filter.compiled.lowering import Lowering

__all__ = ["LOWERED"]

Holds = Callable[[Any, Any], bool]

_OPERATORS: Final[Mapping[str, Holds]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MIRRORED: Final = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_NODES: Final = frozenset(("is", "<<", ">>"))
_VALUE: Final = frozenset(("eq", "ne", "lt", "le", "gt", "ge"))


def _comparison(lowering: Lowering, node: nodes.Comparison, scope: Scope) -> Code:
    left, right = lowering.lower(node.left, scope), lowering.lower(node.right, scope)
    if node.operator in _VALUE:
        return _value_comparison(node.operator, left, right)
    if node.operator in _NODES:
        return _node_comparison(node.operator, left, right)
    return truth_code(_general(node.operator, left, right))


def _general(symbol: str, left: Code, right: Code) -> Test:
    if right.is_nodes and not left.is_nodes:
        # Which side is looked at first shows in errors only, of which untyped text has none
        # before it meets the other side.
        left, right, symbol = right, left, _MIRRORED[symbol]
    if not left.is_nodes or Place.ANY in (left.place, right.place if right.is_nodes else None):
        return _atoms(symbol, left, right)
    if right.is_nodes:
        return _texts_with_texts(symbol, left, right)
    if right.constant is not None:
        return _with_constant(symbol, left, right)
    if right.kind is Kind.NUMBER:
        return _with_numbers(symbol, left, right)
    return _atoms(symbol, left, right)


def _with_constant(symbol: str, left: Code, right: Code) -> Test:
    values = right.constant if isinstance(right.constant, tuple) else (right.constant,)
    if all(isinstance(value, str) for value in values):
        return _with_strings(symbol, left, tuple(map(str, values)))
    if right.kind is not Kind.NUMBER:
        return _atoms(symbol, left, right)
    if len(values) == 1:
        return _with_number(symbol, left, values[0])
    return _with_numbers(symbol, left, right)


def _with_strings(symbol: str, left: Code, values: tuple[str, ...]) -> Test:
    if symbol == "=" and left.place in (Place.ELEMENT, Place.ATTRIBUTE):
        return _one_of(left, frozenset(values))
    found, holds = texts(left), _OPERATORS[symbol]
    return lambda item, frame: any(
        holds(text, value) for text in found(item, frame) for value in values
    )


def _one_of(left: Code, values: frozenset[str]) -> Test:
    items = left.items
    if left.place is Place.ATTRIBUTE:
        return lambda item, frame: any(node.value in values for node in items(item, frame))

    def test(item: Item, frame: Frame) -> bool:
        # Written out, since most filters spend all their time here.
        for node in items(item, frame):
            text = string_value(node) if len(node) else node.text or ""
            if text in values:
                return True
        return False

    return test


def _with_number(symbol: str, left: Code, value: Any) -> Test:
    items, holds, number, text_of = left.items, _OPERATORS[symbol], _as_double(value), text_in(left)

    def test(item: Item, frame: Frame) -> bool:
        for node in items(item, frame):  # noqa: SIM110, a generator costs as much as the rest
            if holds(double(text_of(node)), number):
                return True
        return False

    return test


def _as_double(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _with_numbers(symbol: str, left: Code, right: Code) -> Test:
    if right.one is not None:
        return _with_one_number(symbol, left, right.one)
    found, numbers, holds = texts(left), right.items, _OPERATORS[symbol]

    def test(item: Item, frame: Frame) -> bool:
        values = [_as_double(value) for value in numbers(item, frame)]
        return bool(values) and any(
            holds(number, value) for number in map(double, found(item, frame)) for value in values
        )

    return test


def _with_one_number(symbol: str, left: Code, right: One) -> Test:
    items, holds, text_of = left.items, _OPERATORS[symbol], text_in(left)

    def test(item: Item, frame: Frame) -> bool:
        value = right(item, frame)
        if value is None:
            return False
        number = _as_double(value)
        return any(holds(double(text_of(node)), number) for node in items(item, frame))

    return test


def _texts_with_texts(symbol: str, left: Code, right: Code) -> Test:
    found, others, holds = texts(left), texts(right), _OPERATORS[symbol]
    if symbol == "=":
        return lambda item, frame: not frozenset(others(item, frame)).isdisjoint(found(item, frame))

    def test(item: Item, frame: Frame) -> bool:
        values = list(others(item, frame))
        return any(holds(text, value) for text in found(item, frame) for value in values)

    return test


def _atoms(symbol: str, left: Code, right: Code) -> Test:
    if (
        left.one is not None
        and right.one is not None
        and not (_has_nodes(left) or _has_nodes(right))
    ):
        return _one_atom(general_of(symbol), left.one, right.one)
    ours, theirs, general = atomized(left), atomized(right), general_of(symbol)

    def test(item: Item, frame: Frame) -> bool:
        values = list(theirs(item, frame))
        return bool(values) and any(
            general(one, other) for one in ours(item, frame) for other in values
        )

    return test


def _has_nodes(code: Code) -> bool:
    return code.kind in (Kind.NODES, Kind.ANY)


def _one_atom(general: Holds, left: One, right: One) -> Test:
    def test(item: Item, frame: Frame) -> bool:
        value = right(item, frame)
        if value is None:
            return False
        other = left(item, frame)
        return other is not None and general(other, value)

    return test


def _value_comparison(symbol: str, left: Code, right: Code) -> Code:
    ours, theirs = optional_atom(left, symbol), optional_atom(right, symbol)
    compare = compare_of(symbol)

    def one(item: Item, frame: Frame) -> bool | None:
        first, second = ours(item, frame), theirs(item, frame)
        if first is None or second is None:
            return None
        return compare(first, second)

    is_one = left.count is Count.ONE and right.count is Count.ONE
    return _optional_truth(one, Count.ONE if is_one else Count.OPTIONAL)


def _optional_truth(one: Callable[[Item, Frame], bool | None], count: Count) -> Code:
    def items(item: Item, frame: Frame) -> Iterable[bool]:
        found = one(item, frame)
        return () if found is None else (found,)

    def test(item: Item, frame: Frame) -> bool:
        return bool(one(item, frame))

    return Code(items, Kind.BOOLEAN, count, one=one, test=test)


def _node_comparison(symbol: str, left: Code, right: Code) -> Code:
    if not (left.is_nodes and right.is_nodes):
        raise NotLowerable(f"the operator {symbol} on what may be no nodes")
    ours, theirs = (optional_node(code, f"an operand of {symbol}") for code in (left, right))

    def one(item: Item, frame: Frame) -> bool | None:
        # The right operand is looked at only beside a left one: it may be an error.
        first = ours(item, frame)
        second = None if first is None else theirs(item, frame)
        if first is None or second is None:
            return None
        if symbol == "is" or first == second:
            return bool(first == second) and symbol == "is"
        sorted_first = sorted_nodes((first, second), frame)[0]
        return bool(sorted_first == first) is (symbol == "<<")

    return _optional_truth(one, Count.OPTIONAL)


def _literal(lowering: Lowering, node: nodes.Literal, scope: Scope) -> Code:
    return constant_code(node.value, _kind(node.value))


def _kind(value: object) -> Kind:
    if isinstance(value, bool):
        return Kind.BOOLEAN
    if isinstance(value, str):
        return Kind.STRING
    return Kind.NUMBER if isinstance(value, (int, float, Decimal)) else Kind.ATOMIC


def _sequence(lowering: Lowering, node: nodes.Sequence, scope: Scope) -> Code:
    parts = [lowering.lower(part, scope) for part in node.items]
    runs = [part.items for part in parts]
    kinds = {part.kind for part in parts}
    constants = tuple(part.constant for part in parts)
    return Code(
        lambda item, frame: chain.from_iterable(run(item, frame) for run in runs),
        merged(kinds),
        Count.MANY,
        constant=constants if parts and None not in constants else None,
        order=Order.RAW,
    )


LOWERED: Final[Mapping[type, Callable[..., Code]]] = {
    nodes.Comparison: _comparison,
    nodes.Literal: _literal,
    nodes.Sequence: _sequence,
}
