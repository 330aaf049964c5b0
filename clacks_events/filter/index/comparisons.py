"""Which comparisons and calls the index understands, and what becomes of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Final, TypeAlias

from clacks_events.filter import nodes
from clacks_events.filter.index.atoms import Affix, Atom, Differs, Lacks, OneOf, Side, Within
from clacks_events.filter.index.flatten import Feature, Value, View
from clacks_events.filter.index.places import Base, Place, Types, where
from clacks_events.filter.nodes import FN, Node

__all__ = ["Borrow", "Leaf", "leaf"]

Borrow: TypeAlias = Callable[[Place, View], Feature]
"""Gives the feature for a view of a place."""

Leaf: TypeAlias = tuple[Types, Atom | None]
"""The payloads that a condition is about, and what must hold; None is nothing more."""

_MIRRORED: Final = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<=", "eq": "eq"}
_EXACT: Final = 2**53  # integers up to here are the same as xs:double
_SIDES: Final = {
    FN + "starts-with": Side.START,
    FN + "ends-with": Side.END,
    FN + "contains": Side.INSIDE,
}


def leaf(node: Node, borrow: Borrow) -> Leaf | None:
    """Return what a condition without ``and`` and ``or`` asks for; None if it is not understood."""
    match node:
        case nodes.Path():
            return _existence(node, borrow)
        case nodes.Comparison(operator, left, right) if operator in _MIRRORED:
            return _comparison(operator, left, right, borrow)
        case nodes.Call(name, (argument,)) if name in (FN + "boolean", FN + "exists"):
            is_path = isinstance(argument, nodes.Path)
            return _existence(argument, borrow) if is_path else None
        case nodes.Call(name, (argument,)) if name in (FN + "not", FN + "empty"):
            return _absence(name, argument, borrow)
        case nodes.Call(name, (path, nodes.Literal(str(text)))) if text and name in _SIDES:
            return _affix(_SIDES[name], path, text, borrow)
        case _:
            return None


def _existence(node: Node, borrow: Borrow) -> Leaf | None:
    found = where(node)
    if found is None:
        return None
    is_sure = found.place.is_sure or found.types == frozenset()
    return found.types, None if is_sure else OneOf(borrow(found.place, View.PRESENT), (True,))


def _absence(name: str, argument: Node, borrow: Borrow) -> Leaf | None:
    match argument:
        case nodes.Path():
            found, view = where(argument), View.PRESENT
            values: tuple[Value, ...] = (True,)
        case nodes.Comparison("=", path, value) if name == FN + "not":
            texts = strings(value)
            if texts is None:
                return None
            found, view, values = where(path), View.TEXT, texts
        case _:
            return None
    if found is None or not _has_text(found.place) or found.types == frozenset():
        return None
    return None, Lacks(borrow(found.place, view), values, found.types)


def _has_text(place: Place) -> bool:
    """Tell whether a place is more than the envelope, whose text the index does not know."""
    return not (place.base is Base.ENVELOPE and place.attribute is None)


def _comparison(operator: str, left: Node, right: Node, borrow: Borrow) -> Leaf | None:
    if not isinstance(left, nodes.Path):
        # Of several constants to the left, the order shows in errors.
        if isinstance(left, nodes.Sequence) and strings(left) is None:
            return None
        operator, left, right = _MIRRORED[operator], right, left
    found = where(left)
    if found is None or not _has_text(found.place) or found.types == frozenset():
        return None
    atom = _atom(operator, found.place, right, borrow)
    return None if atom is None else (found.types, atom)


def _atom(operator: str, place: Place, constant: Node, borrow: Borrow) -> Atom | None:
    texts = strings(constant)
    if texts is not None:
        return _of_strings(operator, place, texts, borrow)
    number = _number(constant)
    if operator == "=":
        numbers = _numbers(constant)
        return None if numbers is None else OneOf(borrow(place, View.NUMBER), numbers)
    bounds = None if number is None else _bounds(operator, number)
    return None if bounds is None else Within(borrow(place, View.NUMBER), *bounds)


def _of_strings(operator: str, place: Place, texts: tuple[str, ...], borrow: Borrow) -> Atom | None:
    if operator == "=":
        return OneOf(borrow(place, View.TEXT), texts)
    if len(texts) != 1:
        return None
    if operator == "eq":
        return OneOf(borrow(place, View.ONLY), texts)
    return Differs(borrow(place, View.TEXT), texts[0]) if operator == "!=" else None


def _bounds(operator: str, number: float) -> tuple[float, float] | None:
    """Return the least and the greatest number that an operator lets pass."""
    match operator:
        case ">=":
            return number, math.inf
        case "<=":
            return -math.inf, number
        case ">" if number < math.inf:
            return math.nextafter(number, math.inf), math.inf
        case "<" if number > -math.inf:
            return -math.inf, math.nextafter(number, -math.inf)
        case _:
            return None


def _affix(side: Side, path: Node, text: str, borrow: Borrow) -> Leaf | None:
    found = where(path)
    if found is None or not _has_text(found.place) or found.types == frozenset():
        return None
    return found.types, Affix(borrow(found.place, View.ONLY), side, text)


def strings(node: Node) -> tuple[str, ...] | None:
    """Return the strings that an expression lists; None for anything else, and for none."""
    items = node.items if isinstance(node, nodes.Sequence) else (node,)
    texts = [
        item.value
        for item in items
        if isinstance(item, nodes.Literal) and isinstance(item.value, str)
    ]
    return tuple(dict.fromkeys(texts)) if texts and len(texts) == len(items) else None


def _numbers(node: Node) -> tuple[float, ...] | None:
    items = node.items if isinstance(node, nodes.Sequence) else (node,)
    found = [number for item in items if (number := _number(item)) is not None]
    return tuple(dict.fromkeys(found)) if found and len(found) == len(items) else None


def _number(node: Node) -> float | None:
    match node:
        case nodes.Negation(sign, operand):
            number = _number(operand)
            return -number if sign == "-" and number is not None else number
        case nodes.Literal(bool()):
            return None
        case nodes.Literal(int(value)):
            return float(value) if abs(value) <= _EXACT else None
        case nodes.Literal(Decimal() | float() as value):
            number = float(value)
            return None if math.isnan(number) else number
        case _:
            return None
