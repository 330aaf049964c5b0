"""``if``, ``switch`` and ``typeswitch``."""

from __future__ import annotations

from typing import Final

from clacks_events.filter.nodes import (
    And,
    Comparison,
    Flwor,
    If,
    InstanceOf,
    LetClause,
    Literal,
    NameTest,
    Node,
    Or,
    Path,
    SchemaElementTest,
    Sequence,
    SequenceType,
    Switch,
    TypeCase,
    TypeSwitch,
)
from clacks_events.filter.nodes.facts import (
    always_exists,
    at_most_one,
    can_fail,
    kind,
    truth_can_fail,
)
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.nodes.walk import depth, size
from clacks_events.filter.rules.making import (
    EMPTY,
    all_of,
    any_of,
    boolean,
    is_false,
    is_true,
    negated,
)
from clacks_events.filter.rules.rule import Position, Rule

__all__ = ["RULES"]

_SMALL: Final = 16
_TEXTS: Final = (Kind.NODES, Kind.STRING)


def _chosen(node: Node) -> Node:
    """A choice by a constant is none; ``if (c) then true() else false()`` is ``c``."""
    match node:
        case If(condition, then, otherwise) if is_true(condition) or is_false(condition):
            return then if is_true(condition) else otherwise
        case If(condition, then, otherwise) if is_true(then) and is_false(otherwise):
            return boolean(condition)
        case If(condition, then, otherwise) if is_false(then) and is_true(otherwise):
            return negated(condition)
        case _:
            return node


def _if(node: Node) -> Node:
    """``if (c) then a else b`` as a condition is ``c and a or not(c) and b``."""
    match node:
        case If(condition, then, otherwise) if is_false(otherwise) or otherwise == EMPTY:
            return all_of((condition, then))
        case If(condition, then, otherwise) if is_true(then):
            return any_of((condition, otherwise))
        case If(condition, then, otherwise) if is_false(then):
            return all_of((negated(condition), otherwise))
        case If(condition, then, otherwise) if is_true(otherwise):
            return any_of((negated(condition), then))
        case If(condition, then, otherwise):
            is_small = size(condition) <= _SMALL and depth(node) <= _SMALL
            if truth_can_fail(condition) or not is_small:
                return node
            return Or((And((condition, then)), And((negated(condition), otherwise))))
        case _:
            return node


def _switch(node: Node) -> Node:
    """A switch over single texts is a chain of ``if``."""
    match node:
        case Switch(operand, cases, default) if _is_text(operand) and len(cases) <= _SMALL:
            operands = [value for case in cases for value in case.operands]
            if not all(isinstance(v, Literal) and isinstance(v.value, str) for v in operands):
                return node
            for case in reversed(cases):
                values = case.operands
                wanted = values[0] if len(values) == 1 else Sequence(values)
                default = If(Comparison("=", operand, wanted), case.result, default)
            return default
        case _:
            return node


def _is_text(operand: Node) -> bool:
    is_known = kind(operand) in _TEXTS and at_most_one(operand)
    return is_known and not can_fail(operand) and size(operand) <= _SMALL


def _type_switch(node: Node) -> Node:
    """A typeswitch over the payload is a chain of ``if``."""
    match node:
        case TypeSwitch(Path() as operand, (*cases, default)) if _is_any_payload(operand):
            if len(cases) > _SMALL or not all(
                _is_named(declared) for case in cases for declared in case.types
            ):
                return node
            chain = _bound(default, operand)
            for case in reversed(cases):
                tests = (InstanceOf(operand, declared) for declared in case.types)
                chain = If(any_of(tests), _bound(case, operand), chain)
            return chain
        case _:
            return node


def _is_any_payload(path: Path) -> bool:
    return len(path.steps) == 2 and always_exists(path)


def _is_named(declared: SequenceType) -> bool:
    return isinstance(declared.test, NameTest | SchemaElementTest)


def _bound(case: TypeCase, operand: Node) -> Node:
    if case.variable is None:
        return case.result
    return Flwor((LetClause(case.variable, operand),), case.result)


RULES: Final = (
    Rule("choice without a choice", _chosen, (If,)),
    Rule("switch", _switch, (Switch,)),
    Rule("typeswitch", _type_switch, (TypeSwitch,)),
    Rule("if", _if, (If,), Position.CONDITION),
)
