"""The index over many filters: what one event costs does not depend on those that do not match.

::

    filter ──terms──► conjunctions ──type──► bucket ──split──► cell with the filter
                                                       ▲
    event ───────────flatten──────────► values ────────┘

A filter becomes terms, one for each alternative; a term waits where the values that it asks for
lead. An event is walked through once; its values lead to the terms that it meets. What cannot be
looked up is checked there, and what is not understood is evaluated, equal parts once for each
event.

Matching takes no lock. It relies on single operations on dictionaries and lists being atomic:
whoever adds or removes holds a lock against others that do, appends to lists and replaces values;
what is walked through is a copy or is never changed. A filter is found by each match that begins
after ``add`` has returned, and by none that began before or begins after ``remove`` has returned.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import partial
from operator import attrgetter
from typing import Final, Generic, TypeVar, cast, final

from clacks_events.errors import ConfigError, EvaluationError
from clacks_events.event import Event, HeaderValue
from clacks_events.filter.index.bucket import Bucket, Slot
from clacks_events.filter.index.conditions import Indexable, Term, terms
from clacks_events.filter.index.flatten import Feature, Flat, View
from clacks_events.filter.index.forest import Forest
from clacks_events.filter.index.parts import Parts
from clacks_events.filter.index.places import Place

__all__ = ["FilterIndex", "Indexable"]

K = TypeVar("K", bound=Hashable)

_NUMBER: Final = attrgetter("number")


class _Registered(Slot, Generic[K]):
    __slots__ = ("filter", "key")

    def __init__(self, number: int, key: K, filter: Indexable) -> None:
        super().__init__(number)
        self.key = key
        self.filter = filter


@final
class FilterIndex(Generic[K]):
    """Filters by keys of the caller's choice; finds those that match an event."""

    __slots__ = ("_forest", "_latest", "_lock", "_on_error", "_parts", "_registered", "_roots")

    def __init__(self, on_error: Callable[[K, EvaluationError], None] | None = None) -> None:
        """Make an empty index.

        ``on_error`` gets the key of a filter that failed on an event, which is no match, and the
        error. Filters that an event's values already rule out are not evaluated and cannot fail.
        """
        self._on_error = on_error
        self._lock = threading.Lock()
        self._latest = 0
        self._registered: dict[K, _Registered[K]] = {}
        self._roots: dict[str | None, Bucket] = {}
        self._forest = Forest()
        self._parts = Parts()

    def __len__(self) -> int:
        return len(self._registered)

    def __contains__(self, key: object) -> bool:
        return key in self._registered

    def add(self, key: K, filter: Indexable) -> None:
        """Add a filter under a key; raise ConfigError for a key that is in use."""
        with self._lock:
            if key in self._registered:
                raise ConfigError(f"the key {key!r} is in use")
            slot = _Registered(self._latest + 1, key, filter)
            for term in terms(filter, self._forest.borrow, partial(self._parts.share, filter)):
                self._root(term.type).add(slot, term.atoms)
            self._registered[key] = slot
            self._latest = slot.number

    def _root(self, type: str | None) -> Bucket:
        root = self._roots.get(type)
        if root is None:
            root = self._roots[type] = Bucket()
            root.look_up()
        return root

    def remove(self, key: K) -> None:
        """Remove the filter of a key; raise ConfigError for an unknown key."""
        with self._lock:
            slot = self._registered.pop(key, None)
            if slot is None:
                raise ConfigError(f"there is no filter with the key {key!r}")
            borrowed: list[Feature] = []

            def borrow(place: Place, view: View) -> Feature:
                borrowed.append(self._forest.borrow(place, view))
                return borrowed[-1]

            for term in terms(slot.filter, borrow, partial(self._parts.share, slot.filter)):
                self._take(term, slot)
            for feature in borrowed:
                self._forest.release(feature)  # as borrowed just now,
                self._forest.release(feature)  # and when the filter was added

    def _take(self, term: Term, slot: Slot) -> None:
        root = self._roots[term.type]
        root.remove(slot, term.atoms)
        if root.is_empty:
            del self._roots[term.type]

    def match(self, event: Event, headers: Mapping[str, HeaderValue] | None = None) -> list[K]:
        """Return the keys of the filters that match an event, in the order of their adding.

        ``headers`` replace those of the event.
        """
        latest = self._latest  # of later ones, the event is not asked for all that they need
        type = str(event.element.tag)
        get = self._roots.get
        roots = [get(type), get(f"{{*}}{type.rpartition('}')[2]}"), get(None)]
        flat: Flat | None = None
        found: list[Slot] = []
        for root in roots:
            if root is not None:
                flat = flat or self._forest.flatten(event, headers)
                root.collect(flat, found)
        if flat is not None and flat.failures and self._on_error is not None:
            self._report(flat, frozenset(found), latest, self._on_error)
        matching = cast("list[_Registered[K]]", _known(found, latest))
        return [slot.key for slot in matching]

    def _report(
        self,
        flat: Flat,
        found: frozenset[Slot],
        latest: int,
        on_error: Callable[[K, EvaluationError], None],
    ) -> None:
        """Tell of each filter that failed once, unless another alternative of it holds."""
        failed: dict[Slot, EvaluationError] = {}
        for slots, error in flat.failures:
            for slot in slots:
                if slot not in found:
                    failed.setdefault(slot, error)
        for slot in cast("list[_Registered[K]]", _known(failed, latest)):
            on_error(slot.key, failed[slot])


def _known(slots: Iterable[Slot], latest: int) -> list[Slot]:
    """Return the slots that were complete when the match began, in their order."""
    ordered = sorted(set(slots), key=_NUMBER)
    while ordered and ordered[-1].number > latest:
        del ordered[-1]
    return ordered
