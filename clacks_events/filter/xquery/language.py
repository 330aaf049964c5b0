"""``fn:lang``; elementpath's knows no subtags and looks at the context item only."""

from __future__ import annotations

from typing import Any, Final, cast

from elementpath.namespaces import XML_LANG
from elementpath.xpath_nodes import ElementNode, XPathNode
from elementpath.xpath_tokens import XPathToken

from clacks_events.filter.xquery.base import Item, atomized, derive, sequence

__all__ = ["TOKENS"]


def _lang(self: Any, context: Any = None) -> bool:
    if context is None:
        raise self.error("XPDY0002")
    wanted = atomized(self[0], context)
    nodes = sequence(self[1], context) if len(self) > 1 else [context.item]
    if len(wanted) > 1 or not all(isinstance(value, str) for value in wanted):
        raise self.error("XPTY0004", "lang() takes a string")
    if len(nodes) != 1 or not isinstance(nodes[0], XPathNode):
        raise self.error("XPTY0004", "lang() takes a node")
    language, found = "".join(wanted).lower(), _language(nodes[0])
    return found is not None and f"{found.lower()}-".startswith(f"{language}-")


def _language(node: Item) -> str | None:
    while node is not None:
        if isinstance(node, ElementNode):
            language = cast(Any, node.value).get(XML_LANG)
            if language is not None:
                return str(language)
        node = node.parent
    return None


TOKENS: Final[dict[str, type[XPathToken]]] = {"lang": derive("lang", evaluate=_lang)}
