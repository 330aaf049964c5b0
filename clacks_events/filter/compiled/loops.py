"""Clauses and quantifiers: what binds variables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cmp_to_key
from typing import TYPE_CHECKING, Any, Final

from clacks_events.filter import nodes
from clacks_events.filter.compiled.branches import truth_code
from clacks_events.filter.compiled.code import (
    Binding,
    Code,
    Count,
    Frame,
    NotLowerable,
    Order,
    Run,
    Scope,
    ordered,
)
from clacks_events.filter.compiled.truth import test_of
from clacks_events.filter.compiled.type_checks import checked
from clacks_events.filter.compiled.values import optional_atom
from clacks_events.filter.items import Item
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.xquery.atomic import order as order_of

if TYPE_CHECKING:
    from clacks_events.filter.compiled.lowering import Lowering

__all__ = ["LOWERED", "listed", "single"]

Bind = Callable[[Iterator[None], Item, Frame], Iterator[None]]
"""One clause: for each state of the frame before it, the states after it."""


def single(slot: int, like: Code, count: Count = Count.ONE) -> Binding:
    """Return a variable whose slot holds one item (or None if there may be none)."""

    def one(item: Item, frame: Frame) -> Item:
        return frame[slot]

    def items(item: Item, frame: Frame) -> Iterable[Item]:
        found = frame[slot]
        return () if found is None else (found,)

    code = Code(items, like.kind, count, like.place, Order.FLAT, one=one)
    return Binding(slot, code)


def listed(slot: int, like: Code) -> Binding:
    """Return a variable whose slot holds a list."""
    order = Order.SORTED if like.order is Order.LOOSE else like.order
    code = Code(lambda item, frame: frame[slot], like.kind, like.count, like.place, order)
    return Binding(slot, code)


def _for(lowering: Lowering, clause: nodes.ForClause, scope: Scope) -> tuple[Bind, Scope]:
    source = lowering.lower(clause.items, scope)
    if clause.type is not None:
        source = checked(source, replace(clause.type, occurrence="*"))
    slot = lowering.new_slot()
    count = Count.OPTIONAL if clause.allows_empty else Count.ONE
    scope = scope.with_variable(clause.name, single(slot, source, count))
    position = None
    if clause.position is not None:
        position = lowering.new_slot()
        number = Code(lambda item, frame: (), Kind.NUMBER)
        scope = scope.with_variable(clause.position, single(position, number))
    return _loop(ordered(source), slot, position, clause.allows_empty), scope


def _loop(items: Run, slot: int, position: int | None, allows_empty: bool) -> Bind:
    def bind(states: Iterator[None], item: Item, frame: Frame) -> Iterator[None]:
        for _ in states:
            number = 0
            for number, found in enumerate(items(item, frame), 1):
                frame[slot] = found
                if position is not None:
                    frame[position] = number
                yield
            if allows_empty and not number:
                frame[slot] = None
                if position is not None:
                    frame[position] = 0
                yield

    return bind


def _let(lowering: Lowering, clause: nodes.LetClause, scope: Scope) -> tuple[Bind, Scope]:
    value = lowering.lower(clause.value, scope)
    if clause.type is not None:
        value = checked(value, clause.type)
    slot = lowering.new_slot()
    if value.one is not None:
        one = value.one
        return _assign(one, slot), scope.with_variable(
            clause.name, single(slot, value, value.count)
        )
    items = ordered(value)
    binding = listed(slot, value)
    return _assign(lambda item, frame: list(items(item, frame)), slot), scope.with_variable(
        clause.name, binding
    )


def _assign(value: Callable[[Item, Frame], Any], slot: int) -> Bind:
    def bind(states: Iterator[None], item: Item, frame: Frame) -> Iterator[None]:
        for _ in states:
            frame[slot] = value(item, frame)
            yield

    return bind


def _where(lowering: Lowering, clause: nodes.WhereClause, scope: Scope) -> tuple[Bind, Scope]:
    test = test_of(lowering.lower(clause.condition, scope))

    def bind(states: Iterator[None], item: Item, frame: Frame) -> Iterator[None]:
        return (None for _ in states if test(item, frame))

    return bind, scope


def _order_by(lowering: Lowering, clause: nodes.OrderClause, scope: Scope) -> tuple[Bind, Scope]:
    keys = [
        (optional_atom(lowering.lower(key.value, scope), "a key of order by"), key)
        for key in clause.keys
    ]

    def compare(left: tuple[list[Any], Frame], right: tuple[list[Any], Frame]) -> int:
        for (_, key), one, other in zip(keys, left[0], right[0], strict=True):
            sign = order_of(one, other, key.is_empty_greatest)
            if sign:
                return -sign if key.is_descending else sign
        return 0

    def bind(states: Iterator[None], item: Item, frame: Frame) -> Iterator[None]:
        rows = [([value(item, frame) for value, _ in keys], frame.copy()) for _ in states]
        for _, saved in sorted(rows, key=cmp_to_key(compare)):
            frame[:] = saved
            yield

    return bind, scope


_CLAUSES: Final[Mapping[type, Callable[..., tuple[Bind, Scope]]]] = {
    nodes.ForClause: _for,
    nodes.LetClause: _let,
    nodes.WhereClause: _where,
    nodes.OrderClause: _order_by,
}


def _bindings(
    lowering: Lowering, clauses: Iterable[nodes.Clause], scope: Scope
) -> tuple[list[Bind], Scope]:
    binds = []
    for clause in clauses:
        bind, scope = _CLAUSES[type(clause)](lowering, clause, scope)
        binds.append(bind)
    return binds, scope


def _states(binds: list[Bind], item: Item, frame: Frame) -> Iterator[None]:
    states: Iterator[None] = iter((None,))
    for bind in binds:
        states = bind(states, item, frame)
    return states


def _flwor(lowering: Lowering, node: nodes.Flwor, scope: Scope) -> Code:
    binds, inner = _bindings(lowering, node.clauses, scope)
    result = lowering.lower(node.result, inner)
    if all(isinstance(clause, nodes.LetClause) for clause in node.clauses):
        return _lets(binds, result)
    items = ordered(result)

    def run(item: Item, frame: Frame) -> Iterable[Item]:
        return (found for _ in _states(binds, item, frame) for found in items(item, frame))

    return Code(run, result.kind, Count.MANY, result.place, Order.RAW)


def _lets(binds: list[Bind], result: Code) -> Code:
    """Return an expression behind lets alone: it is evaluated once, and keeps its form."""
    one, items, test = result.one, ordered(result), test_of(result)

    def assign(item: Item, frame: Frame) -> None:
        for _ in _states(binds, item, frame):
            pass

    def run(item: Item, frame: Frame) -> Iterable[Item]:
        assign(item, frame)
        return items(item, frame)

    def run_one(item: Item, frame: Frame) -> Item:
        assign(item, frame)
        return None if one is None else one(item, frame)

    def run_test(item: Item, frame: Frame) -> bool:
        assign(item, frame)
        return test(item, frame)

    order = Order.SORTED if result.order is Order.LOOSE else result.order
    return replace(
        result,
        items=run,
        one=None if one is None else run_one,
        test=run_test,
        order=order,
        constant=None,
    )


def _quantified(lowering: Lowering, node: nodes.Quantified, scope: Scope) -> Code:
    binds, inner = _bindings(lowering, node.bindings, scope)
    test = test_of(lowering.lower(node.condition, inner))
    decide = any if node.quantifier == "some" else all

    def run(item: Item, frame: Frame) -> bool:
        return decide(test(item, frame) for _ in _states(binds, item, frame))

    return truth_code(run)


def _variable(lowering: Lowering, node: nodes.Variable, scope: Scope) -> Code:
    if node.name not in scope.variables:
        raise NotLowerable(f"the variable ${node.name}")
    return scope.variables[node.name].code


LOWERED: Final[Mapping[type, Callable[..., Code]]] = {
    nodes.Flwor: _flwor,
    nodes.Quantified: _quantified,
    nodes.Variable: _variable,
}
