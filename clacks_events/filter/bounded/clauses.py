"""What loops and choices cost: FLWOR, quantified expressions, switch, typeswitch and try."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from clacks_events.filter import nodes
from clacks_events.filter.bounded.expressions import typed
from clacks_events.filter.bounded.judge import Judge, Scope
from clacks_events.filter.bounded.size import EVENT, NOTHING, ONE, UNBOUNDED, constant
from clacks_events.filter.bounded.value import BOOLEAN, NUMBER, Value, text

__all__ = ["RULES"]

_SORTING: Final = constant(8)  # for each item, as long as no event has a million of them
_ERR: Final = "{http://www.w3.org/2005/xqt-errors}"
_OF_ERRORS: Final = {
    f"{_ERR}code": text(EVENT),
    f"{_ERR}description": text(EVENT),
    f"{_ERR}value": Value(EVENT, UNBOUNDED, UNBOUNDED),
    **{_ERR + name: text(ONE) for name in ("module", "line-number", "column-number", "additional")},
}

_Rest = Callable[[Scope], Value]


def _flwor(judge: Judge, node: nodes.Flwor, scope: Scope) -> Value:
    return _clauses(judge, node.clauses, scope, lambda inner: judge.value(node.result, inner))


def _clauses(judge: Judge, clauses: tuple[nodes.Clause, ...], scope: Scope, result: _Rest) -> Value:
    if not clauses:
        return result(scope)
    first, *others = clauses

    def rest(inner: Scope) -> Value:
        return _clauses(judge, tuple(others), inner, result)

    match first:
        case nodes.ForClause():
            return _for(judge, first, scope, rest)
        case nodes.LetClause(name, value, type):
            return rest(scope.binding(name, typed(judge.value(value, scope), type)))
        case nodes.WhereClause(condition):
            judge.value(condition, scope)
            return rest(scope)
        case nodes.OrderClause(keys):
            _order(judge, keys, scope)
            return rest(scope)


def _for(judge: Judge, clause: nodes.ForClause, scope: Scope, rest: _Rest) -> Value:
    items = judge.value(clause.items, scope)
    if clause.allows_empty:
        items = replace(items, count=items.count + ONE)
    judge.spend(items.count, clause.items)

    def body(item: Value) -> Value:
        inner = scope.binding(clause.name, item)
        if clause.position is not None:
            inner = inner.binding(clause.position, NUMBER)
        return rest(inner)

    return judge.looped(items, body)


def _order(judge: Judge, keys: tuple[nodes.OrderKey, ...], scope: Scope) -> None:
    for key in keys:
        value = judge.value(key.value, scope)
        judge.spend(value.near + _SORTING, key.value)


def _quantified(judge: Judge, node: nodes.Quantified, scope: Scope) -> Value:
    _clauses(judge, node.bindings, scope, lambda inner: judge.value(node.condition, inner))
    return BOOLEAN


def _switch(judge: Judge, node: nodes.Switch, scope: Scope) -> Value:
    operand = judge.value(node.operand, scope)
    result = judge.value(node.default, scope)
    for case in node.cases:
        for value in judge.values(case.operands, scope):
            judge.spend(operand.near + value.near, node)
        result |= judge.value(case.result, scope)
    return result


def _typeswitch(judge: Judge, node: nodes.TypeSwitch, scope: Scope) -> Value:
    operand = judge.value(node.operand, scope)
    result = Value(NOTHING, NOTHING)
    for case in node.cases:
        judge.spend(operand.count * max(1, len(case.types)), node)
        inner = scope if case.variable is None else scope.binding(case.variable, operand)
        result |= judge.value(case.result, inner)
    return result


def _try(judge: Judge, node: nodes.Try, scope: Scope) -> Value:
    result = judge.value(node.body, scope)
    inner = replace(scope, variables={**scope.variables, **_OF_ERRORS})
    for catch in node.catches:
        result |= judge.value(catch.result, inner)
    return replace(result, kind=result.kind.mixed)


RULES: Final[Mapping[type, Any]] = {
    nodes.Flwor: _flwor,
    nodes.Quantified: _quantified,
    nodes.Switch: _switch,
    nodes.TypeSwitch: _typeswitch,
    nodes.Try: _try,
}
