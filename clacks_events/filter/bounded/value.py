"""What is known of the items of an expression before it runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from clacks_events.filter.bounded.size import EVENT, NOTHING, ONE, Loop, Size, constant

__all__ = ["BOOLEAN", "DIGITS", "DOCUMENT", "NUMBER", "Kind", "Place", "Value", "number", "text"]

DIGITS: Final = 32  # of a double, a date, or a number that counts something
_DIGITS_A_UNIT: Final = 500


class Kind(Enum):
    """The kind of all items."""

    ELEMENTS = "elements"
    ATTRIBUTES = "attributes"
    TEXT_NODES = "text nodes"
    NODES = "nodes"
    TEXT = "text"
    NUMBER = "number"
    OTHER = "other"

    @property
    def is_nodes(self) -> bool:
        """Whether all items are nodes."""
        return self is Kind.NODES or self.is_hashed

    @property
    def is_hashed(self) -> bool:
        """Whether = between two such sequences is evaluated by hashing."""
        return self in (Kind.ELEMENTS, Kind.ATTRIBUTES, Kind.TEXT_NODES)

    @property
    def mixed(self) -> Kind:
        """The kind of items that are put together from several places."""
        return Kind.NODES if self.is_nodes else self

    def __or__(self, other: Kind) -> Kind:
        """Return the kind of items of which each is of one of two kinds."""
        if self is other:
            return self
        return Kind.NODES if self.is_nodes and other.is_nodes else Kind.OTHER


class Place(Enum):
    """Whether the nodes are known to be the one at the top of the event."""

    DOCUMENT = "document"
    ENVELOPE = "envelope"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class Value:
    """The items of an expression, all together.

    ``near`` is their own text and, for nodes, their attributes and children; ``below`` adds what
    is further down, counted once for each item that it is below of. ``digits`` is how long a
    number may be; short ones are taken to have no size.
    """

    count: Size
    near: Size
    below: Size = NOTHING
    kind: Kind = Kind.OTHER
    place: Place = Place.ELSEWHERE
    literal: object = None
    digits: int = DIGITS

    @property
    def written(self) -> Size:
        """How much text the items are together."""
        if self.kind.is_nodes or self.kind is Kind.TEXT:
            return self.near
        return self.near + self.count * self.digits

    def over(self, loop: Loop) -> Value:
        """Return the items of all rounds of a loop."""
        return Value(
            self.count.over(loop),
            self.near.over(loop),
            self.below.over(loop),
            self.kind,
            digits=self.digits,
        )

    def __or__(self, other: Value) -> Value:
        """Return what is no less than either."""
        return Value(
            self.count | other.count,
            self.near | other.near,
            self.below | other.below,
            self.kind | other.kind,
            digits=max(self.digits, other.digits),
        )

    def __add__(self, other: Value) -> Value:
        """Return both, one behind the other."""
        return Value(
            self.count + other.count,
            self.near + other.near,
            self.below + other.below,
            (self.kind | other.kind).mixed,
            digits=max(self.digits, other.digits),
        )

    def one(self) -> Value:
        """Return one item of these."""
        return self.limited(ONE)

    def limited(self, count: Size) -> Value:
        """Return no more than so many of the items."""
        limited = replace(self, count=count, literal=None)
        if not self.kind.is_nodes or count.constant is None:
            return limited
        # Below a few nodes there is no more than some events.
        most = count.times(EVENT)
        near = self.near if self.near.is_bounded else most
        return replace(limited, near=near, below=self.below if self.below.is_bounded else most)

    def loop(self, name: str) -> Loop:
        """Return the loop over the items."""
        return Loop(name, self.count, self.near, self.below)


def number(digits: int = DIGITS) -> Value:
    """Return a number of some digits."""
    return Value(ONE, constant(digits // _DIGITS_A_UNIT), kind=Kind.NUMBER, digits=digits)


def text(size: Size) -> Value:
    """Return one text."""
    return Value(ONE, size, kind=Kind.TEXT)


NUMBER: Final = number()
BOOLEAN: Final = Value(ONE, NOTHING)
DOCUMENT: Final = Value(ONE, EVENT, EVENT, Kind.NODES, Place.DOCUMENT)
