"""``for`` as a condition: a path, if all that it returns are nodes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from clacks_events.filter.nodes import (
    Clause,
    Flwor,
    ForClause,
    Node,
    OrderClause,
    Path,
    Variable,
    WhereClause,
)
from clacks_events.filter.nodes.facts import at_most_one, can_fail, kind
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.nodes.walk import substitute, uses
from clacks_events.filter.rules.making import CONTEXT, all_of, filtered
from clacks_events.filter.rules.quantified import predicate_of
from clacks_events.filter.rules.rule import Position, Rule

__all__ = ["RULES"]


def _path(node: Node) -> Node:
    """``for $x in P where c return $x/a`` is ``P[c]/a``."""
    match node:
        case Flwor((*before, ForClause() as loop), result) if _is_plain(loop, before):
            return _replaced(before, loop, None, result) or node
        case Flwor((*before, ForClause() as loop, WhereClause(c)), result):
            return (_is_plain(loop, before) and _replaced(before, loop, c, result)) or node
        case _:
            return node


def _is_plain(loop: ForClause, before: list[Clause]) -> bool:
    if loop.position is not None or loop.type is not None or loop.allows_empty:
        return False
    return kind(loop.items) is Kind.NODES and not _item_can_fail(loop.items, before)


def _item_can_fail(value: Node, clauses: Iterable[Clause]) -> bool:
    """Tell whether an expression may fail if the variables of loops are nodes."""
    item = _about_nodes(value, clauses)
    return item is None or can_fail(item)


def _about_nodes(value: Node, clauses: Iterable[Clause]) -> Node | None:
    """Return an expression with the context item, a node, in place of the nodes of loops."""
    item: Node | None = value
    for clause in clauses:
        is_loop = isinstance(clause, ForClause) and kind(clause.items) is Kind.NODES
        if item is not None and is_loop and isinstance(clause, ForClause):
            item = substitute(item, clause.name, CONTEXT)
    return item


def _replaced(
    before: list[Clause], loop: ForClause, condition: Node | None, result: Node
) -> Node | None:
    items: Node = loop.items
    if condition is not None:
        inner = predicate_of(loop.name, items, condition)
        if inner is None:
            return None
        items = filtered(items, inner)
    path = _result(loop.name, items, result)
    if path is None or _item_can_fail(path, before):
        return None
    return Flwor(tuple(before), path) if before else path


def _result(name: str, items: Node, result: Node) -> Node | None:
    match result:
        case Variable(used) if used == name:
            return items
        case Path(Variable(used), steps, ()) if used == name:
            inside = any(uses(p, name) for step in steps for p in step.predicates)
            return None if inside else Path(items, steps)
        case _:
            return None


def _two_conditions(node: Node) -> Node:
    """``where a where b`` is ``where a and b``."""
    match node:
        case Flwor(clauses, result):
            for place in range(1, len(clauses)):
                match clauses[place - 1 : place + 1]:
                    case (WhereClause(one), WhereClause(two)):
                        both = WhereClause(all_of((one, two)))
                        return Flwor((*clauses[: place - 1], both, *clauses[place + 1 :]), result)
    return node


def _order(node: Node) -> Node:
    """The order of nodes is nothing to a condition."""
    match node:
        case Flwor(clauses, result) if kind(result) is Kind.NODES:
            kept = tuple(c for c in clauses if not _is_idle(c, clauses))
            return node if len(kept) == len(clauses) else Flwor(kept, result)
        case _:
            return node


def _is_idle(clause: Clause, clauses: tuple[Clause, ...]) -> bool:
    if not isinstance(clause, OrderClause):
        return False
    return all(_is_safe(_about_nodes(key.value, clauses)) for key in clause.keys)


def _is_safe(key: Node | None) -> bool:
    """Tell whether a key is at most one value, of one kind whatever the item, without errors."""
    if key is None or can_fail(key) or not at_most_one(key):
        return False
    return kind(key) is not Kind.ANY


RULES: Final = (
    Rule("two conditions", _two_conditions, (Flwor,)),
    Rule("order of nodes", _order, (Flwor,), Position.CONDITION),
    Rule("loop as a path", _path, (Flwor,), Position.CONDITION),
)
