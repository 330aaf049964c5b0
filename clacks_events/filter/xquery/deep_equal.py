"""``fn:deep-equal``.

elementpath's ignores white space, looks at what follows an element and at comments, and ends
with the first map or array.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest

from elementpath.xpath_nodes import XPathNode
from elementpath.xpath_tokens import XPathArray, XPathFunction, XPathMap, XPathToken

from clacks_events.filter.xquery.base import Item
from clacks_events.filter.xquery.comparison import same
from clacks_events.filter.xquery.sequence_type import as_list

__all__ = ["deep_equal"]

_WITH_VALUE = ("attribute", "text", "comment", "processing-instruction", "namespace")
_MISSING = object()


def deep_equal(left: Iterable[Item], right: Iterable[Item], token: XPathToken) -> bool:
    """Tell whether two sequences are the same item by item; raise FOTY0015 for functions."""
    pairs = zip_longest(left, right, fillvalue=_MISSING)
    return all(_equal(one, other, token) for one, other in pairs)


def _equal(left: Item, right: Item, token: XPathToken) -> bool:
    if left is _MISSING or right is _MISSING:
        return False
    for kind, equal in ((XPathNode, _nodes), (XPathMap, _maps), (XPathArray, _arrays)):
        if isinstance(left, kind) or isinstance(right, kind):
            return isinstance(left, kind) and isinstance(right, kind) and equal(left, right, token)
    if isinstance(left, XPathFunction) or isinstance(right, XPathFunction):
        raise token.error("FOTY0015", "functions cannot be compared")
    return same(left, right)


def _nodes(left: Item, right: Item, token: XPathToken) -> bool:
    if left.node_kind != right.node_kind or left.name != right.name:
        return False
    if left.node_kind in _WITH_VALUE:
        return bool(left.string_value == right.string_value)
    if left.node_kind == "element" and dict(left.value.attrib) != dict(right.value.attrib):
        return False
    return deep_equal(_content(left), _content(right), token)


def _content(node: Item) -> list[Item]:
    return [child for child in node if child.node_kind in ("element", "text")]


def _maps(left: Item, right: Item, token: XPathToken) -> bool:
    others = list(right.items())
    if len(left) != len(others):
        return False
    return all(
        any(same(key, k) and deep_equal(as_list(value), as_list(v), token) for k, v in others)
        for key, value in left.items()
    )


def _arrays(left: Item, right: Item, token: XPathToken) -> bool:
    members, others = list(left.items()), list(right.items())
    if len(members) != len(others):
        return False
    pairs = zip(members, others, strict=True)
    return all(deep_equal(as_list(one), as_list(other), token) for one, other in pairs)
