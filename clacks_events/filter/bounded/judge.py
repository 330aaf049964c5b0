"""What a filter costs, found by going through its nodes once.

Each expression is worth a ``Value``: upper bounds of how many items it has and how large they
are. The work is charged where it is done, times all the loops around it. A step from nodes of
which none is twice there costs no more than the event has nodes, since each node is the child of
one; so steps in a loop over nodes are linear, and what looks at the same part of the event again
for each item is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from clacks_events.errors import UnsupportedFilter
from clacks_events.filter import nodes
from clacks_events.filter.bounded.size import NOTHING, ONE, Loop, Size, below, near
from clacks_events.filter.bounded.value import DOCUMENT, Value

__all__ = ["Cause", "Judge", "Rule", "Scope", "StepOf"]

_AGAIN: Final = (
    "The same part of the event would be gone through again for each of many items here; start"
    " from the item itself, or work it out once in front, as in let $x := string(...)"
)
_MOST_WORK: Final = 256
_MOST_STEPS: Final = 100_000
_MOST_TEXT: Final = 16
_LONGEST_TEXT: Final = 65_536
DEEPEST: Final = 50


@dataclass(frozen=True, slots=True)
class StepOf:
    """One step of a path; alike steps may be one and the same object."""

    path: nodes.Path
    number: int


Cause: TypeAlias = "nodes.Node | StepOf"
"""The construct that is to blame."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The context item and the variables in sight."""

    focus: Value = DOCUMENT
    variables: Mapping[str, Value] = field(default_factory=dict)

    def at(self, focus: Value) -> Scope:
        """Return the scope with another context item."""
        return replace(self, focus=focus)

    def binding(self, name: str, value: Value) -> Scope:
        """Return the scope with one more variable."""
        return replace(self, variables={**self.variables, name: value})


class Judge:
    """Adds up the work of one filter; ``refuse`` makes the error for a reason and a cause."""

    def __init__(
        self, rules: Mapping[type, Rule], refuse: Callable[[str, Cause | None], UnsupportedFilter]
    ) -> None:
        self.refused = refuse
        self._rules = rules
        self._loops: list[Loop] = []
        self._spent = NOTHING
        self._made = 0
        self._depth = 0

    def value(self, node: nodes.Node, scope: Scope) -> Value:
        """Return what an expression is worth, and charge for what it does."""
        self._depth += 1
        if self._depth > DEEPEST:
            reason = f"Expressions of a bounded filter are nested up to {DEEPEST} levels deep"
            raise self.refused(reason, node)
        if not isinstance(node, (nodes.Literal, nodes.Variable)):
            self.spend(ONE, node)
        value = self._rules[type(node)](self, node, scope)
        self._depth -= 1
        return value

    def values(self, parts: Iterable[nodes.Node], scope: Scope) -> list[Value]:
        """Return what some expressions are worth."""
        return [self.value(part, scope) for part in parts]

    def spend(self, size: Size, cause: Cause, reason: str = _AGAIN) -> None:
        """Charge for work that is done as often as the loops around it say."""
        total = self.total(size)
        if not total.is_bounded:
            raise self.refused(reason, cause)
        self._spent += total
        self._check_total(cause)

    def total(self, size: Size) -> Size:
        """Return what is done in all rounds of the loops around."""
        for loop in reversed(self._loops):
            size = size.over(loop)
        return size

    def _check_total(self, cause: Cause) -> None:
        spent = self._spent
        if spent.events > _MOST_WORK or spent.units > _MOST_STEPS:
            reason = (
                f"The filter is too much work: up to here {spent.events} times the size of the"
                f" event and {spent.units} more, where {_MOST_WORK} times and {_MOST_STEPS} are"
                " allowed"
            )
            raise self.refused(reason, cause)

    def looped(self, items: Value, body: Callable[[Value], Value]) -> Value:
        """Return what is made of all items when each of them becomes what ``body`` returns."""
        self._made += 1
        name = str(self._made)
        loop = items.loop(name)
        self._loops.append(loop)
        result = body(replace(items.one(), near=near(name), below=below(name)))
        self._loops.pop()
        return result.over(loop)

    def check_text(self, size: Size, cause: Cause) -> None:
        """Refuse a text that is much longer than the event."""
        too_long = not size.is_bounded or size.largest > _MOST_TEXT
        if too_long or size.units > _LONGEST_TEXT:
            reason = (
                f"This text may be longer than {_MOST_TEXT} times the event;"
                " do not put the same part together so often"
            )
            raise self.refused(reason, cause)


Rule: TypeAlias = Callable[[Judge, Any, Scope], Value]
