"""Which events can match at all: the event types and sources that a query insists on.

The answer may be too wide, never too narrow: an event outside of it is no match for certain. An
error while evaluating is no match, so an expression that fails on other events narrows nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, assert_never

from clacks_events.filter import nodes
from clacks_events.filter.analysis.interest import ANYTHING, NOTHING, Demand, Interest
from clacks_events.filter.analysis.place_calls import boolean, called
from clacks_events.filter.analysis.places import (
    DOCUMENT,
    SOMEWHERE,
    Place,
    Scope,
    all_of,
    any_of,
    at,
    merged,
    narrowed,
    restricted,
    stepped,
)
from clacks_events.filter.analysis.trivial import holds_for_blank
from clacks_events.filter.nodes import FN, XS, Node, Start

__all__ = ["analyse", "bound", "filtered", "place_of", "type_case"]

_TEXTS: Final = frozenset(XS + name for name in ("string", "untypedAtomic", "anyAtomicType"))


def analyse(query: Node | nodes.Module) -> Interest:
    """Return the events for which a query can be true."""
    body = query.body if isinstance(query, nodes.Module) else query
    return _truth(body, Scope(DOCUMENT))


def _truth(node: Node, scope: Scope) -> Interest:
    """Which events can make the effective boolean value of an expression true?"""
    return place_of(node, scope).solid


def _untruth(node: Node, scope: Scope) -> Interest:
    """Which events can make it false?"""
    match node:
        case nodes.Literal(value):
            return NOTHING if value else ANYTHING
        case nodes.Or(parts):
            return all_of(_untruth(part, scope) for part in parts)
        case nodes.And(parts):
            return any_of(_untruth(part, scope) for part in parts)
        case nodes.Call(name, ()) if name == f"{FN}true":
            return NOTHING
        case nodes.Call(name, (argument,)) if name == f"{FN}not":
            return _truth(argument, scope)
        case nodes.Call(name, (argument,)) if name == f"{FN}boolean":
            return _untruth(argument, scope)
        case nodes.Call(name, (argument,)) if name == f"{FN}empty":
            return place_of(argument, scope).interest
        case _:
            return ANYTHING


def place_of(node: Node, scope: Scope) -> Place:
    """Return what is known of the value of an expression."""
    match node:
        case nodes.Path():
            return _path(node, scope)
        case nodes.Literal(value):
            source = (
                Interest(frozenset((Demand(source=value),))) if isinstance(value, str) else None
            )
            return Place(solid=ANYTHING if value else NOTHING, equals=source or ANYTHING)
        case nodes.Variable(name):
            return scope.variables.get(name, SOMEWHERE)
        case nodes.Call(name, (argument,)) if name == f"{FN}not":
            return boolean(_untruth(argument, scope))
        case nodes.Call(name, arguments):
            return called(name, arguments, [place_of(each, scope) for each in arguments])
        case nodes.Or() | nodes.And() | nodes.Comparison() | nodes.Castable() | nodes.InstanceOf():
            return boolean(_condition(node, scope))
        case nodes.Quantified():
            return boolean(_quantified(node, scope))
        case nodes.Opaque():
            return SOMEWHERE
        case _:
            return _composed(node, scope)


def _condition(
    node: nodes.Or | nodes.And | nodes.Comparison | nodes.Castable | nodes.InstanceOf, scope: Scope
) -> Interest:
    match node:
        case nodes.Or(parts):
            return any_of(_truth(part, scope) for part in parts)
        case nodes.And(parts):
            return all_of(_truth(part, scope) for part in parts)
        case nodes.Comparison():
            return _comparison(node, scope)
        case nodes.Castable(value, _, allows_empty):
            return ANYTHING if allows_empty else place_of(value, scope).interest
        case nodes.InstanceOf(value, declared):
            return _of_type(place_of(value, scope), declared)
        case _:
            assert_never(node)


def _comparison(node: nodes.Comparison, scope: Scope) -> Interest:
    # Each kind is false or fails as soon as one side is empty (XPath 3.1, 3.7).
    left, right = place_of(node.left, scope), place_of(node.right, scope)
    interest = left.interest & right.interest
    if left.blank is not None and not holds_for_blank(node.operator, left.blank, node.right):
        interest &= left.solid
    if right.blank is not None and not holds_for_blank(
        node.operator, right.blank, node.left, is_right=True
    ):
        interest &= right.solid
    if node.operator in ("=", "eq"):
        interest &= right.equals if left.is_source else ANYTHING
        interest &= left.equals if right.is_source else ANYTHING
    return interest


def _quantified(node: nodes.Quantified, scope: Scope) -> Interest:
    if node.quantifier != "some":
        return ANYTHING
    interest, inner = _clauses(node.bindings, scope)
    return interest & _truth(node.condition, inner)


def _clauses(clauses: Iterable[nodes.Clause], scope: Scope) -> tuple[Interest, Scope]:
    interest = ANYTHING
    for clause in clauses:
        match clause:
            case nodes.ForClause(allows_empty=allows_empty):
                place = bound(clause, scope)
                if not allows_empty:
                    interest &= place.interest
                scope = scope.with_variable(clause.name, place)
            case nodes.LetClause(name):
                scope = scope.with_variable(name, bound(clause, scope))
            case nodes.WhereClause(condition):
                interest &= _truth(condition, scope)
            case nodes.OrderClause():
                pass
            case _:
                assert_never(clause)
    return interest, scope


def bound(clause: nodes.ForClause | nodes.LetClause, scope: Scope) -> Place:
    """Return the place of the variable that a clause binds."""
    items = clause.items if isinstance(clause, nodes.ForClause) else clause.value
    return _typed(place_of(items, scope), clause.type)


def _typed(place: Place, declared: nodes.SequenceType | None) -> Place:
    """Return the place of a value that fails unless it is of a type."""
    if declared is None or declared.test is None:
        return place
    return restricted(place, declared.test)


def _of_type(place: Place, declared: nodes.SequenceType) -> Interest:
    """Which events can make a value be of a type?"""
    if declared.occurrence in ("?", "*") or declared.text == "empty-sequence()":
        return ANYTHING
    return _typed(place, declared).interest


_Composed = (
    nodes.Each
    | nodes.SimpleMap
    | nodes.Arithmetic
    | nodes.Negation
    | nodes.Range
    | nodes.Convert
    | nodes.Sequence
    | nodes.Union
    | nodes.SetOperation
    | nodes.If
    | nodes.Switch
    | nodes.TypeSwitch
    | nodes.Try
    | nodes.Treat
    | nodes.Cast
    | nodes.Flwor
)


def _composed(node: _Composed, scope: Scope) -> Place:
    match node:
        case nodes.Each(left, right) | nodes.SimpleMap(left, right):
            place = place_of(left, scope)
            return narrowed(place_of(right, scope.at(place)), place.interest)
        case nodes.Sequence(parts) | nodes.Union(parts):
            return merged([place_of(part, scope) for part in parts])
        case nodes.SetOperation(operator, left, right):
            place = place_of(left, scope)
            both = operator == "intersect"
            return narrowed(place, place_of(right, scope).interest) if both else place
        case nodes.Arithmetic(_, left, right) | nodes.Range(left, right):
            return at(place_of(left, scope).interest & place_of(right, scope).interest, None)
        case nodes.Negation(_, operand):
            return at(place_of(operand, scope).interest, None)
        case nodes.Treat(value, declared):
            return _typed(place_of(value, scope), declared)
        case nodes.Convert() | nodes.Cast():
            return _converted(node, scope)
        case nodes.Flwor(clauses, result):
            interest, inner = _clauses(clauses, scope)
            return narrowed(place_of(result, inner), interest)
        case nodes.If() | nodes.Switch() | nodes.TypeSwitch() | nodes.Try():
            return merged(list(_branches(node, scope)))
        case _:
            assert_never(node)


def _converted(node: nodes.Convert | nodes.Cast, scope: Scope) -> Place:
    place = place_of(node.value, scope)
    target = node.type if isinstance(node, nodes.Cast) else node.type.atomic
    if isinstance(node, nodes.Convert) and target is None:
        return _typed(place, node.type)
    if target in _TEXTS:
        # What was 0 or false may be a string now that is not empty.
        solid = place.solid if place.blank == "" else place.interest
        return replace(place, solid=solid, depth=None, blank=None)
    return at(place.interest, None)


def _branches(
    node: nodes.If | nodes.Switch | nodes.TypeSwitch | nodes.Try, scope: Scope
) -> Iterable[Place]:
    """Yield the places of what the value may come from, each with what must hold for that."""
    match node:
        case nodes.If(condition, then, otherwise):
            yield narrowed(place_of(then, scope), _truth(condition, scope))
            yield narrowed(place_of(otherwise, scope), _untruth(condition, scope))
        case nodes.Switch(operand, cases, default):
            place = place_of(operand, scope)
            for each in cases:
                equal = any_of(_equal(place, value) for value in each.operands)
                yield narrowed(place_of(each.result, scope), equal)
            yield place_of(default, scope)
        case nodes.TypeSwitch(operand, type_cases):
            place = place_of(operand, scope)
            for case in type_cases:
                chosen, inner = type_case(case, place, scope)
                yield narrowed(place_of(case.result, inner), chosen)
        case nodes.Try(body, catches):
            yield place_of(body, scope)
            yield from (place_of(catch.result, scope) for catch in catches)
        case _:
            assert_never(node)


def _equal(place: Place, value: Node) -> Interest:
    """Which events can make the operand of ``switch`` equal to a value?"""
    match value:
        case nodes.Literal(constant):
            interest = place.solid if constant else place.interest
            is_name = place.is_source and isinstance(constant, str)
            return interest & place_of(value, Scope(DOCUMENT)).equals if is_name else interest
        case _:
            return ANYTHING


def type_case(case: nodes.TypeCase, place: Place, scope: Scope) -> tuple[Interest, Scope]:
    """Return what must hold for a case of ``typeswitch``, and the scope of its result."""
    chosen = any_of(_of_type(place, each) for each in case.types) if case.types else ANYTHING
    if case.variable is not None:
        scope = scope.with_variable(case.variable, narrowed(place, chosen))
    return chosen, scope


def _path(node: nodes.Path, scope: Scope) -> Place:
    match node.start:
        case Start.ROOT:
            place = DOCUMENT
        case Start.CONTEXT:
            place = scope.context
        case start:
            place = place_of(start, scope)
    place = filtered(place, node.predicates, scope)
    for step in node.steps:
        place = filtered(stepped(place, step), step.predicates, scope)
    return place


def filtered(place: Place, predicates: Iterable[Node], scope: Scope) -> Place:
    """Return the place of what passes predicates; a number is a position, which is never 0."""
    for predicate in predicates:
        place = narrowed(place, _truth(predicate, scope.at(place)))
    return place
