"""Kind tests: ``element()``, ``schema-element(name)``, ``element(*, type)`` and the like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from elementpath.namespaces import XSD_NAMESPACE
from elementpath.xpath_nodes import ElementNode, XPathNode

from clacks_events.filter.nodes import SchemaElementTest, SchemaTypeTest
from clacks_events.filter.xquery.base import Item
from clacks_events.filter.xquery.schema_types import element_names, is_of_type, types_of

if TYPE_CHECKING:
    from clacks_events.filter.xquery.parser import XQueryParser

__all__ = ["ItemType", "Test", "node_test"]

_XS: Final = f"{{{XSD_NAMESPACE}}}"
_UNTYPED: Final = {
    "element": frozenset(_XS + name for name in ("untyped", "anyType")),
    "attribute": frozenset(
        _XS + name for name in ("untypedAtomic", "anyAtomicType", "anySimpleType", "anyType")
    ),
}
_NEVER: Final = SchemaTypeTest(frozenset(), frozenset(), frozenset())
_NODE_KINDS: Final = {"document-node": "document", "namespace-node": "namespace"}

Test = Callable[[Item], bool]


@dataclass(frozen=True, slots=True)
class ItemType:
    """One item type.

    ``atomic`` is its Clark name if it is an atomic type, ``kind`` the kind of its nodes if it is a
    kind test; then ``text`` is that in a form which no prefix can change.
    """

    test: Test
    atomic: str | None = None
    kind: str | None = None
    name: str | None = None
    """The Clark name in ``element(name)`` or ``attribute(name)``."""
    schema: SchemaElementTest | SchemaTypeTest | None = None
    """What a catalog says that it stands for."""
    text: str = ""


def node_test(parser: XQueryParser, word: str) -> ItemType:
    """Read the parentheses of a kind test whose word has been read."""
    start = parser.token.span[0]
    parser.advance("(")
    found = _node_test(parser, word)
    parser.advance(")")
    if not isinstance(found.schema, SchemaTypeTest) or not found.schema.types:
        return found
    span = start, parser.token.span[1]
    parser.typed_spans.append(span)
    return replace(found, schema=replace(found.schema, span=span))


def _node_test(parser: XQueryParser, word: str) -> ItemType:
    if word == "schema-element":
        return _schema_element(parser)
    if parser.next_token.symbol == ")":
        if word == "schema-attribute":
            raise parser.unexpected("a name")
        return _of_kind(_NODE_KINDS.get(word, word), f"{word}()")
    if word in _UNTYPED:
        return _named(parser, word)
    if word == "processing-instruction":
        return _instruction(parser)
    if word == "document-node" and parser.next_token.value in ("element", "schema-element"):
        return _document(parser)
    raise parser.unexpected()


def _of_kind(kind: str, text: str, inner: Test | None = None) -> ItemType:
    if kind == "node":
        return ItemType(lambda item: isinstance(item, XPathNode), kind=kind, text=text)

    def test(item: Item) -> bool:
        return (
            isinstance(item, XPathNode)
            and item.node_kind == kind
            and (inner is None or inner(item))
        )

    return ItemType(test, kind=kind, text=text)


def _document(parser: XQueryParser) -> ItemType:
    word = str(parser.advance().value)
    element = node_test(parser, word)
    return _of_kind(
        "document",
        f"document-node({element.text})",
        lambda item: (
            [element.test(child) for child in item if isinstance(child, ElementNode)] == [True]
        ),
    )


def _instruction(parser: XQueryParser) -> ItemType:
    if parser.next_token.symbol == "(string)":
        parser.advance()
        target = " ".join(str(parser.token.value).split())
    else:
        parser.advance("(name)")
        target = str(parser.token.value)
    text = f"processing-instruction({target})"
    return _of_kind("processing-instruction", text, lambda item: bool(item.name == target))


def _named(parser: XQueryParser, word: str) -> ItemType:
    if parser.next_token.symbol == "*":
        parser.advance()
        name = None
    else:
        name = parser.read_name((parser.default_namespace or "") if word == "element" else "")
    found = _of_kind(word, f"{word}({_shown(name)})", lambda item: name in (None, item.name))
    if parser.next_token.symbol != ",":
        return replace(found, name=name)
    parser.advance()
    return _of_type(parser, replace(found, name=name))


def _of_type(parser: XQueryParser, found: ItemType) -> ItemType:
    """Read a type, and return a kind test cut down to it."""
    start = parser.next_token.span[0]
    name = parser.read_name(parser.default_namespace or "")
    span = start, parser.token.span[1]
    allows_nil = parser.next_token.symbol == "?"
    if allows_nil:
        parser.advance()
    # Where no schema has a say, all is untyped.
    if name in _UNTYPED[str(found.kind)]:
        return found
    if found.kind == "element" and (parser.schema_types is not None or not name.startswith(_XS)):
        schema = types_of(parser, name, found.name, span)
        schema = replace(schema, allows_nil=allows_nil)
    elif name.startswith(_XS):
        schema = _NEVER
    else:
        raise parser.unsupported("Only the types of elements can be asked for", span)
    text = f"element({_shown(found.name)}, {_shown(name)}{'?' * allows_nil})"
    return replace(_of_kind(str(found.kind), text, is_of_type(schema)), schema=schema)


def _schema_element(parser: XQueryParser) -> ItemType:
    start = parser.next_token.span[0]
    name = parser.read_name(parser.default_namespace or "")
    names = element_names(parser, name, (start, parser.token.span[1]))
    text = f"schema-element({_shown(name)})"
    found = _of_kind("element", text, lambda item: item.name in names)
    return replace(found, schema=SchemaElementTest(names))


def _shown(name: str | None) -> str:
    if name is None:
        return "*"
    return f"Q{name}" if name.startswith("{") else name
