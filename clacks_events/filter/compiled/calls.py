"""Calls of built-in functions and arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from clacks_events.filter import nodes
from clacks_events.filter.compiled.branches import truth_code
from clacks_events.filter.compiled.code import (
    NOW,
    Code,
    Count,
    Frame,
    NotLowerable,
    Order,
    Run,
    Scope,
    ordered,
)
from clacks_events.filter.compiled.functions import Function, function
from clacks_events.filter.compiled.paths import context_item
from clacks_events.filter.compiled.truth import test_of
from clacks_events.filter.compiled.values import (
    atomized,
    optional_atom,
    optional_node,
    optional_number,
    text_or_empty,
)
from clacks_events.filter.items import Attribute, Item
from clacks_events.filter.nodes import FN, XS
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.xquery.atomic import arithmetic_of, negate, now, promote, string_of

if TYPE_CHECKING:
    from clacks_events.filter.compiled.lowering import Lowering

__all__ = ["LOWERED"]

_MATH: Final = "{http://www.w3.org/2005/xpath-functions/math}"
_INTEGER: Final = f"{XS}integer"

_NUMBER: Final = (int, float, Decimal)

Arguments = list[Code]


def _call(lowering: Lowering, node: nodes.Call, scope: Scope) -> Code:
    local = node.name.removeprefix(FN)
    if local in ("position", "last") and not node.arguments:
        return _place(local, scope)
    arguments = [lowering.lower(argument, scope) for argument in node.arguments]
    if not arguments and local in _OF_FOCUS:
        arguments = [context_item(scope)]
    own = _OWN.get((local, len(arguments)))
    if own is not None:
        return own(arguments)
    known = function(
        node.name.replace(_MATH, "math:") if local == node.name else local, len(arguments)
    )
    if known is None:
        raise NotLowerable(f"the function {local}()")
    return _library(known, arguments, local)


def _place(local: str, scope: Scope) -> Code:
    slot = scope.focus.position if local == "position" else scope.focus.size
    if slot is None:
        # Outside of predicates there is one context item, the document.
        return Code(lambda item, frame: (1,), Kind.NUMBER, Count.ONE, one=lambda item, frame: 1)
    return Code(
        lambda item, frame: (frame[slot],),
        Kind.NUMBER,
        Count.ONE,
        one=lambda item, frame: frame[slot],
    )


def _library(known: Function, arguments: Arguments, local: str) -> Code:
    is_given = all(arguments[number].count is Count.ONE for number in known.required)
    if known.plain is not None and is_given:
        given = [text_or_empty(argument, f"an argument of {local}()") for argument in arguments]
        found = [text for text in given if text is not None]
        if len(found) == len(given):
            return _one(known.kind, _plain(known.plain, found))
    return _listed(known, arguments)


def _one(kind: Kind, one: Callable[[Item, Frame], Any]) -> Code:
    test = one if kind is Kind.BOOLEAN else None
    return Code(lambda item, frame: (one(item, frame),), kind, Count.ONE, one=one, test=test)


def _plain(
    call: Callable[..., Any], texts: list[Callable[[Item, Frame], str]]
) -> Callable[[Item, Frame], Any]:
    if len(texts) == 1:
        (only,) = texts
        return lambda item, frame: call(only(item, frame))
    if len(texts) == 2:
        first, second = texts
        return lambda item, frame: call(first(item, frame), second(item, frame))
    return lambda item, frame: call(*(text(item, frame) for text in texts))


def _listed(known: Function, arguments: Arguments) -> Code:
    runs: list[Run] = [
        ordered(argument) if known.moves_items and number == known.moved else atomized(argument)
        for number, argument in enumerate(arguments)
    ]
    call, kind = known.call, known.kind
    if known.moves_items:
        kind = arguments[known.moved].kind if arguments else kind

    def items(item: Item, frame: Frame) -> Iterable[Any]:
        given = [list(run(item, frame)) for run in runs]
        if known.needs_now:
            given.insert(0, [_instant(frame)])
        return call(*given)

    def one(item: Item, frame: Frame) -> Any:
        return next(iter(items(item, frame)), None)

    count = Count.ONE if known.is_single else Count.OPTIONAL
    if not (known.is_single or known.is_optional):
        return Code(items, kind, Count.MANY, order=Order.RAW)
    return Code(items, kind, count, one=one, order=Order.RAW)


def _instant(frame: Frame) -> Any:
    if frame[NOW] is None:
        frame[NOW] = now()
    return frame[NOW]


def _not(arguments: Arguments) -> Code:
    test = test_of(arguments[0])
    return truth_code(lambda item, frame: not test(item, frame))


def _boolean(arguments: Arguments) -> Code:
    return truth_code(test_of(arguments[0]))


def _constant(value: bool) -> Callable[[Arguments], Code]:
    code = replace(truth_code(lambda item, frame: value), constant=value)
    return lambda arguments: code


def _exists(arguments: Arguments) -> Code:
    items = arguments[0].items
    return truth_code(lambda item, frame: any(True for _ in items(item, frame)))


def _empty(arguments: Arguments) -> Code:
    items = arguments[0].items
    return truth_code(lambda item, frame: not any(True for _ in items(item, frame)))


def _count(arguments: Arguments) -> Code:
    items = ordered(arguments[0])
    return _one(Kind.NUMBER, lambda item, frame: len(list(items(item, frame))))


def _string(arguments: Arguments) -> Code:
    text = text_or_empty(arguments[0], "the argument of string()")
    if text is not None:
        return _one(Kind.STRING, text)
    atom = optional_atom(arguments[0], "the argument of string()")

    def one(item: Item, frame: Frame) -> str:
        value = atom(item, frame)
        return "" if value is None else string_of(value)

    return _one(Kind.STRING, one)


def _data(arguments: Arguments) -> Code:
    code = arguments[0]
    kind = code.kind if code.kind not in (Kind.NODES, Kind.ANY) else Kind.ATOMIC
    return Code(atomized(replace(code, items=ordered(code))), kind, code.count)


def _name_of(part: Callable[[Item], str]) -> Callable[[Arguments], Code]:
    def lowered(arguments: Arguments) -> Code:
        code = arguments[0]
        if not code.is_nodes:
            raise NotLowerable("the name of what may be no node")
        node = optional_node(code, "the argument")
        return _one(Kind.STRING, lambda item, frame: _part(node(item, frame), part))

    return lowered


def _part(node: Item, part: Callable[[Item], str]) -> str:
    return "" if node is None else part(node)


def _clark(node: Item) -> str:
    if isinstance(node, Attribute):
        return node.name
    if isinstance(node, etree._ProcessingInstruction):
        return str(node.target)
    return node.tag if isinstance(node, etree._Element) and isinstance(node.tag, str) else ""


def _local(node: Item) -> str:
    return _clark(node).rpartition("}")[2]


def _namespace(node: Item) -> str:
    return _clark(node)[1:].rpartition("}")[0]


def _name(node: Item) -> str:
    local = _local(node)
    if isinstance(node, Attribute):
        prefix = _attribute_prefix(node)
    else:
        prefix = node.prefix if isinstance(node, etree._Element) else None
    return f"{prefix}:{local}" if prefix else local


def _attribute_prefix(node: Attribute) -> str | None:
    namespace = _namespace(node)
    if namespace == "http://www.w3.org/XML/1998/namespace":
        return "xml"
    known = (prefix for prefix, uri in node.owner.nsmap.items() if prefix and uri == namespace)
    return next(known, None) if namespace else None


_OF_FOCUS: Final = frozenset(
    ("string", "data", "name", "local-name", "namespace-uri", "number", "string-length",
     "normalize-space")
)  # fmt: skip
_OWN: Final[Mapping[tuple[str, int], Callable[[Arguments], Code]]] = {
    ("not", 1): _not,
    ("boolean", 1): _boolean,
    ("true", 0): _constant(True),
    ("false", 0): _constant(False),
    ("exists", 1): _exists,
    ("empty", 1): _empty,
    ("count", 1): _count,
    ("string", 1): _string,
    ("data", 1): _data,
    ("name", 1): _name_of(_name),
    ("local-name", 1): _name_of(_local),
    ("namespace-uri", 1): _name_of(_namespace),
}


def _arithmetic(lowering: Lowering, node: nodes.Arithmetic, scope: Scope) -> Code:
    what = f"an operand of {node.operator}"
    operands = [lowering.lower(operand, scope) for operand in (node.left, node.right)]
    left, right = (optional_number(operand, what) for operand in operands)
    calculate = arithmetic_of(node.operator)

    def one(item: Item, frame: Frame) -> Any:
        first = left(item, frame)
        if first is None:
            return None
        second = right(item, frame)
        return None if second is None else calculate(first, second)

    # With dates and durations it may be no number.
    is_number = all(operand.kind in (Kind.NUMBER, Kind.NODES) for operand in operands)
    return _optional(Kind.NUMBER if is_number else Kind.ATOMIC, one)


def _optional(kind: Kind, one: Callable[[Item, Frame], Any]) -> Code:
    def items(item: Item, frame: Frame) -> Iterable[Any]:
        found = one(item, frame)
        return () if found is None else (found,)

    return Code(items, kind, Count.OPTIONAL, one=one)


def _negation(lowering: Lowering, node: nodes.Negation, scope: Scope) -> Code:
    operand = lowering.lower(node.operand, scope)
    number = optional_number(operand, f"the operand of {node.sign}")
    if isinstance(node.operand, nodes.Literal) and isinstance(node.operand.value, _NUMBER):
        value = node.operand.value
        return lowering.lower(nodes.Literal(-value if node.sign == "-" else value), scope)

    def one(item: Item, frame: Frame) -> Any:
        value = number(item, frame)
        if value is None:
            return None
        return negate(value) if node.sign == "-" else negate(negate(value))

    return _optional(Kind.NUMBER if operand.is_nodes else operand.kind, one)


def _range(lowering: Lowering, node: nodes.Range, scope: Scope) -> Code:
    what = "a bound of a range"
    bounds = [optional_atom(lowering.lower(bound, scope), what) for bound in (node.low, node.high)]
    low, high = bounds

    def items(item: Item, frame: Frame) -> Iterable[int]:
        first, last = low(item, frame), high(item, frame)
        if first is None or last is None:
            return ()
        return range(promote(first, _INTEGER), promote(last, _INTEGER) + 1)

    return Code(items, Kind.NUMBER)


LOWERED: Final[Mapping[type, Callable[..., Code]]] = {
    nodes.Call: _call,
    nodes.Range: _range,
    nodes.Arithmetic: _arithmetic,
    nodes.Negation: _negation,
}
