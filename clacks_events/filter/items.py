"""The nodes of an event as the compiled evaluator sees them.

Elements, comments and processing instructions are lxml's own objects. What lxml has no object
for, attributes and pieces of text, gets a small one; the document node is the ``Document``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias

from lxml import etree

from clacks_events.filter.nodes import SchemaTypeTest

__all__ = [
    "Attribute",
    "Document",
    "Item",
    "Order",
    "Text",
    "has_type",
    "in_document_order",
    "is_node",
    "string_value",
]

Item: TypeAlias = Any
"""A node (lxml element, Attribute, Text, Document) or an atomic value."""


class Document:
    """The document node above the envelope."""

    __slots__ = ("root",)

    def __init__(self, root: etree._Element) -> None:
        self.root = root

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Document) and other.root is self.root

    def __hash__(self) -> int:
        return hash(self.root)

    def children(self) -> Iterator[etree._Element]:
        """Yield the comments around the root, and the root."""
        yield from reversed(list(self.root.itersiblings(preceding=True)))
        yield self.root
        yield from self.root.itersiblings()

    def order(self) -> Order:
        """Return the place of each element, comment and processing instruction."""
        nodes = (node for child in self.children() for node in child.iter())
        return {node: place for place, node in enumerate(nodes)}


Order: TypeAlias = dict[object, int]


class Attribute:
    """An attribute of an element."""

    __slots__ = ("name", "owner", "value")

    def __init__(self, owner: etree._Element, name: str, value: str) -> None:
        self.owner = owner
        self.name = name
        self.value = value

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Attribute) and other.owner is self.owner and other.name == self.name
        )

    def __hash__(self) -> int:
        return hash((self.owner, self.name))


class Text:
    """A piece of text: behind ``before``, or at the beginning of ``owner`` if that is None."""

    __slots__ = ("before", "owner", "value")

    def __init__(self, owner: etree._Element, before: etree._Element | None, value: str) -> None:
        self.owner = owner
        self.before = before
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Text) and other.owner is self.owner and other.before is self.before

    def __hash__(self) -> int:
        return hash((self.owner, self.before))


_XSI: Final = "{http://www.w3.org/2001/XMLSchema-instance}"
_XSI_TYPE: Final = f"{_XSI}type"
_XSI_NIL: Final = f"{_XSI}nil"
_NODES = (etree._Element, Attribute, Text, Document)


def is_node(item: Item) -> bool:
    """Tell whether an item is a node and not an atomic value."""
    return isinstance(item, _NODES)


def string_value(node: Item) -> str:
    """Return the string value of a node: the text of an element without that of comments."""
    if isinstance(node, (Attribute, Text)):
        return node.value
    if isinstance(node, Document):
        node = node.root
    if len(node) and isinstance(node.tag, str):
        return "".join(node.itertext())
    return node.text or ""


def in_document_order(nodes: Iterable[Item], order: Callable[[], Order]) -> list[Item]:
    """Return nodes without duplicates, in the order of the document.

    ``order`` is asked for only if there is something to sort.
    """
    distinct = dict.fromkeys(nodes)
    if len(distinct) < 2:
        return list(distinct)
    places = order()
    return sorted(distinct, key=lambda node: _place(node, places))


def _place(node: Item, order: dict[object, int]) -> tuple[int, ...]:
    if isinstance(node, Document):
        return (-1,)
    if isinstance(node, Attribute):
        return (order[node.owner], 0, list(node.owner.keys()).index(node.name))
    if isinstance(node, Text):
        if node.before is None:
            return (order[node.owner], 1)
        last = node.before
        while len(last):
            last = last[-1]
        return (order[last], 2, -_depth(node.before))
    return (order[node],)


def _depth(element: etree._Element) -> int:
    return sum(1 for _ in element.iterancestors())


def has_type(node: etree._Element, test: SchemaTypeTest) -> bool:
    """Tell whether an element has one of the schema types that a test is for."""
    if node.tag not in test.candidates:
        return False
    if not test.allows_nil and (node.get(_XSI_NIL) or "").strip() in ("true", "1"):
        return False
    declared = node.get(_XSI_TYPE)
    if declared is None:
        return node.tag in test.elements
    prefix, _, local = declared.strip().rpartition(":")
    namespace = node.nsmap.get(prefix or None)
    if prefix and namespace is None:
        return False
    return (f"{{{namespace}}}{local}" if namespace else local) in test.types
