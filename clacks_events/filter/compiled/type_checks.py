"""Types at run time: checks, conversions, casts and ``typeswitch``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from clacks_events.errors import EvaluationError
from clacks_events.filter import nodes
from clacks_events.filter.compiled.branches import choosing, constant_code, truth_code
from clacks_events.filter.compiled.code import (
    Binding,
    Code,
    Count,
    Frame,
    NotLowerable,
    Order,
    Run,
    Scope,
    ordered,
)
from clacks_events.filter.compiled.steps import passes
from clacks_events.filter.compiled.values import atomized, optional_atom
from clacks_events.filter.items import Attribute, Item, is_node
from clacks_events.filter.nodes import XS
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.xquery.atomic import can_cast, cast, castable, instance_of, promote
from clacks_events.xml import local_name

if TYPE_CHECKING:
    from clacks_events.filter.compiled.lowering import Lowering

__all__ = ["LOWERED", "checked", "kind_of"]

_NUMBERS: Final = (
    "byte decimal double float int integer long negativeInteger nonNegativeInteger "
    "nonPositiveInteger numeric positiveInteger short unsignedByte unsignedInt unsignedLong "
    "unsignedShort"
)
_STRINGS: Final = "string normalizedString token language NMTOKEN Name NCName ID IDREF ENTITY"
_KINDS: Final = {
    **{f"{XS}{name}": Kind.NUMBER for name in _NUMBERS.split()},
    **{f"{XS}{name}": Kind.STRING for name in _STRINGS.split()},
    f"{XS}boolean": Kind.BOOLEAN,
}
_NAMED: Final = re.compile(r"(element|attribute)\((?:Q\{([^}]*)\})?([^*:)]+)\)")
_COUNTS: Final = {"": Count.ONE, "?": Count.OPTIONAL, "*": Count.MANY, "+": Count.MANY}


def kind_of(atomic: str) -> Kind:
    """Return the kind of the values of an atomic type."""
    return _KINDS.get(atomic, Kind.ATOMIC)


def _passes(declared: nodes.SequenceType) -> Callable[[Item], bool]:
    """Return the test of one item."""
    if declared.atomic is not None:
        atomic = declared.atomic
        return lambda item: not is_node(item) and instance_of(item, atomic)
    if declared.test is None:
        if declared.text.startswith("item()"):
            return lambda item: True
        raise NotLowerable(f"the type {declared.text}")
    return _passes_test(declared.test)


def _passes_test(test: nodes.Test) -> Callable[[Item], bool]:
    match test:
        case nodes.KindTest(text) if found := _NAMED.fullmatch(text):
            kind, namespace, local = found.groups(default="")
            if kind == "element":
                return passes(nodes.NameTest(namespace, local))
            name = f"{{{namespace}}}{local}" if namespace else local
            return lambda item: isinstance(item, Attribute) and item.name == name
        case nodes.KindTest("attribute()" | "attribute(*)"):
            return lambda item: isinstance(item, Attribute)
        case nodes.KindTest("node()"):
            return is_node
        case _:
            return passes(test)


def _matches(declared: nodes.SequenceType) -> Callable[[list[Item]], bool]:
    if declared.text == "empty-sequence()":
        return lambda items: not items
    test, occurrence = _passes(declared), declared.occurrence

    def matches(items: list[Item]) -> bool:
        if len(items) != 1:
            allowed = occurrence in (("*", "?") if not items else ("*", "+"))
            return allowed and all(map(test, items))
        return test(items[0])

    return matches


def checked(code: Code, declared: nodes.SequenceType, error: str = "XPTY0004") -> Code:
    """Return an expression that fails unless its value is of a type."""
    items, matches = ordered(code), _matches(declared)

    def run(item: Item, frame: Frame) -> list[Item]:
        found = list(items(item, frame))
        if not matches(found):
            raise EvaluationError(f"the value is not of the type {declared.text}", error)
        return found

    return _typed(code, run, declared)


def _typed(code: Code, run: Run, declared: nodes.SequenceType) -> Code:
    kind = code.kind if declared.atomic is None else kind_of(declared.atomic)
    order = Order.SORTED if code.order is Order.LOOSE else code.order
    count = _COUNTS[declared.occurrence]

    def one(item: Item, frame: Frame) -> Item:
        return next(iter(run(item, frame)), None)

    is_single = count is not Count.MANY
    return Code(run, kind, count, code.place, order, one=one if is_single else None)


def _treat(lowering: Lowering, node: nodes.Treat, scope: Scope) -> Code:
    return checked(lowering.lower(node.value, scope), node.type, "XPDY0050")


def _convert(lowering: Lowering, node: nodes.Convert, scope: Scope) -> Code:
    code = lowering.lower(node.value, scope)
    atomic = node.type.atomic
    if atomic is None:
        return checked(code, node.type)
    values = atomized(code)
    promoted = Code(
        lambda item, frame: [promote(value, atomic) for value in values(item, frame)],
        kind_of(atomic),
    )
    return checked(promoted, node.type)


def _instance_of(lowering: Lowering, node: nodes.InstanceOf, scope: Scope) -> Code:
    items, matches = ordered(lowering.lower(node.value, scope)), _matches(node.type)

    def test(item: Item, frame: Frame) -> bool:
        return matches(list(items(item, frame)))

    return truth_code(test)


def _cast(lowering: Lowering, node: nodes.Cast, scope: Scope) -> Code:
    _check_castable(node.type)
    operand, type_ = lowering.lower(node.value, scope), node.type
    known = operand.constant
    if known is not None and operand.count is Count.ONE and castable(known, type_):
        return constant_code(cast(known, type_), kind_of(type_))
    value = optional_atom(operand, "what is cast")

    def one(item: Item, frame: Frame) -> Any:
        found = value(item, frame)
        if found is not None:
            return cast(found, type_)
        if node.allows_empty:
            return None
        raise EvaluationError("nothing cannot be cast", "XPTY0004")

    def items(item: Item, frame: Frame) -> Iterable[Any]:
        found = one(item, frame)
        return () if found is None else (found,)

    count = Count.OPTIONAL if node.allows_empty else Count.ONE
    return Code(items, kind_of(type_), count, one=one)


def _check_castable(type: str) -> None:
    if not can_cast(type):
        raise NotLowerable(f"a cast to {local_name(type)}")


def _castable(lowering: Lowering, node: nodes.Castable, scope: Scope) -> Code:
    _check_castable(node.type)
    values, type_ = atomized(lowering.lower(node.value, scope)), node.type

    def test(item: Item, frame: Frame) -> bool:
        found = list(values(item, frame))
        if not found:
            return node.allows_empty
        return len(found) == 1 and castable(found[0], type_)

    return truth_code(test)


def _typeswitch(lowering: Lowering, node: nodes.TypeSwitch, scope: Scope) -> Code:
    operand = lowering.lower(node.operand, scope)
    items, slot = ordered(operand), lowering.new_slot()
    order = Order.SORTED if operand.order is Order.LOOSE else operand.order
    read = Code(lambda item, frame: frame[slot], operand.kind, Count.MANY, operand.place, order)
    tests = [list(map(_matches, case.types)) for case in node.cases]
    results = [lowering.lower(c.result, _bound(c, scope, slot, read)) for c in node.cases]

    def choose(item: Item, frame: Frame) -> int:
        found = frame[slot] = list(items(item, frame))
        for number, wanted in enumerate(tests):
            if not wanted or any(test(found) for test in wanted):
                return number
        raise AssertionError("typeswitch always has a default")

    return choosing(results, choose)


def _bound(case: nodes.TypeCase, scope: Scope, slot: int, read: Code) -> Scope:
    if case.variable is None:
        return scope
    return scope.with_variable(case.variable, Binding(slot, replace(read)))


LOWERED: Final[Mapping[type, Callable[..., Code]]] = {
    nodes.Treat: _treat,
    nodes.Convert: _convert,
    nodes.InstanceOf: _instance_of,
    nodes.Cast: _cast,
    nodes.Castable: _castable,
    nodes.TypeSwitch: _typeswitch,
}
