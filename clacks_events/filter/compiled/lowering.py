"""Lower a query: each kind of node has a function in one of the modules beside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from clacks_events.filter.compiled import calls, comparisons, flow, loops, maps, paths, type_checks
from clacks_events.filter.compiled.code import RESERVED, Code, NotLowerable, Scope
from clacks_events.filter.nodes import Node, Opaque

__all__ = ["Lowering"]

_LOWERED: Final[Mapping[type, Callable[..., Code]]] = {
    **paths.LOWERED,
    **maps.LOWERED,
    **comparisons.LOWERED,
    **calls.LOWERED,
    **loops.LOWERED,
    **flow.LOWERED,
    **type_checks.LOWERED,
}


def _what(node: Node) -> str:
    if not isinstance(node, Opaque):
        return type(node).__name__.lower()
    return "expressions that are nested so deeply" if node.is_too_deep else node.text


class Lowering:
    """Lowers the nodes of one query, and counts the slots that its frames need."""

    def __init__(self, payload: str | None) -> None:
        """Take the type of all events that will be asked about, if there is just one."""
        self.payload = payload
        self.slots = RESERVED

    def new_slot(self) -> int:
        """Reserve a place in the frame."""
        self.slots += 1
        return self.slots - 1

    def lower(self, node: Node, scope: Scope) -> Code:
        """Return the code of an expression; raise NotLowerable for what has none."""
        lowered = _LOWERED.get(type(node))
        if lowered is None:
            what = _what(node)
            raise NotLowerable(what)
        return lowered(self, node, scope)
