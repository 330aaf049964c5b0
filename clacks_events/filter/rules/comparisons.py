"""Comparisons: the literal on the right, ``=`` for ``eq``, one list for many values."""

from __future__ import annotations

from typing import Final

from clacks_events.filter.nodes import (
    FN,
    Call,
    Comparison,
    Literal,
    Node,
    Or,
    Sequence,
    Union,
)
from clacks_events.filter.nodes.facts import GENERAL, at_most_one, can_fail, kind, truth_can_fail
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.rules.making import FALSE, any_of, boolean, negated
from clacks_events.filter.rules.rule import Position, Rule

__all__ = ["RULES"]

_MIRRORED: Final = {
    "=": "=",
    "!=": "!=",
    "<": ">",
    "<=": ">=",
    ">": "<",
    ">=": "<=",
    "eq": "eq",
    "ne": "ne",
    "lt": "gt",
    "le": "ge",
    "gt": "lt",
    "ge": "le",
}
_GENERAL: Final = {"eq": "=", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_TEXTS: Final = (Kind.NODES, Kind.STRING)


def _is_constant(node: Node) -> bool:
    """Tell whether a node is a literal or several of one kind."""
    if isinstance(node, Sequence):
        return kind(node) is not Kind.ANY and all(isinstance(n, Literal) for n in node.items)
    return isinstance(node, Literal)


def _mirrored(node: Node) -> Node:
    """``5 < P`` is ``P > 5``."""
    match node:
        case Comparison(operator, Literal() | Sequence() as left, right) if _is_constant(left):
            # Several values would be compared in another order, and an error met sooner.
            is_sure = isinstance(left, Literal) or not can_fail(node)
            if operator in _MIRRORED and is_sure and not _is_constant(right):
                return Comparison(_MIRRORED[operator], right, left)
    return node


def _general(node: Node) -> Node:
    """``eq`` as a condition is ``=`` where both sides are single and of one kind."""
    match node:
        case Comparison(operator, left, right) if operator in _GENERAL:
            # The left side of a general comparison is not asked when the right one is empty.
            is_sure = isinstance(right, Literal) or not can_fail(left)
            if is_sure and at_most_one(left) and at_most_one(right) and _alike(left, right):
                return Comparison(_GENERAL[operator], left, right)
    return node


def _alike(left: Node, right: Node) -> bool:
    kinds = kind(left), kind(right)
    return all(k in _TEXTS for k in kinds) or (kinds[0] is kinds[1] and kinds[0] is not Kind.ANY)


def _sorted(node: Node) -> Node:
    """``P = ('b', 'a', 'b')`` is ``P = ('a', 'b')``."""
    match node:
        case Comparison(operator, left, Sequence(items)) if operator in GENERAL:
            values = _in_order(items)
            if values is not None and [*map(id, values)] != [*map(id, items)]:
                return Comparison(operator, left, _listed(values))
            if len(items) == 1:
                return Comparison(operator, left, items[0])
    return node


def _in_order(items: tuple[Node, ...]) -> list[Literal] | None:
    """Return the items without duplicates and in order, if all are strings or all numbers."""
    literals = [item for item in items if isinstance(item, Literal)]
    if len(literals) < len(items) or kind(Sequence(items)) not in (Kind.STRING, Kind.NUMBER):
        return None
    unique = {(str(type(item.value)), item.value): item for item in reversed(literals)}
    return [unique[key] for key in sorted(unique)] if len(items) > 1 else None


def _listed(values: list[Literal]) -> Node:
    return values[0] if len(values) == 1 else Sequence(tuple(values))


def _merged(node: Node) -> Node:
    """``P = 'a' or P = 'b'`` is ``P = ('a', 'b')``."""
    match node:
        case Or(parts):
            groups = _grouped(parts)
            if len(groups) < len(parts):
                return any_of(map(_of_group, groups))
    return node


def _grouped(parts: tuple[Node, ...]) -> list[list[Node]]:
    """Put comparisons of one side with strings together, up to the next part that may fail."""
    groups: list[list[Node]] = []
    places: dict[str, list[Node]] = {}
    for part in parts:
        values = _strings(part)
        if values is None or not isinstance(part, Comparison):
            if truth_can_fail(part):
                places.clear()
            groups.append([part])
        elif (side := repr(part.left)) in places:
            places[side].append(part)
        else:
            groups.append([part])
            places[side] = groups[-1]
    return groups


def _of_group(group: list[Node]) -> Node:
    first = group[0]
    if len(group) == 1 or not isinstance(first, Comparison):
        return first
    values = (value for part in group for value in _strings(part) or ())
    return Comparison("=", first.left, Sequence(tuple(values)))


def _strings(part: Node) -> tuple[Node, ...] | None:
    """Return the strings that something is compared with, if that cannot fail."""
    match part:
        case Comparison("=", left, Literal(str()) as value) if _is_safe(left):
            return (value,)
        case Comparison("=", left, Sequence(items)) if _is_safe(left):
            return (
                items if kind(Sequence(items)) is Kind.STRING and _is_constant(part.right) else None
            )
        case _:
            return None


def _is_safe(left: Node) -> bool:
    return kind(left) in _TEXTS and not can_fail(left)


def _with_boolean(node: Node) -> Node:
    """``x = true()`` is ``x`` for a truth value, ``x = false()`` is ``not(x)``."""
    match node:
        case Comparison("=" | "eq", left, Literal(bool(wanted))) if boolean(left) is left:
            return left if wanted else negated(left)
        case Comparison("!=" | "ne", left, Literal(bool(wanted))) if boolean(left) is left:
            return negated(left) if wanted else left
    return node


def _of_union(node: Node) -> Node:
    """``(P | Q) = 'x'`` is ``P = 'x' or Q = 'x'``."""
    match node:
        case Comparison(operator, Union(parts) | Sequence(parts), right) if operator in GENERAL:
            if parts and _is_constant(right) and not can_fail(node):
                return any_of(Comparison(operator, part, right) for part in parts)
    return node


def _with_nothing(node: Node) -> Node:
    """A comparison with no items is false, if the other side cannot fail."""
    match node:
        case Comparison(operator, left, right) if _is_empty(left) or _is_empty(right):
            if operator in GENERAL and not can_fail(left) and not can_fail(right):
                return FALSE
    return node


def _is_empty(node: Node) -> bool:
    return isinstance(node, Sequence) and not node.items


def _as_is(node: Node) -> Node:
    """``data(P)`` beside an operator is ``P``, ``string(P) = 'x'`` is ``P = 'x'``."""
    match node:
        case Comparison(operator, Call(name, (value,)), right) if name == f"{FN}data":
            if operator not in ("is", "<<", ">>"):
                return Comparison(operator, value, right)
        case Comparison("=" as operator, Call(name, (value,)), right) if name == f"{FN}string":
            if _is_text(value) and _is_wanted(right):
                return Comparison(operator, value, right)
    return node


def _is_text(value: Node) -> bool:
    return at_most_one(value) and kind(value) in _TEXTS


def _is_wanted(right: Node) -> bool:
    """Tell whether the right side is one or more strings, none of them empty."""
    values = right.items if isinstance(right, Sequence) else (right,)
    return all(isinstance(v, Literal) and isinstance(v.value, str) and v.value for v in values)


RULES: Final = (
    Rule("literal on the right", _mirrored, (Comparison,)),
    Rule("nothing to compare", _with_nothing, (Comparison,)),
    Rule("comparison with a truth value", _with_boolean, (Comparison,)),
    Rule("data and string", _as_is, (Comparison,)),
    Rule("sorted list", _sorted, (Comparison,)),
    Rule("comparison of a union", _of_union, (Comparison,)),
    Rule("one list", _merged, (Or,)),
    Rule("general comparison", _general, (Comparison,), Position.CONDITION),
)
