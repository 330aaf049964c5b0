"""Whether a query asks for schema types only where the answer is certain.

The type of an element is known by its name if it is declared globally, as a payload always is.
Elements of other places may be declared by what they stand in, under the same name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TypeAlias

from clacks_events.errors import UnsupportedFilter
from clacks_events.filter import nodes
from clacks_events.filter.analysis.analyse import bound, filtered, place_of, type_case
from clacks_events.filter.analysis.places import DOCUMENT, Place, Scope, stepped
from clacks_events.filter.nodes import Node, SchemaTypeTest, Start
from clacks_events.filter.nodes.walk import children, contains_opaque

__all__ = ["check_types"]

_REASON = (
    "Only the payload is known to have the type that its name is declared with, not what is inside"
    " of it; write /e:Event/element(*, type) or /e:Event/* instance of element(*, type)"
)
_PAYLOAD = 2  # levels below the document node

_Applied: TypeAlias = Iterator[tuple[SchemaTypeTest, Place]]
_Span: TypeAlias = tuple[int, int]


def check_types(text: str, module: nodes.Module, spans: Collection[_Span]) -> None:
    """Raise UnsupportedFilter if a schema type is asked for of anything but the payload.

    ``spans`` say where such tests stand in the text, also those that the compiler does not see.
    """
    if not spans:
        return
    applied = list(_in_module(module))
    wrong = {test.span for test, place in applied if not _is_certain(place)}
    bodies = [module.body, *(each.default for each in module.externals if each.default)]
    if any(map(contains_opaque, bodies)):
        wrong |= set(spans) - {test.span for test, _ in applied}
    found = sorted(span for span in wrong if span is not None)
    if found:
        raise UnsupportedFilter(_REASON, text, found[0])


def _is_certain(place: Place) -> bool:
    return place.depth is not None and place.depth <= _PAYLOAD


def _in_module(module: nodes.Module) -> _Applied:
    scope = Scope(DOCUMENT)
    for external in module.externals:
        if external.default is not None:
            yield from _of_type(external.type, place_of(external.default, scope))
            yield from _in(external.default, scope)
    yield from _in(module.body, scope)


def _of_type(declared: nodes.SequenceType | None, place: Place) -> _Applied:
    if declared is not None and isinstance(declared.test, SchemaTypeTest):
        yield declared.test, place


def _in(node: Node, scope: Scope) -> _Applied:
    """Yield each test of a schema type, with the place of what it is applied to."""
    match node:
        case nodes.Path():
            yield from _in_path(node, scope)
        case nodes.Each(left, right) | nodes.SimpleMap(left, right):
            yield from _in(left, scope)
            yield from _in(right, scope.at(place_of(left, scope)))
        case nodes.Flwor(clauses, result):
            yield from _in_clauses(clauses, result, scope)
        case nodes.Quantified(_, bindings, condition):
            yield from _in_clauses(bindings, condition, scope)
        case nodes.TypeSwitch():
            yield from _in_typeswitch(node, scope)
        case nodes.InstanceOf(value, declared) | nodes.Treat(value, declared):
            yield from _of_type(declared, place_of(value, scope))
            yield from _in(value, scope)
        case nodes.Convert(value, declared):
            yield from _of_type(declared, place_of(value, scope))
            yield from _in(value, scope)
        case _:
            for child in children(node):
                yield from _in(child, scope)


def _in_path(path: nodes.Path, scope: Scope) -> _Applied:
    match path.start:
        case Start.ROOT:
            place = DOCUMENT
        case Start.CONTEXT:
            place = scope.context
        case start:
            yield from _in(start, scope)
            place = place_of(start, scope)
    yield from _in_predicates(path.predicates, place, scope)
    place = filtered(place, path.predicates, scope)
    for step in path.steps:
        place = stepped(place, step)
        if isinstance(step.test, SchemaTypeTest):
            yield step.test, place
        yield from _in_predicates(step.predicates, place, scope)
        place = filtered(place, step.predicates, scope)


def _in_predicates(predicates: Iterable[Node], place: Place, scope: Scope) -> _Applied:
    for predicate in predicates:
        yield from _in(predicate, scope.at(place))


def _in_clauses(clauses: Iterable[nodes.Clause], result: Node, scope: Scope) -> _Applied:
    for clause in clauses:
        match clause:
            case nodes.ForClause(name, items, type=declared) | nodes.LetClause(
                name, items, declared
            ):
                yield from _of_type(declared, place_of(items, scope))
                yield from _in(items, scope)
                scope = scope.with_variable(name, bound(clause, scope))
            case nodes.WhereClause(condition):
                yield from _in(condition, scope)
            case nodes.OrderClause(keys):
                for key in keys:
                    yield from _in(key.value, scope)
    yield from _in(result, scope)


def _in_typeswitch(node: nodes.TypeSwitch, scope: Scope) -> _Applied:
    yield from _in(node.operand, scope)
    place = place_of(node.operand, scope)
    for case in node.cases:
        for declared in case.types:
            yield from _of_type(declared, place)
        yield from _in(case.result, type_case(case, place, scope)[1])
