"""Node tests and sequence types of the parser as nodes."""

from __future__ import annotations

from elementpath.xpath_tokens import XPathToken

from clacks_events.filter import nodes
from clacks_events.filter.xquery.sequence_type import ItemType, SequenceType

__all__ = ["kind_test", "name_test", "sequence_type"]


def name_test(token: XPathToken, default: str) -> nodes.NameTest:
    """Return the test that a name is; one without a prefix is in the default namespace."""
    if token.symbol == "*":
        return nodes.NameTest(None, None)
    if token.symbol == "(name)":
        return nodes.NameTest(default, str(token.value))
    return _named(str(token.name))


def _named(name: str) -> nodes.NameTest:
    namespace, _, local = name.rpartition("}")
    return nodes.NameTest(
        None if namespace == "{*" else namespace[1:], None if local == "*" else local
    )


def kind_test(item: ItemType, axis: str) -> nodes.Test:
    """Return the test of a step; ``element(name)`` is no more than a name on most axes."""
    if item.schema is not None:
        return item.schema
    if item.kind == ("attribute" if axis == "attribute" else "element"):
        return nodes.NameTest(None, None) if item.name is None else _named(item.name)
    return nodes.KindTest(item.text)


def sequence_type(declared: SequenceType) -> nodes.SequenceType:
    """Return a sequence type as a node."""
    item = declared.item
    if item is None or (item.kind is None and item.atomic is None):
        return nodes.SequenceType(declared.text, occurrence=declared.occurrence)
    if item.atomic is not None:
        return nodes.SequenceType(declared.text, item.atomic, None, declared.occurrence)
    return nodes.SequenceType(declared.text, None, _test_of(item), declared.occurrence)


def _test_of(item: ItemType) -> nodes.Test:
    if item.schema is not None:
        return item.schema
    if item.kind == "element":
        return nodes.NameTest(None, None) if item.name is None else _named(item.name)
    return nodes.KindTest(item.text)
