"""From items to atomic values: texts, numbers and single values of an expression."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Any, Final

from lxml import etree

from clacks_events.filter.compiled.code import Code, Count, Frame, Place, ordered, too_many
from clacks_events.filter.items import Item, is_node, string_value
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.xquery.atomic import double, untyped

__all__ = [
    "atomized",
    "optional_atom",
    "optional_node",
    "optional_number",
    "text_or_empty",
    "texts",
]

_CONTENT_ONLY: Final = (etree._Comment, etree._ProcessingInstruction)

Values = Callable[[Item, Frame], Iterable[Any]]


def text_in(code: Code) -> Callable[[Item], str]:
    """Return the string value of one of an expression's nodes."""
    if code.place is Place.ATTRIBUTE:
        return attrgetter("value")
    return _element_text if code.place is Place.ELEMENT else string_value


def _element_text(node: Item) -> str:
    # Most fields are leaves; whatever has children takes the long way.
    return string_value(node) if len(node) else node.text or ""


def texts(code: Code) -> Callable[[Item, Frame], Iterable[str]]:
    """Return the string values of nodes."""
    items, text_of = code.items, text_in(code)
    return lambda item, frame: [text_of(node) for node in items(item, frame)]


def atomized(code: Code) -> Values:
    """Return the atomic values of an expression; those of nodes are untyped."""
    items = code.items
    if code.is_nodes and code.place is not Place.ANY:
        values = texts(code)
        return lambda item, frame: map(untyped, values(item, frame))
    if code.is_nodes or code.kind is Kind.ANY:
        return lambda item, frame: map(_atom, items(item, frame))
    return items


def _atom(item: Item) -> Any:
    if not is_node(item):
        return item
    text = string_value(item)
    # The typed value of these is a string (XQuery and XPath Data Model 3.1, 6.5.3 and 6.6.3).
    return text if isinstance(item, _CONTENT_ONLY) else untyped(text)


def optional_atom(code: Code, what: str) -> Callable[[Item, Frame], Any]:
    """Return the one atomic value, or None; raise XPTY0004 if there are more."""
    if code.one is not None and not code.is_nodes and code.kind is not Kind.ANY:
        return code.one
    values = atomized(code)

    def run(item: Item, frame: Frame) -> Any:
        return _single(values(item, frame), what)

    return run


def _single(values: Iterable[Any], what: str) -> Any:
    rest: Iterator[Any] = iter(values)
    found = next(rest, None)
    for _ in rest:
        raise too_many(what)
    return found


def optional_node(code: Code, what: str) -> Callable[[Item, Frame], Item]:
    """Return the one node, or None; raise XPTY0004 if there are more."""
    if code.one is not None:
        return code.one
    items = ordered(code)
    return lambda item, frame: _single(items(item, frame), what)


def optional_number(code: Code, what: str) -> Callable[[Item, Frame], Any]:
    """Return the one value as an operand of arithmetic: untyped is xs:double."""
    if not code.is_nodes or code.place is Place.ANY:
        return optional_atom(code, what)
    node_of, text_of = optional_node(code, what), text_in(code)

    def run(item: Item, frame: Frame) -> float | None:
        node = node_of(item, frame)
        return None if node is None else double(text_of(node))

    return run


def text_or_empty(code: Code, what: str) -> Callable[[Item, Frame], str] | None:
    """Return the one string, empty if there is none; None if it may be no string."""
    if isinstance(code.constant, str):
        constant = code.constant
        return lambda item, frame: constant
    if code.kind is Kind.STRING:
        one = optional_atom(code, what)
        return one if code.count is Count.ONE else lambda item, frame: one(item, frame) or ""
    if not code.is_nodes:
        return None
    node_of, text_of = optional_node(code, what), text_in(code)

    def run(item: Item, frame: Frame) -> str:
        node = node_of(item, frame)
        return "" if node is None else text_of(node)

    return run
