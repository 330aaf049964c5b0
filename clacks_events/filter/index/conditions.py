"""From a filter to terms: alternatives, each of them a conjunction of conditions.

What the index does not understand stays in a term as a part to be evaluated. A term may promise
too much only if it holds a part that says for certain whether its filter matches.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import product
from typing import Final, Protocol, TypeAlias

from clacks_events.filter import nodes
from clacks_events.filter.analysis.interest import Demand, Interest
from clacks_events.filter.index.atoms import Atom, OneOf, Part, Within
from clacks_events.filter.index.comparisons import Borrow, leaf
from clacks_events.filter.index.flatten import View
from clacks_events.filter.index.places import Base, Place, Types, narrowed
from clacks_events.filter.matcher import Subject
from clacks_events.filter.nodes import FN, External, Node
from clacks_events.filter.nodes.facts import truth_can_fail

__all__ = ["Indexable", "Share", "Term", "terms"]

_MOST_TERMS: Final = 64
_NONE: Final[frozenset[str]] = frozenset()
_SOURCE: Final = Place(Base.ENVELOPE, (), "source")


class Indexable(Protocol):
    """What the index asks of a filter; a Filter is one."""

    @property
    def interest(self) -> Interest:
        """The types and sources that can match."""

    @property
    def residual(self) -> Node:
        """What decides for events of these types and sources."""

    @property
    def externals(self) -> tuple[External, ...]:
        """The variables that take their values from headers."""

    def evaluate(self, subject: Subject) -> bool:
        """Tell whether an event matches; raise EvaluationError if the filter fails on it."""


Share: TypeAlias = Callable[[Node | None], Part]
"""Gives the part that evaluates an expression; the one for the whole filter for None, and for an
expression that cannot be evaluated alone."""


@dataclass(frozen=True, slots=True)
class Term:
    """Conditions for events of one type, a Clark name or ``{*}local``; None is any."""

    type: str | None
    atoms: tuple[Atom, ...]


@dataclass(frozen=True, slots=True)
class _Draft:
    types: Types
    atoms: tuple[Atom, ...] = ()
    rest: tuple[Node, ...] = ()


_TRUE: Final = (_Draft(None),)


def terms(filter: Indexable, borrow: Borrow, share: Share) -> list[Term]:
    """Return the terms of a filter; they do not depend on what else the index holds."""
    reading = _Reading(borrow)
    drafts = reading.drafts(filter.residual)
    is_verified = bool(filter.externals) or reading.may_promise_too_much
    demands: Collection[Demand] = filter.interest.demands
    if len(demands) > 1:
        demands = sorted(demands, key=lambda demand: (demand.type or "", demand.source or ""))
    found: list[Term] = []
    for draft, demand in product(drafts, demands):
        wanted = None if demand.type is None else frozenset((demand.type,))
        types = narrowed(draft.types, wanted)
        parts = (None,) if is_verified else draft.rest
        atoms = (*draft.atoms, *map(share, parts))
        if demand.source is not None:
            atoms = (OneOf(borrow(_SOURCE, View.TEXT), (demand.source,)), *atoms)
        tidy = _tidy(atoms)
        found += [Term(type, tidy) for type in _listed(types)]
    return found if len(found) < 2 else list(dict.fromkeys(found))


def _listed(types: Types) -> Iterable[str | None]:
    return (None,) if types is None else sorted(types)


class _Reading:
    """Reads the conditions of one filter."""

    def __init__(self, borrow: Borrow) -> None:
        self._borrow = borrow
        self.may_promise_too_much = False
        """Whether an alternative may fail, so that those behind it do not count."""

    def drafts(self, node: Node) -> tuple[_Draft, ...]:
        match node:
            case nodes.And(parts):
                return self._all(parts)
            case nodes.Or(parts):
                return self._any(node, parts)
            case nodes.Literal(value):
                return _TRUE if value and value == value else ()
            case nodes.Call(name, ()) if name in (FN + "true", FN + "false"):
                return _TRUE if name == FN + "true" else ()
            case _:
                return self._leaf(node)

    def _all(self, parts: tuple[Node, ...]) -> tuple[_Draft, ...]:
        found: tuple[_Draft, ...] = _TRUE
        for part in parts:
            drafts = self.drafts(part)
            if len(drafts) * len(found) > _MOST_TERMS:
                drafts = _opaque(part)
            found = tuple(
                _Draft(types, (*one.atoms, *two.atoms), (*one.rest, *two.rest))
                for one in found
                for two in drafts
                if (types := narrowed(one.types, two.types)) != _NONE
            )
        return found

    def _any(self, node: Node, parts: tuple[Node, ...]) -> tuple[_Draft, ...]:
        found = tuple(draft for part in parts for draft in self.drafts(part))
        if len(found) > _MOST_TERMS:
            return _opaque(node)
        if any(truth_can_fail(part) for part in parts[:-1]):
            self.may_promise_too_much = True
        return found

    def _leaf(self, node: Node) -> tuple[_Draft, ...]:
        found = leaf(node, self._borrow)
        if found is None:
            return _opaque(node)
        types, atom = found
        if types == _NONE:
            return ()
        return (_Draft(types, () if atom is None else (atom,)),)


def _opaque(node: Node) -> tuple[_Draft, ...]:
    return (_Draft(None, rest=(node,)),)


def _tidy(atoms: tuple[Atom, ...]) -> tuple[Atom, ...]:
    """Return conditions without those that others imply, one interval for two bounds."""
    if len(atoms) < 2:
        return atoms
    distinct = list(dict.fromkeys(atoms))
    looked_at = {
        atom.feature.place
        for atom in distinct
        if isinstance(atom, OneOf | Within) and atom.feature.view is not View.PRESENT
    }
    kept = [atom for atom in distinct if not (_is_presence(atom) and _place(atom) in looked_at)]
    bounds = [atom for atom in kept if isinstance(atom, Within)]
    if len(bounds) < 2:
        return tuple(kept)
    others = [atom for atom in kept if not isinstance(atom, Within)]
    return (*others, *_joined(bounds))


def _is_presence(atom: Atom) -> bool:
    return isinstance(atom, OneOf) and atom.feature.view is View.PRESENT


def _place(atom: Atom) -> Place | None:
    return None if isinstance(atom, Part) else atom.feature.place


def _joined(bounds: list[Within]) -> list[Within]:
    found: list[Within] = []
    for bound in bounds:
        for at, other in enumerate(found):
            low, high = max(other.low, bound.low), min(other.high, bound.high)
            # With several numbers, one may pass the one bound and one the other.
            if other.feature is bound.feature and low <= high and _is_open(other, bound):
                found[at] = Within(bound.feature, low, high)
                break
        else:
            found.append(bound)
    return found


def _is_open(one: Within, two: Within) -> bool:
    """Tell whether one of them is a lower bound only and the other an upper bound only."""
    lower, upper = float("-inf"), float("inf")
    return (one.low == lower and two.high == upper) or (one.high == upper and two.low == lower)
