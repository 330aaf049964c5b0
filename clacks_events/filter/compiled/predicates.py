"""Predicates: conditions on the items before them, and positions among these."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

from clacks_events.filter import nodes
from clacks_events.filter.compiled.code import Code, Focus, Frame, Place, Run, Scope
from clacks_events.filter.compiled.truth import is_position, test_of
from clacks_events.filter.items import Item
from clacks_events.filter.nodes import FN, Node, Start
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.nodes.walk import children

if TYPE_CHECKING:
    from clacks_events.filter.compiled.lowering import Lowering

__all__ = [
    "Choose",
    "asks_for_position",
    "choice",
    "chosen",
    "counted",
    "may_be_position",
]

_FOCUS: Final = frozenset((f"{FN}position", f"{FN}last"))
# What these give is true or false, or nodes: never a number.
_CONDITIONS: Final = (nodes.Comparison, nodes.And, nodes.Or, nodes.Quantified, nodes.Path)
_FURTHEST: Final = 2**31  # no event has as many nodes

Choose: TypeAlias = Callable[[Iterable[Item], Frame], Iterable[Item]]
"""From the items before a predicate to those that it leaves."""


def may_be_position(predicate: Node) -> bool:
    """Tell whether a predicate may be a number, or ask for one."""
    if isinstance(predicate, nodes.Path) and not predicate.steps:
        return not isinstance(predicate.start, Start)
    return not isinstance(predicate, _CONDITIONS) or asks_for_position(predicate)


def chosen(items: Run, choose: Choose) -> Run:
    """Return the items that a predicate leaves."""
    return lambda item, frame: choose(items(item, frame), frame)


def choice(lowering: Lowering, predicate: Node, kind: Kind, place: Place, scope: Scope) -> Choose:
    """Return what a predicate does with the items before it, which are in their axis' order."""
    if isinstance(predicate, nodes.Literal):
        value = predicate.value
        if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
            return _nth(value)
    focus = Focus(kind, place)
    if asks_for_position(predicate):
        focus = Focus(kind, place, lowering.new_slot(), lowering.new_slot())
    code = lowering.lower(predicate, scope.at(focus))
    if code.kind in (Kind.NODES, Kind.STRING, Kind.BOOLEAN):
        test = test_of(code)
        if focus.position is None:
            return lambda items, frame: (item for item in items if test(item, frame))
    else:
        # A number is a position, and whether it is one may be known only then.
        if focus.position is None:
            focus = Focus(kind, place, lowering.new_slot(), lowering.new_slot())
        test = _numbered(code, focus)
    return _placed(test, focus)


def _nth(place: float | Decimal) -> Choose:
    number = int(place) if 1 <= place < _FURTHEST and place == int(place) else 0
    if not number:
        return lambda items, frame: ()
    return lambda items, frame: islice(items, number - 1, number)


def _placed(test: Callable[[Item, Frame], bool], focus: Focus) -> Choose:
    return lambda items, frame: (item for item in counted(items, frame, focus) if test(item, frame))


def _numbered(code: Code, focus: Focus) -> Callable[[Item, Frame], bool]:
    items, slot = code.items, focus.position
    assert slot is not None

    def test(item: Item, frame: Frame) -> bool:
        place = frame[slot]
        found = list(items(item, frame))
        if len(found) == 1 and is_position(found[0]):
            return bool(found[0] == place)
        return test_of(replace(code, items=lambda item, frame: found, test=None, one=None))(
            item, frame
        )

    return test


def asks_for_position(node: Node) -> bool:
    """Tell whether ``position()`` or ``last()`` occurs, in this focus or in an inner one."""
    if isinstance(node, nodes.Call) and node.name in _FOCUS:
        return True
    return any(asks_for_position(child) for child in children(node))


def counted(items: Iterable[Item], frame: Frame, focus: Focus) -> Iterable[Item]:
    """Yield the items, with position and size of each in the frame."""
    assert focus.position is not None
    assert focus.size is not None
    every = list(items)
    for number, item in enumerate(every, 1):
        frame[focus.position], frame[focus.size] = number, len(every)
        yield item
