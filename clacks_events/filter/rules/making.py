"""Nodes that rules make."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from clacks_events.filter.nodes import (
    FN,
    And,
    Call,
    Comparison,
    Literal,
    Node,
    Or,
    Path,
    Quantified,
    Sequence,
    Start,
    Step,
)
from clacks_events.filter.nodes.facts import GENERAL, is_position, kind
from clacks_events.filter.nodes.kinds import Kind

__all__ = [
    "CONTEXT",
    "EMPTY",
    "FALSE",
    "TRUE",
    "all_of",
    "any_of",
    "boolean",
    "exists",
    "filtered",
    "is_false",
    "is_true",
    "negated",
    "truth",
]

TRUE: Final = Literal(True)
FALSE: Final = Literal(False)
EMPTY: Final = Sequence(())
CONTEXT: Final = Path(Start.CONTEXT)


def is_true(node: Node) -> bool:
    """Tell whether a node is the constant ``true()``; the number 1 is not."""
    return _is_constant(node, True, f"{FN}true")


def is_false(node: Node) -> bool:
    """Tell whether a node is the constant ``false()``."""
    return _is_constant(node, False, f"{FN}false")


def _is_constant(node: Node, value: bool, name: str) -> bool:
    if isinstance(node, Call):
        return node.name == name and not node.arguments
    return isinstance(node, Literal) and node.value is value


def _is_boolean(node: Node) -> bool:
    """Tell whether a node gives exactly one truth value, if any."""
    match node:
        case And() | Or() | Quantified():
            return True
        case Comparison(operator):
            return operator in GENERAL
        case Literal() | Call():
            return kind(node) is Kind.BOOLEAN
        case _:
            return False


def boolean(node: Node) -> Node:
    """Return the effective boolean value of a node as a value."""
    return node if _is_boolean(node) else Call(f"{FN}boolean", (node,))


def truth(node: Node) -> Node:
    """Return a condition that is no position when it is put into a predicate."""
    return Call(f"{FN}boolean", (node,)) if is_position(node) else node


def negated(node: Node) -> Node:
    """Return ``not(node)``."""
    return Call(f"{FN}not", (node,))


def exists(node: Node) -> Node:
    """Return ``exists(node)``; a condition on nodes is true when there are any."""
    return Call(f"{FN}exists", (node,))


def all_of(parts: Iterable[Node]) -> Node:
    """Return the conjunction, a truth value, of any number of conditions."""
    given = tuple(parts)
    if not given:
        return TRUE
    return And(given) if len(given) > 1 else boolean(given[0])


def any_of(parts: Iterable[Node]) -> Node:
    """Return the disjunction, a truth value, of any number of conditions."""
    given = tuple(parts)
    if not given:
        return FALSE
    return Or(given) if len(given) > 1 else boolean(given[0])


def filtered(nodes: Node, condition: Node) -> Path:
    """Return ``nodes[condition]`` for a condition that asks for no position."""
    test = truth(condition)
    if not isinstance(nodes, Path):
        return Path(nodes, (), (test,))
    if not nodes.steps:
        return Path(nodes.start, (), (*nodes.predicates, test))
    *before, last = nodes.steps
    step = Step(last.axis, last.test, (*last.predicates, test))
    return Path(nodes.start, (*before, step), nodes.predicates)
