"""Paths, their steps and predicates.

elementpath's own path operators move the context item without putting it back and do not sort
their results; these do neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from elementpath.helpers import node_position
from elementpath.xpath_nodes import DocumentNode, XPathNode
from elementpath.xpath_tokens import XPathAxis, XPathToken

from clacks_events.filter.xquery.base import (
    Item,
    QueryContext,
    QueryToken,
    Sequence,
    derive,
    focus,
    new_class,
)
from clacks_events.filter.xquery.lexer import KIND_TESTS
from clacks_events.filter.xquery.sequence_type import ItemType, node_test

__all__ = ["TOKENS"]

_STEP_SYMBOLS: Final = frozenset(
    [
        "(integer)",
        "(string)",
        "(float)",
        "(decimal)",
        "(name)",
        "*",
        "@",
        "..",
        ".",
        "(",
        "[",
        "Q{",
        "$",
        "(function)",
        "map",
        "array",
        "``[",
        "function",
    ]
)


class QNameToken(QueryToken):
    """``p:name``, ``p:*`` and ``*:name`` as a step."""

    symbol = ":"
    lookup_name = "(qname)"
    label = "name"
    lbp = rbp = 95

    def led(self, left: XPathToken) -> XPathToken:
        parser = self.parser
        if not parser.at("(name)", "*") or (left.symbol == "*" and parser.at("*")):
            raise parser.unexpected("a name")
        namespace = "*" if left.symbol == "*" else parser.resolve(str(left.value), left.span)
        right = parser.advance()
        self._items[:] = left, right
        self.value = f"{left.value}:{right.value}"
        self.name = f"{{{namespace}}}{right.value}" if namespace else str(right.value)
        return self

    @property
    def source(self) -> str:
        return f"{self._items[0].value}:{self._items[1].value}"

    def select(self, context: Any = None) -> Iterator[Item]:
        yield from self.given(context).iter_matching_nodes(self.name)


class BracedName(QueryToken):
    """``Q{uri}name`` and ``Q{uri}*`` as a step, ``Q{uri}name(…)`` as a call."""

    symbol = lookup_name = "Q{"
    label = "expanded name"
    lbp = rbp = 0

    @property
    def source(self) -> str:
        return f"Q{{{self.value}}}{self._items[0].value}"

    def nud(self) -> XPathToken:
        parser = self.parser
        if parser.next_token.symbol == "(function)":
            name = parser.advance()
            name.namespace = str(self.value)
            return name.nud()
        if not parser.at("(name)", "*"):
            raise parser.unexpected("a name")
        local = parser.advance()
        self._items[:] = (local,)
        self.name = f"{{{self.value}}}{local.value}" if self.value else str(local.value)
        if local.value == "*" and not self.value:
            self.name = "{}*"
        return self

    def select(self, context: Any = None) -> Iterator[Item]:
        yield from self.given(context).iter_matching_nodes(self.name)


class KindTest(QueryToken):
    """``element()``, ``text()`` and so on as a step."""

    label = "kind test"
    test: ItemType

    def nud(self) -> XPathToken:
        self.test = node_test(self.parser, self.symbol)
        return self

    def select(self, context: Any = None) -> Iterator[Item]:
        context = self.given(context)
        default = context.axis is None and self.test.kind == "attribute"
        items = context.iter_attributes() if default else context.iter_children_or_self()
        for item in items:
            if self.test.test(item):
                yield item


class AttributeAxis(XPathAxis):
    """The attribute axis; elementpath has one token for it and the kind test."""

    symbol = lookup_name = "attribute"
    lbp = rbp = 80

    def select(self, context: Any = None) -> Iterator[Item]:
        for _ in context.iter_attributes():
            yield from self[0].select(context)


class Path(QueryToken):
    """``/`` in front of, and between, steps."""

    symbol = lookup_name = "/"
    label = "operator"
    lbp = rbp = 75

    def nud(self) -> XPathToken:
        following = self.parser.next_token
        if following.label in ("axis", "kind test") or following.symbol in _STEP_SYMBOLS:
            with self.parser.focused():
                self._items[:] = (self.parser.expression(75),)
        elif self.symbol == "//":
            raise self.parser.unexpected("a step")
        return self

    def led(self, left: XPathToken) -> XPathToken:
        with self.parser.focused():
            self._items[:] = left, self.parser.expression(75)
        return self

    def select(self, context: Any = None) -> Iterator[Item]:
        context = self.context(context)
        if len(self._items) == 2:
            return iter(self._ordered([i for c in focus(self[0], context) for i in self._step(c)]))
        context.item, context.axis = self._root(context.item), None
        if not self._items:
            return iter([context.item])
        return iter(self._ordered(list(self._reached(context, self[0]))))

    def _root(self, item: Item) -> DocumentNode:
        if not isinstance(item, XPathNode):
            raise self.error("XPTY0020", "the context item is not a node")
        while item.parent is not None:
            item = item.parent
        if not isinstance(item, DocumentNode):
            raise self.error("XPDY0050", "the tree has no document node")
        return item

    def _step(self, context: QueryContext) -> Iterator[Item]:
        if not isinstance(context.item, XPathNode):
            raise self.error("XPTY0019", "a step was taken from a value that is not a node")
        return self._reached(context, self[1])

    def _reached(self, context: QueryContext, step: XPathToken) -> Iterator[Item]:
        return step.select(context)

    def _ordered(self, items: Sequence) -> Sequence:
        nodes = sum(isinstance(item, XPathNode) for item in items)
        if not nodes or len(items) < 2:
            return items
        if nodes < len(items):
            raise self.error("XPTY0018", "a step gave both nodes and other values")
        return sorted({id(node): node for node in items}.values(), key=node_position)


class Descendants(Path):
    """``//``: the step is taken from the node and from all nodes below it."""

    symbol = lookup_name = "//"

    def _reached(self, context: QueryContext, step: XPathToken) -> Iterator[Item]:
        origin = context.item
        assert isinstance(origin, XPathNode)
        below = list(origin.iter_descendants()) if hasattr(origin, "iter_descendants") else [origin]
        for context.item in below:
            context.axis = None
            yield from step.select(context)


def _predicate(self: Any, left: XPathToken) -> Any:
    with self.parser.focused():
        self[:] = left, self.parser.expression()
    self.parser.advance("]")
    return self


def _kind_test(word: str) -> type[XPathToken]:
    members = {"symbol": word, "lookup_name": f"{word}()"}
    return new_class(f"KindTest_{word}", KindTest, members)


TOKENS: Final[dict[str, type[XPathToken]]] = {
    "(qname)": QNameToken,
    "Q{": BracedName,
    "attribute": AttributeAxis,
    "/": Path,
    "//": Descendants,
    "[": derive("[", led=_predicate),
    **{f"{word}()": _kind_test(word) for word in sorted(KIND_TESTS)},
}
