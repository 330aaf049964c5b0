"""Sequence types: reading, matching and the function conversion rules (XQuery 3.1 §2.5, §3.1.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from elementpath.datatypes import AnyURI, UntypedAtomic, builtin_atomic_types
from elementpath.namespaces import XSD_NAMESPACE
from elementpath.sequence_types import is_instance
from elementpath.xpath_nodes import ElementNode, XPathNode
from elementpath.xpath_tokens import (
    XPathArray,
    XPathConstructor,
    XPathFunction,
    XPathMap,
    XPathToken,
)

from clacks_events.filter.xquery.base import Item, Sequence

if TYPE_CHECKING:
    from clacks_events.filter.xquery.parser import XQueryParser

__all__ = ["ITEMS", "ItemType", "SequenceType", "atomic_type", "node_test", "read_type"]

_XS: Final = f"{{{XSD_NAMESPACE}}}"
_UNTYPED_ELEMENT: Final = frozenset(_XS + name for name in ("untyped", "anyType"))
_UNTYPED_ATTRIBUTE: Final = frozenset(
    _XS + name for name in ("untypedAtomic", "anyAtomicType", "anySimpleType", "anyType")
)
_NODE_KINDS: Final = {
    "document-node": "document",
    "namespace-node": "namespace",
    "schema-element": "element",
    "schema-attribute": "attribute",
}

Test = Callable[[Item], bool]


@dataclass(frozen=True, slots=True)
class ItemType:
    """One item type.

    ``atomic`` is its Clark name if it is an atomic type, ``declared`` that of the element in
    ``schema-element()``.
    """

    test: Test
    atomic: str | None = None
    kind: str | None = None
    declared: str | None = None


@dataclass(frozen=True, slots=True)
class SequenceType:
    """A sequence type as it was written, ready to be matched."""

    text: str
    item: ItemType | None
    occurrence: str = ""

    def matches(self, items: Sequence) -> bool:
        """Tell whether a sequence is of this type, without any conversion."""
        if self.item is None:
            return not items
        if len(items) != 1:
            return self.occurrence in (("*", "?") if not items else ("*", "+")) and all(
                map(self.item.test, items)
            )
        return self.item.test(items[0])

    def convert(self, items: Sequence, token: XPathToken) -> Sequence:
        """Apply the function conversion rules; raise XPTY0004 if they do not help."""
        if self.item is not None and self.item.atomic is not None:
            values = [value for item in items for value in token.atomize_item(item)]
            items = [_promote(value, self.item.atomic, token) for value in values]
        self.check(items, token)
        return items

    def check(self, items: Sequence, token: XPathToken) -> None:
        """Raise XPTY0004 unless a sequence is of this type."""
        if not self.matches(items):
            raise token.error("XPTY0004", f"the value is not of the type {self.text}")


ITEMS: Final = SequenceType("item()*", ItemType(lambda _item: True), "*")


def read_type(parser: XQueryParser) -> SequenceType:
    """Read a sequence type at the parser's place."""
    start = parser.next_token.span[0]
    if parser.next_token.value == "empty-sequence":
        parser.advance()
        parser.advance("(")
        parser.advance(")")
        return SequenceType("empty-sequence()", None)
    item = _item_type(parser)
    occurrence = ""
    if parser.next_token.symbol in ("?", "*", "+"):
        occurrence = parser.next_token.symbol
        parser.advance()
    text = " ".join(parser.source[start : parser.token.span[1]].split())
    return SequenceType(text, item, occurrence)


def _item_type(parser: XQueryParser) -> ItemType:
    symbol, word = parser.next_token.symbol, parser.next_token.value
    if parser.next_token.label == "kind test":
        parser.advance()
        return node_test(parser, str(word))
    if symbol == "(type)":
        parser.advance()
        return {"item": _any_item, "map": _map_type, "array": _array_type}[str(word)](parser)
    if symbol == "function":
        return _function_type(parser)
    if symbol == "(":
        parser.advance()
        inner = _item_type(parser)
        parser.advance(")")
        return inner
    return atomic_type(parser)


def _any_item(parser: XQueryParser) -> ItemType:
    parser.advance("(")
    parser.advance(")")
    return ItemType(lambda _item: True)


def atomic_type(parser: XQueryParser) -> ItemType:
    """Read the name of an atomic type."""
    start = parser.next_token.span[0]
    name = parser.read_name(parser.default_namespace or "")
    if name != _XS + "numeric" and name not in builtin_atomic_types:
        span = start, parser.token.span[1]
        raise parser.type_error(
            f"There is no atomic type {parser.source[slice(*span)]}", span, "XPST0051"
        )
    return ItemType(
        lambda item: not isinstance(item, (XPathNode, XPathToken)) and is_instance(item, name), name
    )


def _map_type(parser: XQueryParser) -> ItemType:
    parser.advance("(")
    if _wildcard(parser):
        return ItemType(lambda item: isinstance(item, XPathMap))
    key = atomic_type(parser)
    parser.advance(",")
    value = read_type(parser)
    parser.advance(")")
    return ItemType(
        lambda item: (
            isinstance(item, XPathMap)
            and all(key.test(k) and value.matches(as_list(v)) for k, v in item.items())
        )
    )


