"""Paths that end in an expression, ``!``, and the operators on sets of nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from clacks_events.filter import nodes
from clacks_events.filter.compiled.code import (
    Code,
    Count,
    Focus,
    Frame,
    NotLowerable,
    Order,
    Run,
    Scope,
    ordered,
    sorted_nodes,
)
from clacks_events.filter.compiled.predicates import asks_for_position, counted
from clacks_events.filter.items import Item
from clacks_events.filter.nodes import Node
from clacks_events.filter.nodes.kinds import Kind

if TYPE_CHECKING:
    from clacks_events.filter.compiled.lowering import Lowering

__all__ = ["LOWERED"]


def _each(lowering: Lowering, node: nodes.Each, scope: Scope) -> Code:
    left = lowering.lower(node.left, scope)
    if not left.is_nodes:
        raise NotLowerable("a step from what may be no node")
    right, run = _inner(lowering, left, node.right, scope)
    if right.kind is Kind.ANY:
        raise NotLowerable("a path that may give nodes and other values")
    return replace(_mapped(left, right, run), order=Order.LOOSE)


def _simple_map(lowering: Lowering, node: nodes.SimpleMap, scope: Scope) -> Code:
    left = lowering.lower(node.left, scope)
    right, run = _inner(lowering, left, node.right, scope)
    return replace(_mapped(left, right, run), order=Order.RAW)


def _inner(lowering: Lowering, left: Code, right: Node, scope: Scope) -> tuple[Code, Run]:
    """Return the right side, and how it is evaluated for each item of the left side."""
    focus = Focus(left.kind, left.place)
    if asks_for_position(right):
        focus = Focus(left.kind, left.place, lowering.new_slot(), lowering.new_slot())
    code = lowering.lower(right, scope.at(focus))
    before, after = ordered(left), code.items
    if focus.position is None:
        return code, lambda item, frame: (
            found for each in before(item, frame) for found in after(each, frame)
        )
    return code, lambda item, frame: (
        found for each in counted(before(item, frame), frame, focus) for found in after(each, frame)
    )


def _mapped(left: Code, right: Code, run: Run) -> Code:
    counts = {left.count, right.count}
    count = Count.ONE if counts == {Count.ONE} else Count.OPTIONAL
    return Code(run, right.kind, Count.MANY if Count.MANY in counts else count, right.place)


def _union(lowering: Lowering, node: nodes.Union, scope: Scope) -> Code:
    runs = [_nodes(lowering, part, scope).items for part in node.parts]

    def run(item: Item, frame: Frame) -> Iterable[Item]:
        return (found for part in runs for found in part(item, frame))

    return Code(run, Kind.NODES, order=Order.LOOSE)


def _set_operation(lowering: Lowering, node: nodes.SetOperation, scope: Scope) -> Code:
    left = _nodes(lowering, node.left, scope).items
    right = _nodes(lowering, node.right, scope).items
    keep = node.operator == "intersect"

    def run(item: Item, frame: Frame) -> Iterable[Item]:
        # Both lists are held, so that lxml keeps one object for each node.
        one, other = list(left(item, frame)), set(right(item, frame))
        return sorted_nodes((n for n in one if (n in other) is keep), frame)

    return Code(run, Kind.NODES, order=Order.SORTED)


def _nodes(lowering: Lowering, node: Node, scope: Scope) -> Code:
    code = lowering.lower(node, scope)
    if not code.is_nodes:
        raise NotLowerable("a union of what may be no nodes")
    return code


LOWERED: Final[Mapping[type, Callable[..., Code]]] = {
    nodes.Each: _each,
    nodes.SimpleMap: _simple_map,
    nodes.Union: _union,
    nodes.SetOperation: _set_operation,
}
