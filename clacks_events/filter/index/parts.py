"""Parts of queries that are evaluated, each of them once for each event."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakValueDictionary

from clacks_events.filter.analysis.interest import Interest
from clacks_events.filter.index.atoms import Evaluate, Part
from clacks_events.filter.nodes import External, Module, Node

if TYPE_CHECKING:
    from clacks_events.filter.compiled import Matcher
    from clacks_events.filter.index.conditions import Indexable

__all__ = ["Parts"]

_Whole: TypeAlias = tuple[Node, Interest, tuple[External, ...]]


class Parts:
    """The parts in use: one for all that are equal."""

    __slots__ = ("_conditions", "_wholes")

    def __init__(self) -> None:
        self._conditions: WeakValueDictionary[Node, Part] = WeakValueDictionary()
        self._wholes: WeakValueDictionary[_Whole, Part] = WeakValueDictionary()

    def share(self, filter: Indexable, node: Node | None) -> Part:
        """Return the part for an expression, or for the whole filter.

        The whole filter also stands in for an expression that cannot be compiled.
        """
        if node is None:
            return self._whole(filter)
        part = self._conditions.get(node)
        if part is None:
            matcher = _lowered(node)
            if matcher is None:
                return self._whole(filter)
            part = self._conditions[node] = Part(_by_matcher(matcher))
        return part

    def _whole(self, filter: Indexable) -> Part:
        key = (filter.residual, filter.interest, filter.externals)
        part = self._wholes.get(key)
        if part is None:
            part = self._wholes[key] = Part(_by_filter(filter))
        return part


def _lowered(node: Node) -> Matcher | None:
    # elementpath takes long to import; whoever has such a condition has it imported already.
    from clacks_events.filter.compiled import NotLowerable, lower

    try:
        return lower(Module((), node))
    except NotLowerable:
        return None


def _by_matcher(matcher: Matcher) -> Evaluate:
    return lambda flat: matcher(flat.subject)


def _by_filter(filter: Indexable) -> Evaluate:
    return lambda flat: filter.evaluate(flat.subject)
