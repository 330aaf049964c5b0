"""The places of what functions give: which let through that their argument is empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from clacks_events.filter import nodes
from clacks_events.filter.analysis.interest import ANYTHING, NOTHING, Interest
from clacks_events.filter.analysis.places import SOMEWHERE, Place, all_of, any_of, at
from clacks_events.filter.nodes import FN, Node

__all__ = ["boolean", "called"]


def _names(names: str) -> frozenset[str]:
    return frozenset(FN + name for name in names.split())


_SELECTING: Final = _names(
    "head tail reverse unordered subsequence remove zero-or-one exactly-one one-or-more trace"
    " outermost innermost"
)
_ATOMIZING: Final = _names("data distinct-values")
# Nothing in, nothing out.
_OF_FIRST: Final = _names(
    "abs ceiling floor round round-half-to-even avg max min tokenize string-to-codepoints index-of"
    " node-name root base-uri document-uri nilled prefix-from-QName local-name-from-QName"
    " namespace-uri-from-QName resolve-QName years-from-duration months-from-duration"
    " days-from-duration hours-from-duration minutes-from-duration seconds-from-duration"
    " year-from-dateTime month-from-dateTime day-from-dateTime hours-from-dateTime"
    " minutes-from-dateTime seconds-from-dateTime timezone-from-dateTime year-from-date"
    " month-from-date day-from-date timezone-from-date hours-from-time minutes-from-time"
    " seconds-from-time timezone-from-time adjust-dateTime-to-timezone adjust-date-to-timezone"
    " adjust-time-to-timezone format-dateTime format-date format-time"
)
_OF_BOTH: Final = _names("compare codepoint-equal dateTime")
# Nothing or an empty string in, an empty string out.
_TEXTS: Final = _names(
    "normalize-space normalize-unicode upper-case lower-case translate substring substring-before"
    " substring-after replace encode-for-uri iri-to-uri escape-html-uri"
)
# Nothing in, an empty string out.
_NAMES: Final = _names("local-name name namespace-uri codepoints-to-string string-join")
_FINDING: Final = _names("contains starts-with ends-with contains-token")


def boolean(truth: Interest) -> Place:
    """Return the place of a truth value, by the events for which it can be true."""
    return Place(solid=truth, blank=False)


def called(name: str, arguments: Sequence[Node], places: Sequence[Place]) -> Place:
    """Return the place of what a built-in function gives, by those of its arguments."""
    if not places:
        return _CONSTANT.get(name, SOMEWHERE)
    first = places[0]
    if name in _SELECTING:
        return replace(first, blank=None)
    if name in _ATOMIZING:
        return replace(first, depth=None, blank=None)
    if name in _OF_FIRST:
        return at(first.interest, None)
    if name in _OF_BOTH:
        return at(all_of(place.interest for place in places[:2]), None)
    if name in _FINDING:
        return boolean(_text(first) if _is_text(arguments[1]) else ANYTHING)
    return _measured(name, places)


def _measured(name: str, places: Sequence[Place]) -> Place:
    first = places[0]
    match name.removeprefix(FN):
        case "string":
            return Place(ANYTHING, _text(first), is_source=first.is_source, blank="")
        case "concat":
            return Place(ANYTHING, any_of(map(_text, places)), blank="")
        case "count":
            return Place(ANYTHING, first.interest, blank=0)
        case "sum" if len(places) == 1:
            return Place(ANYTHING, first.interest, blank=0)
        case "string-length":
            return Place(ANYTHING, _text(first), blank=0)
        case "number":
            return Place(ANYTHING, first.interest)
        case "exists":
            return boolean(first.interest)
        case "boolean":
            return boolean(first.solid)
        case _ if name in _TEXTS:
            return Place(ANYTHING, _text(first), blank="")
        case _ if name in _NAMES:
            return Place(ANYTHING, first.interest, blank="")
        case _:
            return SOMEWHERE


def _text(place: Place) -> Interest:
    """Which events can make a value be a string that is not empty?"""
    # What may be 0 or false may be such a string as well.
    return place.solid if place.blank == "" else place.interest


def _is_text(node: Node) -> bool:
    return (
        isinstance(node, nodes.Literal) and isinstance(node.value, str) and bool(node.value.strip())
    )


_CONSTANT: Final = {
    f"{FN}true": boolean(ANYTHING),
    f"{FN}false": boolean(NOTHING),
    f"{FN}error": at(NOTHING, None),
}
