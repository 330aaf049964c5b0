"""Sequence types: reading, matching and the function conversion rules (XQuery 3.1 §2.5, §3.1.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from elementpath.datatypes import AnyURI, UntypedAtomic, builtin_atomic_types
from elementpath.namespaces import XSD_NAMESPACE
from elementpath.sequence_types import is_instance
from elementpath.xpath_nodes import XPathNode
from elementpath.xpath_tokens import (
    XPathArray,
    XPathConstructor,
    XPathFunction,
    XPathMap,
    XPathToken,
)

from clacks_events.filter.nodes import SchemaTypeTest
from clacks_events.filter.xquery.base import Item, Sequence
from clacks_events.filter.xquery.kind_tests import ItemType, node_test

if TYPE_CHECKING:
    from clacks_events.filter.xquery.parser import XQueryParser

__all__ = ["ITEMS", "ItemType", "SequenceType", "atomic_type", "node_test", "read_type"]

_XS: Final = f"{{{XSD_NAMESPACE}}}"


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
    value = _inner_type(parser)
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
    member = _inner_type(parser)
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
        _inner_type(parser)
        if parser.next_token.symbol != ")":
            parser.advance(",")
    parser.advance(")")
    parser.advance("as")
    _inner_type(parser)
    text = " ".join(parser.source[start : parser.token.span[1]].split())
    return ItemType(
        lambda item: isinstance(item, XPathFunction) and bool(item.match_function_test(text))
    )


def _inner_type(parser: XQueryParser) -> SequenceType:
    """Read a type inside of another; what an item in there is, is only seen at run time."""
    found = read_type(parser)
    if found.item is not None and isinstance(found.item.schema, SchemaTypeTest):
        reason = "A type of a schema cannot be asked for inside of a map, an array or a function"
        raise parser.unsupported(reason, found.item.schema.span or parser.token.span)
    return found


def _wildcard(parser: XQueryParser) -> bool:
    if parser.next_token.symbol != "*":
        return False
    parser.advance()
    parser.advance(")")
    return True


def as_list(value: Item) -> Sequence:
    """Return a value of a map or an array as a sequence."""
    return list(value) if isinstance(value, list) else [value]


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