def _array_type(parser: XQueryParser) -> ItemType:
    parser.advance("(")
    if _wildcard(parser):
        return ItemType(lambda item: isinstance(item, XPathArray))
    member = read_type(parser)
    parser.advance(")")
    return ItemType(
        lambda item: (
            isinstance(item, XPathArray) and all(member.matches(as_list(v)) for v in item.items())
        )
    )


def _function_type(parser: XQueryParser) -> ItemType:
    start = parser.next_token.span[0]
    parser.advance()
    parser.advance("(")
    if _wildcard(parser):
        return ItemType(lambda item: isinstance(item, XPathFunction))
    while parser.next_token.symbol != ")":
        read_type(parser)
        if parser.next_token.symbol != ")":
            parser.advance(",")
    parser.advance(")")
    parser.advance("as")
    read_type(parser)
    text = " ".join(parser.source[start : parser.token.span[1]].split())
    return ItemType(
        lambda item: isinstance(item, XPathFunction) and bool(item.match_function_test(text))
    )


def _wildcard(parser: XQueryParser) -> bool:
    if parser.next_token.symbol != "*":
        return False
    parser.advance()
    parser.advance(")")
    return True


def as_list(value: Item) -> Sequence:
    """Return a value of a map or an array as a sequence."""
    return list(value) if isinstance(value, list) else [value]


def node_test(parser: XQueryParser, word: str) -> ItemType:
    """Read the parentheses of a kind test whose word has been read."""
    kind = _NODE_KINDS.get(word, word)
    parser.advance("(")
    inner: Test | None = None
    declared: str | None = None
    if word == "schema-element" and parser.next_token.symbol != ")":
        declared = _declared_element(parser)
        inner = _stands_for(declared, parser)
    elif parser.next_token.symbol != ")":
        inner = _node_argument(parser, word)
    elif word.startswith("schema-"):
        parser.advance("(name)")
    parser.advance(")")
    if kind == "node":
        return ItemType(lambda item: isinstance(item, XPathNode), kind="node")

    def test(item: Item) -> bool:
        return (
            isinstance(item, XPathNode)
            and item.node_kind == kind
            and (inner is None or inner(item))
        )

    return ItemType(test, kind=kind, declared=declared)


def _node_argument(parser: XQueryParser, word: str) -> Test | None:
    if word in ("element", "attribute"):
        return _named_node(parser, word)
    if word == "document-node" and parser.next_token.value in ("element", "schema-element"):
        element = _item_type(parser)
        return lambda item: (
            [element.test(child) for child in item if isinstance(child, ElementNode)] == [True]
        )
    if word == "processing-instruction":
        return _instruction(parser)
    raise parser.unexpected()


def _instruction(parser: XQueryParser) -> Test:
    if parser.next_token.symbol == "(string)":
        parser.advance()
        target = " ".join(str(parser.token.value).split())
    else:
        parser.advance("(name)")
        target = str(parser.token.value)
    return lambda item: bool(item.name == target)


def _named_node(parser: XQueryParser, word: str) -> Test | None:
    if parser.next_token.symbol == "*":
        parser.advance()
        name = None
    else:
        name = parser.read_name((parser.default_namespace or "") if word == "element" else "")
    typed = True
    if parser.next_token.symbol == ",":
        parser.advance()
        typed = _accepts_untyped(parser, word)
    return lambda item: typed and (name is None or item.name == name)


def _accepts_untyped(parser: XQueryParser, word: str) -> bool:
    start = parser.next_token.span[0]
    name = parser.read_name(parser.default_namespace or "")
    if not name.startswith(_XS):
        reason = "Types of a schema cannot be asked for; name the elements instead"
        raise parser.unsupported(reason, (start, parser.token.span[1]))
    if parser.next_token.symbol == "?":
        parser.advance()
    return name in (_UNTYPED_ELEMENT if word == "element" else _UNTYPED_ATTRIBUTE)


def _declared_element(parser: XQueryParser) -> str:
    start = parser.next_token.span[0]
    name = parser.read_name(parser.default_namespace or "")
    span = start, parser.token.span[1]
    if parser.derived is None:
        raise parser.unsupported("schema-element() needs a catalog of event types", span)
    if not parser.derived(name):
        raise parser.type_error(f"No schema declares the element {name}", span, "XPST0008")
    return name


def _stands_for(name: str, parser: XQueryParser) -> Test:
    derived = parser.derived
    return lambda item: item.name == name or (derived is not None and item.name in derived(name))


def _promote(value: Item, target: str, token: XPathToken) -> Item:
    local = target.removeprefix(_XS)
    if isinstance(value, UntypedAtomic) and local not in ("untypedAtomic", "anyAtomicType"):
        return cast_to(value, "double" if local == "numeric" else local, token)
    if isinstance(value, AnyURI) and local == "string":
        return str(value)
    if local in ("double", "float") and is_instance(value, _XS + "decimal"):
        return cast_to(value, local, token)
    if local == "double" and is_instance(value, _XS + "float"):
        return cast_to(value, local, token)
    return value


def cast_to(value: Item, local: str, token: XPathToken) -> Item:
    """Cast an atomic value to a built-in type given by its local name."""
    constructor = token.parser.symbol_table[local](token.parser)
    return cast(XPathConstructor, constructor).cast(
        value.value if isinstance(value, UntypedAtomic) else value
    )
