"""The dynamic context, with the axes where elementpath strays from XPath 3.1 §3.3.2.

It takes an attribute for an attribute of itself and for an element by its name, gives it
siblings, and follows nothing but elements.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

from elementpath.xpath_context import XPathContext
from elementpath.xpath_nodes import AttributeNode, ElementNode, XPathNode

__all__ = ["QueryContext"]


class QueryContext(XPathContext):
    """A dynamic context that knows the global variables.

    Functions see these and their own parameters, not the variables at the place of the call.
    """

    globals: dict[str, list[Any]]

    def iter_attributes(self) -> Iterator[AttributeNode]:
        """Yield the attributes of the context item."""
        if isinstance(self.item, ElementNode):
            yield from self._along("attribute", self.item.attributes)

    def iter_matching_nodes(
        self, name: str, default_namespace: str | None = None
    ) -> Iterator[AttributeNode | ElementNode]:
        """Yield what has a name: on an axis the context item, else among its children."""
        kind = AttributeNode if self.axis == "attribute" else ElementNode
        if self.axis is None or isinstance(self.item, kind):
            yield from super().iter_matching_nodes(name, default_namespace)

    def iter_siblings(self, axis: str | None = None) -> Iterator[Any]:
        """Yield the siblings before or after the context item, in document order."""
        parent = getattr(self.item, "parent", None)
        if parent is None or not parent.children or self.item not in parent.children:
            return
        place = parent.children.index(self.item)
        before = axis == "preceding-sibling"
        nodes = parent.children[:place] if before else parent.children[place + 1 :]
        yield from self._along(axis or "following-sibling", nodes)

    def iter_followings(self) -> Iterator[Any]:
        """Yield what comes after the context item and is not inside of it."""
        if isinstance(self.item, XPathNode):
            start, inside = self.item.position, set(_below(self.item))
            nodes = (n for n in _all(self.item) if n.position > start and n not in inside)
            yield from self._along("following", nodes)

    def iter_preceding(self) -> Iterator[Any]:
        """Yield what comes before the context item and is not around it, in document order."""
        if isinstance(self.item, XPathNode):
            end, around = self.item.position, set(_above(self.item))
            nodes = (n for n in _all(self.item) if n.position < end and n not in around)
            yield from self._along("preceding", nodes)

    def _along(self, axis: str, nodes: Iterable[XPathNode]) -> Iterator[Any]:
        status = self.item, self.axis
        self.axis = axis
        for node in nodes:
            self.item = cast(Any, node)
            yield node
        self.item, self.axis = status


def _above(node: XPathNode) -> Iterator[XPathNode]:
    parent = node.parent
    while parent is not None:
        yield parent
        parent = parent.parent


def _below(node: XPathNode) -> Iterable[XPathNode]:
    return node.iter_descendants(with_self=False) if hasattr(node, "iter_descendants") else ()


def _all(node: XPathNode) -> Iterable[XPathNode]:
    return _below([node, *_above(node)][-1])
