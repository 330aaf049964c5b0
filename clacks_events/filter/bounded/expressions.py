"""What operators, conditions and conversions cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from clacks_events.filter import nodes
from clacks_events.filter.bounded.functions import KNOWN, refusal
from clacks_events.filter.bounded.judge import Cause, Judge, Scope
from clacks_events.filter.bounded.size import EVENT, NOTHING, ONE, Size, constant
from clacks_events.filter.bounded.value import BOOLEAN, DIGITS, Kind, Value, number, text
from clacks_events.filter.nodes import FN, XS

__all__ = ["RULES", "header", "typed"]

_MANY_WITH_MANY: Final = (
    "Each of many is compared with each of many here; only = between two paths is linear;"
    " take one of them, as in a[1] < b[1], or max() or min() of one side"
)
_OPAQUE: Final = (
    "Maps, arrays, function items and the like have no bound on what they cost; write it with"
    " paths, comparisons, for and let"
)
_RANGE: Final = "A range may have any length; write $x >= 1 and $x <= 9, or the numbers: (1, 2, 3)"
_MOST_DIGITS: Final = 20_000
_DIGITS_OF_CASTS: Final = 4300
_GENERAL: Final = frozenset(("=", "!=", "<", "<=", ">", ">="))


def _clark(namespace: str, names: str) -> frozenset[str]:
    return frozenset(namespace + name for name in names.split())


_WHOLE: Final = _clark(
    XS,
    "integer decimal byte int long short nonNegativeInteger nonPositiveInteger"
    " negativeInteger positiveInteger unsignedByte unsignedInt unsignedLong unsignedShort",
)
_DOUBLES: Final = _clark(XS, "double float numeric")
_LISTS: Final = _clark(XS, "NMTOKENS IDREFS ENTITIES")
_TEXTS: Final = _clark(
    XS,
    "string normalizedString token language NMTOKEN Name NCName ID IDREF ENTITY"
    " untypedAtomic anyURI QName hexBinary base64Binary",
)
# Without an argument they take the context item.
_OF_FOCUS: Final = _clark(
    FN,
    "string data number normalize-space string-length name local-name namespace-uri"
    " node-name nilled has-children",
)


def _literal(_judge: Judge, node: nodes.Literal, _scope: Scope) -> Value:
    value = node.value
    if isinstance(value, str):
        return replace(text(constant(len(value))), literal=value)
    if isinstance(value, bool):
        return replace(BOOLEAN, literal=value)
    return replace(number(_digits(value)), literal=value)


def _digits(value: float | Decimal) -> int:
    if isinstance(value, int):
        return value.bit_length() // 3 + 1
    return len(value.as_tuple().digits) if isinstance(value, Decimal) else DIGITS


def _variable(_judge: Judge, node: nodes.Variable, scope: Scope) -> Value:
    return scope.variables[node.name]


def _opaque(judge: Judge, node: nodes.Opaque, _scope: Scope) -> Value:
    raise judge.refused(_OPAQUE, node)


def _range(judge: Judge, node: nodes.Range, _scope: Scope) -> Value:
    raise judge.refused(_RANGE, node)


def _logical(judge: Judge, node: nodes.Or | nodes.And, scope: Scope) -> Value:
    judge.values(node.parts, scope)
    return BOOLEAN


def _sequence(judge: Judge, node: nodes.Sequence, scope: Scope) -> Value:
    values = judge.values(node.items, scope)
    if not values:
        return Value(NOTHING, NOTHING)
    total = values[0]
    for value in values[1:]:
        total += value
    return replace(total, literal=None)


def _if(judge: Judge, node: nodes.If, scope: Scope) -> Value:
    judge.value(node.condition, scope)
    return judge.value(node.then, scope) | judge.value(node.otherwise, scope)


def _comparison(judge: Judge, node: nodes.Comparison, scope: Scope) -> Value:
    left, right = judge.values((node.left, node.right), scope)
    for value in (left, right):
        # Texts are there already, those of nodes are put together each time.
        judge.spend(value.near + value.count if value.kind.is_nodes else value.count, node)
    by_hashing = node.operator == "=" and left.kind.is_hashed and right.kind.is_hashed
    if node.operator not in _GENERAL:
        _alike(judge, node, left.near, right.near)
    elif not by_hashing:
        _pairs(judge, node, left, right)
    return BOOLEAN


def _pairs(judge: Judge, node: nodes.Comparison, left: Value, right: Value) -> None:
    pairs = left.count.times(right.count)
    if not pairs.is_bounded:
        raise judge.refused(_MANY_WITH_MANY, node)
    judge.spend(pairs, node)
    _alike(judge, node, left.near.times(right.count), right.near.times(left.count))


def _alike(judge: Judge, node: nodes.Comparison, left: Size, right: Size) -> None:
    """Charge for reading two texts up to the end of the shorter one."""
    judge.spend(left if judge.total(left).is_bounded else right, node)


def _arithmetic(judge: Judge, node: nodes.Arithmetic, scope: Scope) -> Value:
    left, right = judge.values((node.left, node.right), scope)
    judge.spend(left.near + right.near, node)
    return _number_of(judge, node, [left, right])


def _negation(judge: Judge, node: nodes.Negation, scope: Scope) -> Value:
    value = judge.value(node.operand, scope)
    judge.spend(value.near, node)
    return _number_of(judge, node, [value])


def _number_of(judge: Judge, node: Cause, operands: list[Value]) -> Value:
    """Return a number as long as the operands together; untyped ones are doubles."""
    digits = 1 + sum(v.digits if v.kind is Kind.NUMBER else DIGITS for v in operands)
    if digits > _MOST_DIGITS:
        reason = f"This number may have more than {_MOST_DIGITS} digits"
        raise judge.refused(reason, node)
    made = number(digits)
    judge.spend(made.near, node)
    return made


def _call(judge: Judge, node: nodes.Call, scope: Scope) -> Value:
    cost = KNOWN.get(node.name)
    if cost is None:
        raise judge.refused(refusal(node.name.rpartition("}")[2]), node)
    given = judge.values(node.arguments, scope)
    if not given and node.name in _OF_FOCUS:
        given = [scope.focus]
    return cost(judge, node, given)


def _cast(judge: Judge, node: nodes.Cast | nodes.Castable, scope: Scope) -> Value:
    value = judge.value(node.value, scope)
    judge.spend(value.near + value.count, node)
    return BOOLEAN if isinstance(node, nodes.Castable) else _as(value.one(), node.type)


def _as(value: Value, type: str) -> Value:
    atom = replace(value, below=NOTHING, literal=None)
    if type in _WHOLE:
        # Longer texts are no numbers, whatever they say, and a double has 309 digits.
        digits = max(value.digits, 320) if value.kind is Kind.NUMBER else _DIGITS_OF_CASTS
        return replace(atom, kind=Kind.NUMBER, digits=digits)
    if type in _LISTS:
        return Value(value.near, value.near, kind=Kind.TEXT)
    if type in _TEXTS:
        return replace(atom, near=value.written + constant(8), kind=Kind.TEXT)
    kind = Kind.NUMBER if type in _DOUBLES else Kind.OTHER
    return replace(atom, near=NOTHING, kind=kind, digits=DIGITS)


def typed(value: Value, type: nodes.SequenceType | None) -> Value:
    """Return what passes as a sequence type: with no + or * it is one item."""
    if type is None or type.occurrence in ("*", "+") or not (type.atomic or type.test):
        return value
    return replace(value.one(), literal=value.literal)


def header(type: nodes.SequenceType | None) -> Value:
    """Return what a variable is worth that takes its value from a header."""
    value = Value(ONE, EVENT)
    return value if type is None or type.atomic is None else _as(value, type.atomic)


def _convert(judge: Judge, node: nodes.Convert, scope: Scope) -> Value:
    value = judge.value(node.value, scope)
    if node.type.atomic is None:
        judge.spend(value.count, node)
        return typed(value, node.type)
    judge.spend(value.near + value.count, node)
    kind = Kind.TEXT if value.kind.is_nodes else value.kind
    return typed(replace(value, below=NOTHING, kind=kind), node.type)


def _treat(judge: Judge, node: nodes.Treat, scope: Scope) -> Value:
    value = judge.value(node.value, scope)
    judge.spend(value.count, node)
    return typed(value, node.type)


def _instance_of(judge: Judge, node: nodes.InstanceOf, scope: Scope) -> Value:
    judge.spend(judge.value(node.value, scope).count, node)
    return BOOLEAN


RULES: Final[Mapping[type, Any]] = {
    nodes.Opaque: _opaque,
    nodes.Literal: _literal,
    nodes.Variable: _variable,
    nodes.Or: _logical,
    nodes.And: _logical,
    nodes.Comparison: _comparison,
    nodes.Arithmetic: _arithmetic,
    nodes.Negation: _negation,
    nodes.Range: _range,
    nodes.Call: _call,
    nodes.Sequence: _sequence,
    nodes.If: _if,
    nodes.Cast: _cast,
    nodes.Castable: _cast,
    nodes.Convert: _convert,
    nodes.Treat: _treat,
    nodes.InstanceOf: _instance_of,
}
