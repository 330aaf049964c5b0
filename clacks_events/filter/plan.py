"""From what a query insists on to the plan: bindings for the broker, the residual for us."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from clacks_events.filter.analysis.interest import ANYTHING, Demand, Interest
from clacks_events.filter.matcher import is_one_of
from clacks_events.topic import ALL, simplified, source_pattern, type_pattern

if TYPE_CHECKING:
    from clacks_events.catalog import TypeLineage

__all__ = ["Lineages", "Plan", "plan", "selection"]

_MOST_BINDINGS = 128  # beyond that, the broker's work for each event outweighs what it saves


class Lineages(Protocol):
    """What the compiler asks of a catalog."""

    def resolve(self, name: str) -> str:
        """Return the Clark name behind a Clark or local name."""

    def knows(self, name: str) -> bool:
        """Tell whether a schema declares the element of a Clark name."""

    def derived(self, name: str) -> frozenset[str]:
        """Return the Clark names of all that can stand for an element, itself included."""

    def derived_from_type(self, name: str) -> TypeLineage | None:
        """Return what has the type of a Clark name or one derived from it; None if unknown."""

    def near_types(self, name: str) -> Sequence[str]:
        """Return the types that look like a Clark name, as Clark names, best first."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Who decides what."""

    bindings: tuple[str, ...]
    """Topic patterns; none at all when nothing can match."""
    types: frozenset[str] | None
    """Event types to look at, as Clark names or ``{*}local``; None is any."""
    sources: frozenset[str] | None
    """Sources to look at; None is any."""
    interest: Interest
    decides: bool
    """Whether type and source alone decide, so that there is no residual."""
    is_product: bool
    """Whether each of the types may come from each of the sources."""
    only: str | None
    """The one type that can match, as a Clark name, if there is one and any source will do."""

    def admits(self, type: str, source: str | None) -> bool:
        """Tell whether an event of a type, as a Clark name, and a source can match."""
        if self.types is not None and not is_one_of(type, self.types):
            return False
        if self.sources is not None and source not in self.sources:
            return False
        return self.is_product or self.interest.admits(type, source)


@lru_cache(maxsize=4096)  # most filters ask for one of a few types: they share one plan
def plan(interest: Interest, *, decides: bool) -> Plan:
    """Return the plan for the events that a query may match.

    ``decides`` says that the query asks for nothing but type and source.
    """
    patterns = simplified(_pattern(demand) for demand in interest.demands)
    if len(patterns) > _MOST_BINDINGS:
        patterns = (ALL,)
    types, sources = interest.types, interest.sources
    product = {Demand(t, s) for t in _any(types) for s in _any(sources)}
    return Plan(
        patterns,
        types,
        sources,
        interest,
        decides=decides and not interest.is_widened,
        is_product=product == interest.demands,
        only=_only(types, sources),
    )


def _only(types: frozenset[str] | None, sources: frozenset[str] | None) -> str | None:
    if types is None or len(types) != 1 or sources is not None:
        return None
    (name,) = types
    return None if name.startswith("{*}") else name


def _any(names: frozenset[str] | None) -> frozenset[str | None]:
    return frozenset((None,)) if names is None else frozenset[str | None](names)


def _pattern(demand: Demand) -> str:
    # A base type is listed with all its derived types, so no pattern leans on a lineage that
    # the publisher might not know.
    if demand.type is not None:
        return type_pattern(demand.type, demand.source)
    return ALL if demand.source is None else source_pattern(demand.source)


def selection(types: tuple[str, ...], source: str | None, catalog: Lineages | None) -> Interest:
    """Return the interest in some types, each with its derived ones, and in one source."""
    if not types:
        return ANYTHING if source is None else Interest(frozenset((Demand(source=source),)))
    names = {name for given in types for name in _names(given, catalog)}
    return Interest(frozenset(Demand(name, source) for name in names))


def _names(given: str, catalog: Lineages | None) -> frozenset[str]:
    if catalog is None or (given.startswith("{") and not catalog.derived(given)):
        return frozenset((given if given.startswith("{") else f"{{*}}{given}",))
    full = given if given.startswith("{") else catalog.resolve(given)
    return catalog.derived(full)
