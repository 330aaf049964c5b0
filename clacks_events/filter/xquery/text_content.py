"""String values of nodes around comments and processing instructions.

elementpath leaves out the text behind a comment inside of an element, takes the text of a comment
for the document's, and an empty CDATA section for a text node (XPath and XQuery Data Model 3.1
§6.1, §6.2 and §6.7).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, cast

from elementpath.datatypes import UntypedAtomic
from elementpath.xpath_nodes import (
    DocumentNode,
    ElementNode,
    EtreeDocumentNode,
    EtreeElementNode,
    TextNode,
)
from lxml import etree

__all__ = ["mend"]

_HAS_EMPTY_TEXT: Final = etree.XPath("boolean(//text()[. = ''])")


class _Element(EtreeElementNode):
    """An element with a comment or a processing instruction somewhere inside."""

    __slots__ = ()

    @property
    def string_value(self) -> str:
        return _text(self.value)

    compat_string_value = string_value

    @property
    def iter_typed_values(self) -> Iterator[UntypedAtomic]:
        yield UntypedAtomic(_text(self.value))


class _Document(EtreeDocumentNode):
    """A document with a comment or a processing instruction beside its root."""

    __slots__ = ()

    @property
    def string_value(self) -> str:
        return "".join(c.string_value for c in self.children if isinstance(c, ElementNode))

    compat_string_value = string_value


def mend(node: DocumentNode) -> None:
    """Give the nodes around a comment or a processing instruction their right string values."""
    if len(node.children) > 1 and type(node) is EtreeDocumentNode:
        node.__class__ = _Document
    root = cast(Any, node.value).getroot()
    if _HAS_EMPTY_TEXT(root):
        _drop_empty_text(node)
    elements = cast("dict[Any, Any]", node.tree.elements)
    for comment in root.iter(etree.Comment, etree.ProcessingInstruction):
        for above in comment.iterancestors():
            found = elements[above]
            if type(found) is EtreeElementNode:
                found.__class__ = _Element


def _drop_empty_text(node: DocumentNode) -> None:
    for inner in list(node.iter_descendants()):
        if isinstance(inner, ElementNode):
            kept = [c for c in inner.children if not isinstance(c, TextNode) or c.value]
            inner.children[:] = kept


def _text(element: Any) -> str:
    # Not by lxml's XPath: it moves an element to a document of its own, seen by other threads.
    parts = [element.text or ""]
    for child in element:
        if isinstance(child.tag, str):
            parts.append(_text(child))
        parts.append(child.tail or "")
    return "".join(parts)
