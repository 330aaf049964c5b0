"""Paths: steps from where they start, and predicates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from clacks_events.envelope import ENVELOPE
from clacks_events.filter import nodes
from clacks_events.filter.compiled.code import (
    EVENT,
    Code,
    Count,
    Frame,
    NotLowerable,
    Order,
    Place,
    Run,
    Scope,
    ordered,
)
from clacks_events.filter.compiled.predicates import choice, chosen, may_be_position
from clacks_events.filter.compiled.steps import PARENTS, Walk, lxml_name, passes, walk
from clacks_events.filter.items import Document, Item
from clacks_events.filter.nodes import Node, Start, Step
from clacks_events.filter.nodes.kinds import Kind

if TYPE_CHECKING:
    from clacks_events.filter.compiled.lowering import Lowering

__all__ = ["DOCUMENT", "LOWERED", "context_item"]

DOCUMENT: Final = Code(
    lambda item, frame: (Document(frame[EVENT].envelope),),
    Kind.NODES,
    Count.ONE,
    Place.DOCUMENT,
    one=lambda item, frame: Document(frame[EVENT].envelope),
    test=lambda item, frame: True,
)

_BELOW: Final = Step("descendant-or-self", nodes.KindTest("node()"))


def context_item(scope: Scope) -> Code:
    """Return the code of ``.``"""
    focus = scope.focus
    if focus.place is Place.DOCUMENT:
        return DOCUMENT
    return Code(
        lambda item, frame: (item,),
        focus.kind,
        Count.ONE,
        focus.place,
        one=lambda item, frame: item,
    )


def lower_path(lowering: Lowering, path: nodes.Path, scope: Scope) -> Code:
    """Lower a path with all its steps."""
    match path.start:
        case Start.ROOT if scope.focus.kind is not Kind.NODES:
            raise NotLowerable("a path from the root where the context item may be no node")
        case Start.ROOT:
            code = DOCUMENT
        case Start.CONTEXT:
            code = context_item(scope)
        case start:
            code = lowering.lower(start, scope)
    if path.predicates:
        code = _filtered(lowering, code, path.predicates, scope)
    for step in _fused(path.steps):
        code = _step(lowering, code, step, scope)
    return code


def _fused(steps: tuple[Step, ...]) -> Iterable[Step]:
    """Yield the steps; ``descendant-or-self::node()/child::x`` is ``descendant::x``.

    Not before a predicate that may be a position, which counts among the children of one node.
    """
    below = False
    for step in steps:
        if step == _BELOW:
            below = True
        elif below and step.axis == "child" and not any(map(may_be_position, step.predicates)):
            yield replace(step, axis="descendant")
            below = False
        else:
            if below and step.axis == "child" and lxml_name(step.test) is not None:
                yield PARENTS
            elif below:
                yield _BELOW
            below = False
            yield step
    if below:
        yield _BELOW


def _filtered(lowering: Lowering, code: Code, predicates: tuple[Node, ...], scope: Scope) -> Code:
    items = ordered(code)
    for predicate in predicates:
        items = chosen(items, choice(lowering, predicate, code.kind, code.place, scope))
    count = Count.MANY if code.count is Count.MANY else Count.OPTIONAL
    order = Order.SORTED if code.order is Order.LOOSE else code.order
    return Code(items, code.kind, count, code.place, order)


def _step(lowering: Lowering, code: Code, step: Step, scope: Scope) -> Code:
    if not code.is_nodes:
        raise NotLowerable("a step from what may be no node")
    if (fixed := _fixed(lowering, code, step)) is not None:
        stepped = fixed
    else:
        stepped = _walked(code, walk(step.axis, step.test, code.place), step)
    if not step.predicates:
        return stepped
    return _with_predicates(lowering, code, stepped, step, scope)


def _fixed(lowering: Lowering, code: Code, step: Step) -> Code | None:
    """Return a step for which the event has a shorter way: to its envelope or its payload."""
    if code.place is Place.DOCUMENT:
        return _from_document(step)
    if code.place is not Place.ENVELOPE or code.count is not Count.ONE:
        return None
    if step.axis != "child" or not isinstance(step.test, nodes.NameTest):
        return None
    return _payload(lowering, step.test)


def _from_document(step: Step) -> Code | None:
    axis, test, name = step.axis, step.test, lxml_name(step.test)
    if name is not None and axis in ("descendant", "descendant-or-self"):
        return Code(
            lambda item, frame: frame[EVENT].envelope.iter(name),
            Kind.NODES,
            place=Place.ELEMENT,
            order=Order.SORTED,
        )
    if axis == "child" and isinstance(test, nodes.NameTest) and _is_named(test, ENVELOPE):
        return _single(lambda item, frame: frame[EVENT].envelope, Count.ONE, Place.ENVELOPE)
    return None


def _payload(lowering: Lowering, test: nodes.NameTest) -> Code:
    namespace, local = test.namespace, test.local
    name = f"{{{namespace}}}{local}" if namespace else local
    if (namespace is None and local is None) or name == lowering.payload:
        # There is just one, and it is of the type that was asked for.
        sure = _single(lambda item, frame: frame[EVENT].element, Count.ONE, Place.ELEMENT)
        return replace(sure, test=lambda item, frame: True, payload="")
    if namespace is None or local is None:
        accepts = passes(test)

        def some(item: Item, frame: Frame) -> Item:
            payload = frame[EVENT].element
            return payload if accepts(payload) else None

        return _single(some, Count.OPTIONAL, Place.ELEMENT)

    def one(item: Item, frame: Frame) -> Item:
        event = frame[EVENT]
        return event.element if event.type == name else None

    return replace(
        _single(one, Count.OPTIONAL, Place.ELEMENT),
        test=lambda item, frame: frame[EVENT].type == name,
        payload=name,
    )


def _is_named(test: nodes.NameTest, name: str) -> bool:
    namespace, _, local = name[1:].partition("}")
    return test.namespace in (None, namespace) and test.local in (None, local)


def _single(one: Callable[[Item, Frame], Item], count: Count, place: Place) -> Code:
    def items(item: Item, frame: Frame) -> Iterable[Item]:
        found = one(item, frame)
        return () if found is None else (found,)

    return Code(
        items,
        Kind.NODES,
        count,
        place,
        one=one,
        test=lambda item, frame: one(item, frame) is not None,
    )


def _walked(code: Code, step: Walk, shape: Step) -> Code:
    return Code(
        _run(code, step, shape),
        Kind.NODES,
        _count(code, shape),
        _place(shape),
        _order(code, shape.axis),
    )


def _run(code: Code, step: Walk, shape: Step) -> Run:
    if code.payload is not None and shape.axis == "child" and (name := lxml_name(shape.test)):
        return _fields(code.payload, name)
    if code.one is None:
        items = code.items
        return lambda item, frame: (found for node in items(item, frame) for found in step(node))
    one = code.one
    if code.count is Count.ONE:
        return lambda item, frame: step(one(item, frame))

    def run(item: Item, frame: Frame) -> Iterable[Item]:
        node = one(item, frame)
        return () if node is None else step(node)

    return run


def _fields(payload: str, name: str) -> Run:
    # The commonest path of all, written out.
    if not payload:
        return lambda item, frame: frame[EVENT].element.iterchildren(name)

    def run(item: Item, frame: Frame) -> Iterable[Item]:
        event = frame[EVENT]
        return event.element.iterchildren(name) if event.type == payload else ()

    return run


def _count(code: Code, step: Step) -> Count:
    is_one_each = step.axis in ("self", "parent") or (
        step.axis == "attribute"
        and isinstance(step.test, nodes.NameTest)
        and step.test.namespace is not None
        and step.test.local is not None
    )
    return Count.OPTIONAL if is_one_each and code.count is not Count.MANY else Count.MANY


def _place(step: Step) -> Place:
    if step.axis == "attribute":
        return Place.ATTRIBUTE
    if isinstance(step.test, nodes.KindTest):
        return Place.TEXT if step.test.text == "text()" else Place.ANY
    return Place.ELEMENT


def _order(code: Code, axis: str) -> Order:
    is_single, order = code.count is not Count.MANY, code.order
    match axis:
        case "self":
            return Order.LOOSE if order is Order.RAW else order
        case "child" | "attribute":
            return Order.FLAT if is_single or order is Order.FLAT else Order.LOOSE
        case "descendant" | "descendant-or-self":
            return Order.SORTED if is_single or order is Order.FLAT else Order.LOOSE
        case "following-sibling" | "parent":
            return Order.FLAT if is_single else Order.LOOSE
        case _:
            return Order.LOOSE


def _with_predicates(
    lowering: Lowering, code: Code, stepped: Code, step: Step, scope: Scope
) -> Code:
    if stepped.one is not None or code.count is not Count.MANY:
        # One origin: the predicates see all nodes of the step at once.
        return _narrowed(lowering, stepped, step, scope, stepped.items)
    move = walk(step.axis, step.test, code.place)
    choices = [
        choice(lowering, predicate, Kind.NODES, stepped.place, scope)
        for predicate in step.predicates
    ]
    items = code.items

    def run(item: Item, frame: Frame) -> Iterable[Item]:
        for node in items(item, frame):
            found = move(node)
            for choose in choices:
                found = choose(found, frame)
            yield from found

    return replace(stepped, items=run, one=None, test=None)


def _narrowed(lowering: Lowering, stepped: Code, step: Step, scope: Scope, items: Run) -> Code:
    for predicate in step.predicates:
        items = chosen(items, choice(lowering, predicate, Kind.NODES, stepped.place, scope))
    if stepped.count is Count.MANY:
        return replace(stepped, items=items, one=None, test=None)

    def one(item: Item, frame: Frame) -> Item:
        return next(iter(items(item, frame)), None)

    return _single(one, Count.OPTIONAL, stepped.place)


LOWERED: Final[Mapping[type, Callable[..., Code]]] = {
    nodes.Path: lower_path,
}
