"""Interest: which events a filter can match, by type and source alone."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ANYTHING", "NOTHING", "Demand", "Interest"]

_MOST_DEMANDS = 64  # beyond that, the types and sources one by one cost more than they save


@dataclass(frozen=True, slots=True)
class Demand:
    """One type and one source that an event must have; None is any.

    A type is a Clark name, or ``{*}local`` when any namespace will do.
    """

    type: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Interest:
    """The events that meet at least one of the demands."""

    demands: frozenset[Demand]
    is_widened: bool = False
    """Whether there were too many demands, so that it admits more than was asked for."""

    def __or__(self, other: Interest) -> Interest:
        union = self.demands | other.demands
        widened = self.is_widened or other.is_widened
        if len(union) > _MOST_DEMANDS:
            return Interest(_ALL, is_widened=True)
        return Interest(_ALL if _ANY in union else union, widened)

    def __and__(self, other: Interest) -> Interest:
        widened = self.is_widened or other.is_widened
        if _ANY in self.demands or _ANY in other.demands:
            narrow = other if _ANY in self.demands else self
            return Interest(narrow.demands, widened)
        met = {both for one in self.demands for two in other.demands if (both := _both(one, two))}
        if len(met) > _MOST_DEMANDS:
            return Interest(self.demands, is_widened=True)
        return Interest(frozenset(met), widened)

    def admits(self, type: str, source: str | None) -> bool:
        """Tell whether an event of a type, as a Clark name, and a source meets a demand."""
        names = (None, type, f"{{*}}{_local(type)}")
        return any(
            demand.type in names and demand.source in (None, source) for demand in self.demands
        )

    @property
    def types(self) -> frozenset[str] | None:
        """The types that an event must be one of; None is any."""
        found = {demand.type for demand in self.demands}
        return None if None in found else frozenset(name for name in found if name)

    @property
    def sources(self) -> frozenset[str] | None:
        """The sources that an event must come from; None is any."""
        found = {demand.source for demand in self.demands}
        return None if None in found else frozenset(name for name in found if name is not None)


_ANY = Demand()
_ALL = frozenset((_ANY,))
ANYTHING = Interest(_ALL)
NOTHING = Interest(frozenset())


def _both(one: Demand, two: Demand) -> Demand | None:
    if None not in (one.source, two.source) and one.source != two.source:
        return None
    types = _same_type(one.type, two.type)
    if types is _DIFFERENT:
        return None
    return Demand(types, one.source if one.source is not None else two.source)


_DIFFERENT = ""


def _same_type(one: str | None, two: str | None) -> str | None:
    if one is None or two is None or one == two:
        return one if one is not None else two
    if _local(one) == _local(two) and "{*}" in (one[:3], two[:3]):
        return two if one.startswith("{*}") else one
    return _DIFFERENT


def _local(name: str) -> str:
    return name.rpartition("}")[2]
