"""How large something can get: upper bounds that are linear in the event, or none at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = ["EVENT", "NOTHING", "ONE", "UNBOUNDED", "Loop", "Size", "below", "constant", "near"]

_UNIT: Final = ""
_EVENT: Final = "event"
_ENDLESS: Final = 10**9


@dataclass(frozen=True, slots=True)
class Size:
    """A sum of terms, each a number of times of what it names; ``terms`` None is no bound.

    The terms are a constant, the size of the event, and for each item that is gone through how
    large it is *near* (its own text, attributes and children: all items together have no more of
    that than the event) and *below* (with its descendants, which items may share).
    """

    terms: Mapping[str, int] | None

    def __add__(self, other: Size) -> Size:
        if self.terms is None or other.terms is None:
            return UNBOUNDED
        names = {**self.terms, **other.terms}
        return _size({n: self.terms.get(n, 0) + other.terms.get(n, 0) for n in names})

    def __or__(self, other: Size) -> Size:
        """Return what is no less than either."""
        if self.terms is None or other.terms is None:
            return UNBOUNDED
        names = {**self.terms, **other.terms}
        return _size({n: max(self.terms.get(n, 0), other.terms.get(n, 0)) for n in names})

    def __mul__(self, factor: int) -> Size:
        if self.terms is None:
            return UNBOUNDED
        return _size({name: number * factor for name, number in self.terms.items()})

    @property
    def constant(self) -> int | None:
        """The number, if it does not depend on the event."""
        if self.terms is None or any(name != _UNIT for name in self.terms):
            return None
        return self.terms.get(_UNIT, 0)

    @property
    def is_bounded(self) -> bool:
        """Whether it is at most linear."""
        return self.terms is not None

    @property
    def events(self) -> int:
        """How many times the size of the event, outside of all loops."""
        return (self.terms or {}).get(_EVENT, 0)

    @property
    def units(self) -> int:
        """What does not depend on the event."""
        return (self.terms or {}).get(_UNIT, 0)

    @property
    def largest(self) -> int:
        """The sum of all factors but that of the constant: how many times the event at most."""
        return sum(number for name, number in (self.terms or {}).items() if name != _UNIT)

    def times(self, other: Size) -> Size:
        """Return the product; it has no bound unless one of them is a constant."""
        for one, another in ((self, other), (other, self)):
            if (number := one.constant) is not None:
                return another * number
        return UNBOUNDED

    def over(self, loop: Loop) -> Size:
        """Return the sum for all items of a loop."""
        if self.terms is None:
            return UNBOUNDED
        total = NOTHING
        for name, number in self.terms.items():
            total += loop.sum(name) * number
        return total


@dataclass(frozen=True, slots=True)
class Loop:
    """Items that are gone through one by one, under a name of their own."""

    name: str
    count: Size
    near: Size
    below: Size

    def sum(self, term: str) -> Size:
        """Return the sum of a term for all items."""
        if term == _UNIT:
            return self.count
        if term == f"near {self.name}":
            return self.near
        if term == f"below {self.name}":
            return self.below
        return self.count.times(Size(MappingProxyType({term: 1})))


def constant(number: int) -> Size:
    """Return a size that does not depend on the event."""
    return _size({_UNIT: number})


def near(name: str) -> Size:
    """Return the size of the item of a loop without what is below its children."""
    return Size(MappingProxyType({f"near {name}": 1}))


def below(name: str) -> Size:
    """Return the size of the item of a loop with all that is below it."""
    return Size(MappingProxyType({f"below {name}": 1}))


def _size(terms: dict[str, int]) -> Size:
    known = {name: number for name, number in terms.items() if number}
    if any(number > _ENDLESS for number in known.values()):
        return UNBOUNDED
    return Size(MappingProxyType(known))


UNBOUNDED: Final = Size(None)
NOTHING: Final = Size(MappingProxyType({}))
ONE: Final = constant(1)
EVENT: Final = Size(MappingProxyType({_EVENT: 1}))
