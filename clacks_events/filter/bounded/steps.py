"""What paths cost: steps, predicates, and expressions that are gone through for each node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from clacks_events.envelope import ENVELOPE
from clacks_events.filter import nodes
from clacks_events.filter.bounded.judge import Judge, Scope, StepOf
from clacks_events.filter.bounded.size import EVENT, NOTHING, ONE, UNBOUNDED, Size
from clacks_events.filter.bounded.value import DOCUMENT, Kind, Place, Value
from clacks_events.filter.nodes import FN, Start

__all__ = ["RULES"]

_NESTED: Final = (
    "// looks below nodes that may be inside of each other, so at the same nodes many times;"
    " say with / where they are, or use one // only"
)
_ENVELOPES: Final = frozenset(
    nodes.NameTest(namespace, local)
    for namespace in (None, ENVELOPE[1:].partition("}")[0])
    for local in (None, ENVELOPE.partition("}")[2])
)
_AROUND: Final = (
    "The axis {} goes through the same nodes again for each of many; begin at the node that has"
    " what is asked for, as in //parent[condition]/child"
)


def _path(judge: Judge, path: nodes.Path, scope: Scope) -> Value:
    match path.start:
        case Start.ROOT:
            value = DOCUMENT
        case Start.CONTEXT:
            value = scope.focus
        case start:
            value = judge.value(start, scope)
    value = _filtered(judge, ONE, value, path.predicates, scope)
    for number, step in enumerate(path.steps):
        cause = StepOf(path, number)
        judge.spend(value.count, cause)
        stepped = _step(judge, value, step, cause)
        value = _filtered(judge, value.count, stepped, step.predicates, scope)
    return value


def _step(judge: Judge, value: Value, step: nodes.Step, cause: StepOf) -> Value:
    rule = _AXES.get(step.axis)
    if rule is None:
        raise judge.refused(f"The axis {step.axis} has no bound on what it costs", cause)
    return replace(rule(judge, value, step, cause), kind=_kind(step), literal=None)


def _kind(step: nodes.Step) -> Kind:
    if step.axis == "attribute":
        return Kind.ATTRIBUTES
    if not isinstance(step.test, nodes.KindTest):
        return Kind.ELEMENTS
    return Kind.TEXT_NODES if step.test.text == "text()" else Kind.NODES


def _child(judge: Judge, value: Value, step: nodes.Step, cause: StepOf) -> Value:
    test = step.test
    if value.place is Place.DOCUMENT and test in _ENVELOPES:
        return Value(value.count, value.near, value.below, place=Place.ENVELOPE)
    if not (value.place is Place.ENVELOPE and isinstance(test, nodes.NameTest)):
        judge.spend(value.near, cause)
    if value.place is Place.ENVELOPE and not isinstance(test, nodes.KindTest):
        # An event has one payload, whatever its name.
        return Value(value.count, value.near, value.below)
    return Value(value.near, value.near, value.below)


def _attribute(judge: Judge, value: Value, step: nodes.Step, cause: StepOf) -> Value:
    test = step.test
    if not isinstance(test, nodes.NameTest) or None in (test.namespace, test.local):
        # lxml looks for each attribute among all of them.
        raise judge.refused("Not all attributes of an element at once: name the attribute", cause)
    judge.spend(value.near, cause)
    return Value(value.count, value.near)


def _self(_judge: Judge, value: Value, _step: nodes.Step, _cause: StepOf) -> Value:
    return value


def _parent(_judge: Judge, value: Value, _step: nodes.Step, _cause: StepOf) -> Value:
    # Many nodes have the same parent.
    around = value.count.times(EVENT)
    return Value(value.count, around, around)


def _descendant(judge: Judge, value: Value, _step: nodes.Step, cause: StepOf) -> Value:
    if not value.below.is_bounded:
        raise judge.refused(_NESTED, cause)
    judge.spend(value.below, cause)
    return Value(value.below, value.below, UNBOUNDED)


def _around(judge: Judge, value: Value, step: nodes.Step, cause: StepOf) -> Value:
    around = value.count.times(EVENT)
    judge.spend(around, cause, _AROUND.format(step.axis))
    return Value(around, around, UNBOUNDED)


_AXES: Final[Mapping[str, Callable[[Judge, Value, nodes.Step, StepOf], Value]]] = {
    "child": _child,
    "attribute": _attribute,
    "self": _self,
    "parent": _parent,
    "descendant": _descendant,
    "descendant-or-self": _descendant,
    **dict.fromkeys(
        (
            "ancestor",
            "ancestor-or-self",
            "following",
            "following-sibling",
            "preceding",
            "preceding-sibling",
        ),
        _around,
    ),
}


def _filtered(
    judge: Judge, origins: Size, value: Value, predicates: Iterable[nodes.Node], scope: Scope
) -> Value:
    for predicate in predicates:
        value = replace(value, literal=None)
        if _is_place(predicate):
            judge.spend(value.count, predicate)
            # One item at most for each node that the step began at.
            value = value.limited(origins)
        else:
            _each(judge, value, predicate, scope)
    return value


def _is_place(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Call):
        return node.name == f"{FN}last"
    value = node.value if isinstance(node, nodes.Literal) else None
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _each(judge: Judge, value: Value, node: nodes.Node, scope: Scope) -> Value:
    return judge.looped(value, lambda item: judge.value(node, scope.at(item)))


def _mapped(judge: Judge, node: Any, scope: Scope) -> Value:
    return _each(judge, judge.value(node.left, scope), node.right, scope)


def _union(judge: Judge, node: nodes.Union, scope: Scope) -> Value:
    total = Value(NOTHING, NOTHING, kind=Kind.NODES)
    for part in judge.values(node.parts, scope):
        total += part
    judge.spend(total.count, node)
    return replace(total, kind=Kind.NODES)


def _set_operation(judge: Judge, node: nodes.SetOperation, scope: Scope) -> Value:
    left, right = judge.values((node.left, node.right), scope)
    judge.spend(left.count + right.count, node)
    return replace(left, kind=Kind.NODES, literal=None)


RULES: Final[Mapping[type, Any]] = {
    nodes.Path: _path,
    nodes.Each: _mapped,
    nodes.SimpleMap: _mapped,
    nodes.Union: _union,
    nodes.SetOperation: _set_operation,
}
