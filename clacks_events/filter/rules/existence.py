"""Paths as conditions: the last predicate becomes a longer path or a comparison.

``P[a]`` is ``P/a``, and ``P[a = 'x']`` is ``P/a = 'x'``: what matters is that there is one.
"""

from __future__ import annotations

from typing import Final

from clacks_events.filter.nodes import Comparison, Node, Path, Start, Step
from clacks_events.filter.nodes.facts import GENERAL, can_fail, kind
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.nodes.walk import depends_on_focus
from clacks_events.filter.rules.rule import Position, Rule

__all__ = ["RULES"]


def _longer(node: Node) -> Node:
    """The last predicate of a path goes behind the path."""
    if not isinstance(node, Path) or kind(node) is not Kind.NODES:
        return node
    predicates = node.steps[-1].predicates if node.steps else node.predicates
    if not predicates or can_fail(predicates[-1]):
        return node
    match predicates[-1]:
        case Path(Start.CONTEXT) as inner:
            return _extended(_bare(node), inner)
        case Comparison(operator, Path(Start.CONTEXT) as inner, value) if operator in GENERAL:
            if not depends_on_focus(value):
                return Comparison(operator, _extended(_bare(node), inner), value)
    return node


def _bare(path: Path) -> Path:
    """Return a path without its last predicate."""
    if not path.steps:
        return Path(path.start, (), path.predicates[:-1])
    *before, last = path.steps
    step = Step(last.axis, last.test, last.predicates[:-1])
    return Path(path.start, (*before, step), path.predicates)


def _extended(path: Path, inner: Path) -> Path:
    if inner.predicates:
        return Path(path, inner.steps, inner.predicates)
    return Path(path.start, (*path.steps, *inner.steps), path.predicates)


RULES: Final = (Rule("last predicate", _longer, (Path,), Position.CONDITION),)
