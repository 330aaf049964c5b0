"""Where the items of an expression are in an event, and which events have such items at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from types import MappingProxyType
from typing import Final

from clacks_events.envelope import ENVELOPE, NAMESPACE
from clacks_events.filter import nodes
from clacks_events.filter.analysis.interest import ANYTHING, NOTHING, Demand, Interest

__all__ = [
    "DOCUMENT",
    "SOMEWHERE",
    "Place",
    "Scope",
    "all_of",
    "any_of",
    "at",
    "merged",
    "narrowed",
    "restricted",
    "stepped",
]

_SOURCE: Final = nodes.NameTest("", "source")
_MOVES: Final = {
    "child": 1,
    "attribute": 1,
    "self": 0,
    "following-sibling": 0,
    "preceding-sibling": 0,
    "parent": -1,
}
_ELEMENT: Final = re.compile(r"element\((?:Q\{([^}]*)\})?([^\s,*{}()]+)\)")


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of the value of an expression.

    An *interest* says for which events something can be so; for all others it is not so, or the
    evaluation fails.
    """

    interest: Interest = ANYTHING
    """That there is any item."""
    solid: Interest = ANYTHING
    """That there is any item but an empty string, zero, false or NaN."""
    depth: int | None = None
    """How deep all the nodes in it lie below the document node (0); None is unknown."""
    is_source: bool = False
    """Whether it is the attribute ``/Event/@source`` or its value."""
    blank: str | int | None = None
    """What it is where it is not solid, if that is one value and always the same."""
    equals: Interest = ANYTHING
    """From which sources an event must come for its source to be equal to an item."""


def at(interest: Interest, depth: int | None, *, is_source: bool = False) -> Place:
    """Return the place of some nodes."""
    return Place(interest, interest, depth, is_source)


DOCUMENT: Final = at(ANYTHING, 0)
SOMEWHERE: Final = Place()


@dataclass(frozen=True, slots=True)
class Scope:
    """The context item and the variables in sight."""

    context: Place
    variables: Mapping[str, Place] = field(default_factory=lambda: MappingProxyType({}))

    def with_variable(self, name: str, place: Place) -> Scope:
        """Return the scope with one variable more."""
        return Scope(self.context, MappingProxyType({**self.variables, name: place}))

    def at(self, place: Place) -> Scope:
        """Return the scope for each item of a place."""
        return Scope(place, self.variables)


def any_of(interests: Iterable[Interest]) -> Interest:
    """Return the interest in what meets one at least."""
    return reduce(lambda one, two: one | two, interests, NOTHING)


def all_of(interests: Iterable[Interest]) -> Interest:
    """Return the interest in what meets them all."""
    return reduce(lambda one, two: one & two, interests, ANYTHING)


def narrowed(place: Place, interest: Interest) -> Place:
    """Return a place that only events of an interest have."""
    return replace(place, interest=place.interest & interest, solid=place.solid & interest)


def merged(places: Sequence[Place]) -> Place:
    """Return the place of what comes from any of some places."""
    if len(places) == 1:
        return places[0]
    depths = {place.depth for place in places}
    return Place(
        any_of(place.interest for place in places),
        any_of(place.solid for place in places),
        depths.pop() if len(depths) == 1 else None,
        bool(places) and all(place.is_source for place in places),
        equals=any_of(place.equals for place in places),
    )


def stepped(place: Place, step: nodes.Step) -> Place:
    """Return where a step leads from a place, its predicates left aside."""
    if place.depth is None or step.axis not in _MOVES:
        return at(place.interest, None)
    depth = place.depth + _MOVES[step.axis]
    if depth < 0:
        return at(NOTHING, 0)
    if step.axis == "attribute":
        return at(place.interest, depth, is_source=depth == 2 and step.test == _SOURCE)
    reached = at(place.interest, depth, is_source=place.is_source and step.axis == "self")
    return reached if step.axis.endswith("-sibling") else restricted(reached, step.test)


def restricted(place: Place, test: nodes.Test) -> Place:
    """Return the place of those nodes of a place that pass a test."""
    if place.is_source or place.depth not in (1, 2):
        return place
    wanted = _envelope(test) if place.depth == 1 else _payload(test)
    return narrowed(place, wanted)


def _envelope(test: nodes.Test) -> Interest:
    match _plain(test):
        case nodes.NameTest(namespace, local):
            is_possible = local in (None, "Event") and namespace in (None, NAMESPACE)
        case nodes.SchemaElementTest(names) | nodes.SchemaTypeTest(candidates=names):
            is_possible = ENVELOPE in names
        case _:
            is_possible = True
    return ANYTHING if is_possible else NOTHING


def _payload(test: nodes.Test) -> Interest:
    match _plain(test):
        case nodes.NameTest(namespace, str(local)):
            prefix = "{*}" if namespace is None else f"{{{namespace}}}" if namespace else ""
            return Interest(frozenset((Demand(prefix + local),)))
        case nodes.SchemaElementTest(names) | nodes.SchemaTypeTest(candidates=names):
            return any_of(Interest(frozenset((Demand(name),))) for name in names)
        case _:
            return ANYTHING


def _plain(test: nodes.Test) -> nodes.Test:
    """Return the name test that ``element(name)`` is."""
    found = _ELEMENT.fullmatch(test.text) if isinstance(test, nodes.KindTest) else None
    return test if found is None else nodes.NameTest(found[1] or "", found[2])
