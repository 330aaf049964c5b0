"""Which events can match at all: the event types and sources that a query insists on.

The answer may be too wide, never too narrow: an event outside of it is no match for certain. An
error while evaluating is no match, so an expression that fails on other events narrows nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from types import MappingProxyType
from typing import assert_never

from clacks_events.envelope import ENVELOPE
from clacks_events.filter import nodes
from clacks_events.filter.interest import ANYTHING, NOTHING, Demand, Interest
from clacks_events.filter.nodes import Node, Start

__all__ = ["analyse"]

_FN = "{http://www.w3.org/2005/xpath-functions}"


@dataclass(frozen=True, slots=True)
class _Place:
    """What is known of the nodes that an expression selects, if it selects any.

    ``depth`` counts from the document node (0); None is unknown. ``interest`` says which events
    have such nodes at all; ``is_source`` marks the attribute ``/Event/@source``.
    """

    depth: int | None
    interest: Interest
    is_source: bool = False


_DOCUMENT = _Place(0, ANYTHING)
_SOMEWHERE = _Place(None, ANYTHING)


@dataclass(frozen=True, slots=True)
class _Scope:
    """The context item and the variables in sight."""

    context: _Place
    variables: Mapping[str, _Place]

    def with_variable(self, name: str, place: _Place) -> _Scope:
        return _Scope(self.context, MappingProxyType({**self.variables, name: place}))

    def at(self, place: _Place) -> _Scope:
        return _Scope(place, self.variables)


def analyse(query: Node) -> Interest:
    """Return the events for which a query can be true."""
    return _truth(query, _Scope(_DOCUMENT, MappingProxyType({})))


def _truth(node: Node, scope: _Scope) -> Interest:
    """Which events can make the effective boolean value of an expression true?"""
    match node:
        case nodes.Or(parts):
            return _any_of(_truth(part, scope) for part in parts)
        case nodes.And(parts):
            return _all_of(_truth(part, scope) for part in parts)
        case nodes.Comparison():
            return _comparison(node, scope)
        case nodes.Literal(value):
            return ANYTHING if value else NOTHING
        case nodes.Call(name, ()) if name == _FN + "false":
            return NOTHING
        case nodes.If(condition, then, otherwise):
            chosen = _truth(condition, scope) & _truth(then, scope)
            return chosen | _truth(otherwise, scope)
        case nodes.Quantified():
            return _quantified(node, scope)
        case nodes.Flwor():
            return _flwor(node, scope)
        case nodes.Call(name, (argument,)) if name == _FN + "boolean":
            return _truth(argument, scope)
        case nodes.Call(name, (argument,)) if name == _FN + "exists":
            return _place(argument, scope).interest
        case _:
            return _place(node, scope).interest


def _any_of(interests: Iterable[Interest]) -> Interest:
    return reduce(lambda one, two: one | two, interests, NOTHING)


def _all_of(interests: Iterable[Interest]) -> Interest:
    return reduce(lambda one, two: one & two, interests, ANYTHING)


def _comparison(node: nodes.Comparison, scope: _Scope) -> Interest:
    # Both kinds are false or fail as soon as one side is empty (XPath 3.1, 3.7.1 and 3.7.2).
    left, right = _place(node.left, scope), _place(node.right, scope)
    interest = left.interest & right.interest
    for place, other in ((left, node.right), (right, node.left)):
        if place.is_source and node.operator in ("=", "eq"):
            interest &= _sources(other)
    return interest


def _sources(node: Node) -> Interest:
    match node:
        case nodes.Literal(str(value)):
            return Interest(frozenset((Demand(source=value),)))
        case nodes.Sequence(items):
            return _any_of(_sources(item) for item in items)
        case _:
            return ANYTHING


def _quantified(node: nodes.Quantified, scope: _Scope) -> Interest:
    if node.quantifier != "some":
        return ANYTHING
    interest = ANYTHING
    for name, items in node.bindings:
        place = _place(items, scope)
        interest &= place.interest
        scope = scope.with_variable(name, place)
    return interest & _truth(node.condition, scope)


def _flwor(node: nodes.Flwor, scope: _Scope) -> Interest:
    interest, inner = _clauses(node, scope)
    return interest & _truth(node.result, inner)


def _clauses(node: nodes.Flwor, scope: _Scope) -> tuple[Interest, _Scope]:
    interest = ANYTHING
    for clause in node.clauses:
        match clause:
            case nodes.ForClause(name, items, allows_empty):
                place = _place(items, scope)
                if not allows_empty:
                    interest &= place.interest
                scope = scope.with_variable(name, place)
            case nodes.LetClause(name, value):
                scope = scope.with_variable(name, _place(value, scope))
            case nodes.WhereClause(condition):
                interest &= _truth(condition, scope)
            case _:
                assert_never(clause)
    return interest, scope


def _place(node: Node, scope: _Scope) -> _Place:
    """Which events can make an expression give any item, and where are those items?"""
    match node:
        case nodes.Path():
            return _path(node, scope)
        case nodes.Each(left, right):
            place = _place(left, scope)
            inner_place = _place(right, scope.at(place))
            return _Place(inner_place.depth, place.interest & inner_place.interest)
        case nodes.Variable(name):
            return scope.variables.get(name, _SOMEWHERE)
        case nodes.Union(parts) | nodes.Sequence(parts):
            return _Place(None, _any_of(_place(part, scope).interest for part in parts))
        case nodes.Flwor():
            interest, inner = _clauses(node, scope)
            return _Place(None, interest & _place(node.result, inner).interest)
        case nodes.If(condition, then, otherwise):
            chosen = _truth(condition, scope) & _place(then, scope).interest
            return _Place(None, chosen | _place(otherwise, scope).interest)
        case nodes.Call(name, (argument, *_)) if name in _EMPTY_IN_EMPTY_OUT:
            return _Place(None, _place(argument, scope).interest)
        case _:
            # A constant, a function of anything: it may have a value whatever the event.
            return _SOMEWHERE


_EMPTY_IN_EMPTY_OUT = frozenset(
    _FN + name for name in ("data", "head", "distinct-values", "reverse", "abs", "unordered")
)


def _path(node: nodes.Path, scope: _Scope) -> _Place:
    match node.start:
        case Start.ROOT:
            place = _DOCUMENT
        case Start.CONTEXT:
            place = scope.context
        case start:
            place = _place(start, scope)
    place = _filtered(place, node.predicates, scope)
    for step in node.steps:
        place = _filtered(_step(place, step), step.predicates, scope)
    return place


def _filtered(place: _Place, predicates: Iterable[Node], scope: _Scope) -> _Place:
    for predicate in predicates:
        interest = place.interest & _predicate(predicate, scope.at(place))
        place = _Place(place.depth, interest, place.is_source)
    return place


def _predicate(node: Node, scope: _Scope) -> Interest:
    # A number is a position, not a truth value.
    if isinstance(node, nodes.Literal) and not isinstance(node.value, bool | str):
        return ANYTHING
    return _truth(node, scope)


def _step(place: _Place, step: nodes.Step) -> _Place:
    if place.depth == 0 and step.axis == "child":
        return _Place(1, place.interest) if _may_be_envelope(step.test) else _Place(1, NOTHING)
    if place.depth == 1 and step.axis == "child":
        return _Place(2, place.interest & _payload(step.test))
    if place.depth == 1 and step.axis == "attribute":
        is_source = step.test == nodes.NameTest("", "source")
        return _Place(2, place.interest, is_source)
    if step.axis == "self":
        return _self(place, step.test)
    depth = place.depth + 1 if place.depth is not None and step.axis == "child" else None
    return _Place(depth, place.interest)


def _self(place: _Place, test: nodes.Test) -> _Place:
    if place.depth == 2 and not place.is_source:
        return _Place(2, place.interest & _payload(test))
    return place


def _may_be_envelope(test: nodes.Test) -> bool:
    match test:
        case nodes.NameTest(namespace, local):
            return local in (None, "Event") and namespace in (None, ENVELOPE[1:].split("}")[0])
        case nodes.SchemaElementTest(names):
            return ENVELOPE in names
        case _:
            return True


def _payload(test: nodes.Test) -> Interest:
    match test:
        case nodes.NameTest(namespace, str(local)):
            prefix = "{*}" if namespace is None else f"{{{namespace}}}" if namespace else ""
            return Interest(frozenset((Demand(prefix + local),)))
        case nodes.SchemaElementTest(names):
            return _any_of(Interest(frozenset((Demand(name),))) for name in names)
        case _:
            return ANYTHING
