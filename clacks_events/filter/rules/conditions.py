"""``and``, ``or``, ``not()``, ``boolean()`` and constants in conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from clacks_events.filter.nodes import (
    FN,
    And,
    Call,
    Each,
    Literal,
    Node,
    Or,
    Path,
    Sequence,
    SimpleMap,
    Union,
)
from clacks_events.filter.nodes.facts import is_position, kind, truth_can_fail
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.rules.making import (
    FALSE,
    TRUE,
    all_of,
    any_of,
    boolean,
    is_false,
    is_true,
    negated,
)
from clacks_events.filter.rules.rule import Position, Rule

__all__ = ["RULES"]


def _flat(node: Node) -> Node:
    """``a and (b and c)`` is ``a and b and c``."""
    match node:
        case And(parts) | Or(parts) if any(type(part) is type(node) for part in parts):
            inner = ((p.parts if isinstance(p, type(node)) else (p,)) for p in parts)
            return type(node)(tuple(part for group in inner for part in group))
        case _:
            return node


def _without_constants(node: Node) -> Node:
    """``x and true()`` is ``x``; what stands behind ``false()`` is never asked."""
    match node:
        case And(parts):
            kept = _until(tuple(p for p in parts if not is_true(p)), is_false)
            if kept and is_false(kept[-1]) and not any(map(truth_can_fail, kept)):
                return FALSE
            return node if kept == parts and len(parts) > 1 else all_of(kept)
        case Or(parts):
            kept = _until(tuple(p for p in parts if not is_false(p)), is_true)
            if kept and is_true(kept[-1]) and not any(map(truth_can_fail, kept)):
                return TRUE
            return node if kept == parts and len(parts) > 1 else any_of(kept)
        case _:
            return node


def _until(parts: tuple[Node, ...], is_last: Callable[[Node], bool]) -> tuple[Node, ...]:
    for count, part in enumerate(parts, 1):
        if is_last(part):
            return parts[:count]
    return parts


def _never(node: Node) -> Node:
    """``x and false()`` is no match, even if ``x`` fails."""
    match node:
        case And(parts) if any(map(is_false, parts)):
            return FALSE
        case _:
            return node


def _once(node: Node) -> Node:
    """``a and b and a`` is ``a and b``."""
    match node:
        case And(parts) | Or(parts) if len(set(parts)) < len(parts):
            # The literals 1, 1.0 and true() are equal in Python, yet not the same.
            kept = {repr(part): part for part in reversed(parts)}
            ordered = dict.fromkeys(map(repr, parts))
            return node if len(kept) == len(parts) else _joined(node, [kept[k] for k in ordered])
        case _:
            return node


def _joined(like: And | Or, parts: list[Node]) -> Node:
    return all_of(parts) if isinstance(like, And) else any_of(parts)


def _called_constant(node: Node) -> Node:
    """``true()`` and ``false()`` are constants."""
    match node:
        case Call(name, ()) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case _:
            return node


_CONSTANTS: Final = {f"{FN}true": TRUE, f"{FN}false": FALSE}


def _constant(node: Node) -> Node:
    """A constant as a condition is true or false, and no items are false."""
    match node:
        case Literal(bool()):
            return node
        case Literal(value):
            return TRUE if value else FALSE
        case Sequence(()):
            return FALSE
        case _:
            return node


def _alternatives(node: Node) -> Node:
    """``(a, b)`` or ``a | b`` of nodes as a condition is ``a or b``."""
    match node:
        case Sequence((part,)):
            return part
        case Sequence(parts) | Union(parts) if all(kind(p) is Kind.NODES for p in parts):
            return node if any(map(truth_can_fail, parts)) else any_of(parts)
        case _:
            return node


def _mapped(node: Node) -> Node:
    """``a ! b`` of nodes as a condition is ``a/b``."""
    match node:
        case SimpleMap(left, right) if kind(left) is kind(right) is Kind.NODES:
            return Each(left, right)
        case _:
            return node


def _boolean(node: Node) -> Node:
    """``boolean(x)`` is ``x`` when it is a truth value already."""
    match node:
        case Call(name, (value,)) if name == f"{FN}boolean" and boolean(value) is value:
            return value
        case _:
            return node


def _condition(node: Node) -> Node:
    """``boolean(x)`` and, for nodes, ``exists(x)`` as conditions are ``x``."""
    match node:
        case Call(name, (value,)) if name == f"{FN}boolean" and not is_position(value):
            return value
        case Call(name, (value,)) if name == f"{FN}exists" and kind(value) is Kind.NODES:
            return value
        case _:
            return node


def _empty(node: Node) -> Node:
    """``empty(x)`` for nodes is ``not(x)``."""
    match node:
        case Call(name, (value,)) if name == f"{FN}empty" and kind(value) is Kind.NODES:
            return negated(value)
        case _:
            return node


def _not(node: Node) -> Node:
    """``not(a or b)`` is ``not(a) and not(b)``, and ``not(not(x))`` is ``x``."""
    match node:
        case Call(name, (value,)) if name == f"{FN}not":
            return _negation(value) or node
        case _:
            return node


def _negation(value: Node) -> Node | None:
    match value:
        case Literal(constant):
            return FALSE if constant else TRUE
        case And(parts):
            return any_of(map(negated, parts))
        case Or(parts):
            return all_of(map(negated, parts))
        case Call(name, (inner,)) if name == f"{FN}not":
            return boolean(inner)
        case Call(name, (inner,)) if name == f"{FN}boolean":
            return negated(inner)
        case _:
            return None


_ANY: Final = (Each, Literal, Path, Sequence, SimpleMap, Union)
_GROUPS: Final = (And, Or)

RULES: Final = (
    Rule("call of a constant", _called_constant, (Call,)),
    Rule("boolean of a truth value", _boolean, (Call,)),
    Rule("empty", _empty, (Call,)),
    Rule("not", _not, (Call,)),
    Rule("flat", _flat, _GROUPS),
    Rule("constant part", _without_constants, _GROUPS),
    Rule("never", _never, (And,), Position.GOAL),
    Rule("duplicate part", _once, _GROUPS),
    Rule("constant condition", _constant, _ANY, Position.CONDITION),
    Rule("boolean and exists", _condition, (Call,), Position.CONDITION),
    Rule("alternatives", _alternatives, (Sequence, Union), Position.CONDITION),
    Rule("map of nodes", _mapped, (SimpleMap,), Position.CONDITION),
)
