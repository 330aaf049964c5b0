"""``some`` and ``every``: comparisons with all items at once, and paths with predicates."""

from __future__ import annotations

from typing import Final

from clacks_events.filter.nodes import (
    Comparison,
    ForClause,
    Node,
    Path,
    Quantified,
    Start,
    Step,
    Variable,
)
from clacks_events.filter.nodes.facts import GENERAL, at_most_one, can_fail, kind, truth_can_fail
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.nodes.walk import depends_on_focus, size, substitute, uses
from clacks_events.filter.rules.making import (
    CONTEXT,
    all_of,
    any_of,
    boolean,
    exists,
    filtered,
    negated,
)
from clacks_events.filter.rules.rule import Rule

__all__ = ["RULES", "predicate_of"]

_MOST_VARIABLES: Final = 8
_LARGEST: Final = 64  # as many nodes may be made by putting an expression in several places


def _nested(node: Node) -> Node:
    """``some $a in A, $b in B`` is one ``some`` in another."""
    match node:
        case Quantified(word, (first, *rest), condition) if 0 < len(rest) < _MOST_VARIABLES:
            return Quantified(word, (first,), Quantified(word, tuple(rest), condition))
        case _:
            return node


def _unused(node: Node) -> Node:
    """``some $x in P satisfies c`` is ``exists(P) and c`` if ``c`` is not about ``$x``."""
    match node:
        case Quantified(word, (ForClause(name, items, type=None),), condition):
            if uses(condition, name):
                return node
            if word == "some":
                return all_of((exists(items), condition))
            return any_of((negated(exists(items)), condition))
        case _:
            return node


def _of_one(node: Node) -> Node:
    """``some $x in P satisfies c`` of a single ``P`` is ``exists(P) and c``."""
    match node:
        case Quantified(word, (ForClause(name, Path() as items, type=None),), condition):
            if not at_most_one(items) or can_fail(items):
                return node
            if uses(condition, name) * size(items) > _LARGEST:
                return node
            inner = substitute(condition, name, items)
            if inner is None:
                return node
            if word == "some":
                return all_of((exists(items), inner))
            return any_of((negated(exists(items)), inner))
        case _:
            return node


def _compared(node: Node) -> Node:
    """``some $x in P satisfies $x/a = 'v'`` is ``P/a = 'v'``."""
    match node:
        case Quantified("some", (ForClause(name, items, type=None),), condition):
            return _comparison(name, items, condition) or node
        case _:
            return node


def _comparison(name: str, items: Node, condition: Node) -> Node | None:
    match condition:
        case Comparison(operator, left, right) if operator in GENERAL and not uses(right, name):
            if can_fail(right):
                return None
            replaced = _in_place(left, name, items)
            # A comparison that fails must meet the items in the same order as before.
            keeps_order = left == Variable(name) or _is_downwards(items)
            if replaced is not None and (keeps_order or not can_fail(condition)):
                return Comparison(operator, replaced, right)
    return None


def _in_place(left: Node, name: str, items: Node) -> Node | None:
    """Return ``P`` or ``P/a`` for ``$x`` or ``$x/a``."""
    match left:
        case Variable(used) if used == name:
            return items
        case Path(Variable(used), steps, ()) if used == name and kind(items) is Kind.NODES:
            is_plain = not any(uses(p, name) for step in steps for p in step.predicates)
            return Path(items, steps) if is_plain else None
        case _:
            return None


def _is_downwards(items: Node) -> bool:
    """Tell whether no item of a path is inside of another one."""
    return (
        isinstance(items, Path)
        and isinstance(items.start, Start)
        and all(map(_is_child, items.steps))
    )


def _is_child(step: Step) -> bool:
    return step.axis in ("child", "attribute", "self")


def _filter(node: Node) -> Node:
    """``some $x in P satisfies c`` is ``exists(P[c])``, ``every`` is ``not(P[not(c)])``."""
    match node:
        case Quantified(word, (ForClause(name, items, type=None),), condition):
            inner = predicate_of(name, items, condition)
            if inner is None:
                return node
            if word == "some":
                return exists(filtered(items, inner))
            return negated(filtered(items, negated(inner)))
        case _:
            return node


def predicate_of(name: str, items: Node, condition: Node) -> Node | None:
    """Return a condition on a variable as one on the context item, if that means the same."""
    if kind(items) is not Kind.NODES or depends_on_focus(condition):
        return None
    inner = substitute(condition, name, CONTEXT)
    return None if inner is None or truth_can_fail(inner) else boolean(inner)


RULES: Final = (
    Rule("one variable at a time", _nested, (Quantified,)),
    Rule("unused variable", _unused, (Quantified,)),
    Rule("some of one", _of_one, (Quantified,)),
    Rule("some as a comparison", _compared, (Quantified,)),
    Rule("some as a predicate", _filter, (Quantified,)),
)
