"""The conditions that a query consists of, and what each of them looks at."""

from __future__ import annotations

from collections.abc import Iterator

from clacks_events.filter import nodes
from clacks_events.filter.nodes import Node, Path, Start
from clacks_events.filter.nodes.walk import children, free_variables, substitute

__all__ = ["alternatives", "conditions", "looked_at"]


def conditions(node: Node) -> Iterator[Node]:
    """Yield expressions that all have to hold, in the order in which they are looked at."""
    match node:
        case nodes.And(parts):
            for part in parts:
                yield from conditions(part)
        case nodes.Flwor(clauses, result) if all(map(_is_let_or_where, clauses)):
            yield from _of_clauses(clauses, result)
        case _:
            yield node


def _is_let_or_where(clause: nodes.Clause) -> bool:
    return isinstance(clause, nodes.LetClause | nodes.WhereClause)


def _of_clauses(clauses: tuple[nodes.Clause, ...], result: Node) -> Iterator[Node]:
    lets: list[nodes.LetClause] = []
    for clause in clauses:
        if isinstance(clause, nodes.LetClause):
            lets.append(clause)
        elif isinstance(clause, nodes.WhereClause):
            yield from (_below(lets, part) for part in conditions(clause.condition))
    yield from (_below(lets, part) for part in conditions(result))


def _below(lets: list[nodes.LetClause], node: Node) -> Node:
    """Return an expression with values in the place of their variables, where that can be."""
    for let in reversed(lets):
        if let.name in free_variables(node):
            moved = substitute(node, let.name, let.value) if let.type is None else None
            node = nodes.Flwor((let,), node) if moved is None else moved
    return node


def alternatives(node: Node) -> Iterator[Node]:
    """Yield the expressions of which one has to hold."""
    if isinstance(node, nodes.Or):
        for part in node.parts:
            yield from alternatives(part)
    else:
        yield node


def looked_at(node: Node) -> Iterator[Node]:
    """Yield the paths and variables of an expression, without those in predicates.

    In the place of a variable of a loop stands all that it runs through.
    """
    match node:
        case nodes.Variable() | nodes.Each() | nodes.SimpleMap() | Path():
            if node != Path(Start.ROOT):  # the document says nothing
                yield node
        case nodes.Quantified(_, bindings, condition):
            yield from _in_loop(bindings, condition)
        case nodes.Flwor(clauses, result):
            yield from _in_loop(clauses, result)
        case _:
            for child in children(node):
                yield from looked_at(child)


def _in_loop(clauses: tuple[nodes.Clause, ...], result: Node) -> Iterator[Node]:
    if not clauses:
        yield from looked_at(result)
        return
    first, *rest = clauses
    below = nodes.Flwor(tuple(rest), result)
    match first:
        case nodes.ForClause(name, value) | nodes.LetClause(name, value):
            moved = substitute(below, name, value)
            yield from looked_at(value if moved is None else moved)
        case nodes.WhereClause(condition):
            yield from looked_at(condition)
            yield from looked_at(below)
        case nodes.OrderClause():
            yield from looked_at(below)
