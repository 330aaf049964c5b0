"""Nodes as XQuery text: in canonical form, with as few parentheses as are needed.

The text parses back to an equal node, given the same prefixes, but for what has no notation:
``Convert`` becomes the call of an inline function, a negative number a negation, a number that
is none a cast, ``schema-element()`` the names that it stands for. These mean the same.
``element(*, T)`` lists the types that pass, for the eye only.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from clacks_events.filter.nodes import Module, Node
from clacks_events.filter.written.names import Level, Names, quoted
from clacks_events.filter.written.writer import Writer

__all__ = ["quoted", "written"]

_NO_PREFIXES: Final[Mapping[str, str]] = MappingProxyType({})


def written(node: Node | Module, prefixes: Mapping[str, str] = _NO_PREFIXES) -> str:
    """Return a node as text.

    ``prefixes`` map to namespaces; the empty one is for elements without a prefix. A name that
    has none is written as ``Q{uri}local``. Types stay as the query wrote them.
    """
    writer = Writer(Names(prefixes))
    if not isinstance(node, Module):
        return writer.at(node, Level.TOP)
    return "\n".join((*map(writer.external, node.externals), writer.at(node.body, Level.TOP)))
