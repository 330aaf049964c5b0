"""What is looked up by one feature, and by several together."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Final, TypeAlias, TypeVar

from clacks_events.filter.index.atoms import Affix, Side, Within
from clacks_events.filter.index.bucket import Atoms, Cell, Slot, added, collect, removed
from clacks_events.filter.index.flatten import Feature, Flat, Value
from clacks_events.filter.index.intervals import Intervals

__all__ = ["Affixes", "Joint", "Key", "Probe", "Ranges", "put", "take"]

K = TypeVar("K")
Key: TypeAlias = Value | tuple[Value, ...]
"""One value, or one for each of several features."""


def put(cells: dict[K, Cell], key: K, slots: Iterable[Slot], atoms: Atoms) -> None:
    """Add filters to the cell of a key."""
    for slot in slots:
        cells[key] = added(cells.get(key), slot, atoms)


def take(cells: dict[K, Cell], key: K, slot: Slot, atoms: Atoms) -> bool:
    """Take a filter out of the cell of a key; tell whether it was there."""
    cell = cells.get(key)
    if cell is None:
        return False
    rest, was_here = removed(cell, slot, atoms)
    if rest is None:
        del cells[key]
    else:
        cells[key] = rest
    return was_here


class Joint:
    """Filters by the values of several features together."""

    __slots__ = ("cells", "features")

    def __init__(self, features: tuple[Feature, ...]) -> None:
        self.features = features
        self.cells: dict[Key, Cell] = {}

    def collect(self, flat: Flat, found: list[Slot]) -> None:
        """Add the filters whose values an event has."""
        if flat.more and not flat.more.keys().isdisjoint(self.features):
            self._collect_several(flat, found)
            return
        key = tuple(map(flat.values.get, self.features))
        cell = self.cells.get(key)  # type: ignore[arg-type]  # None is no part of any key
        if cell is not None:
            collect(cell, flat, found)

    def _collect_several(self, flat: Flat, found: list[Slot]) -> None:
        values = [flat.all(feature) for feature in self.features]
        many = 1
        for each in values:
            many *= len(each)
        if many <= len(self.cells):
            cells = (self.cells.get(key) for key in product(*values))
            hits = [cell for cell in cells if cell is not None]
        else:
            sets = [frozenset(each) for each in values]
            hits = [
                cell
                for key, cell in list(self.cells.items())
                if isinstance(key, tuple)
                and all(value in each for value, each in zip(key, sets, strict=True))
            ]
        for cell in hits:
            collect(cell, flat, found)


class Affixes:
    """Filters by what a text begins with, ends with or contains."""

    __slots__ = ("_cells", "_order")

    def __init__(self) -> None:
        self._cells: dict[tuple[Side, int], dict[str, Cell]] = {}
        self._order: tuple[tuple[Side, int], ...] = ()

    def add(self, atom: Affix, slots: Iterable[Slot], atoms: Atoms) -> None:
        """Add filters for a piece of text."""
        key = atom.side, len(atom.text)
        put(self._cells.setdefault(key, {}), atom.text, slots, atoms)
        if key not in self._order:
            self._order = (*self._order, key)

    def remove(self, atom: Affix, slot: Slot, atoms: Atoms) -> bool:
        """Take a filter out; tell whether it was here."""
        key = atom.side, len(atom.text)
        cells = self._cells.get(key)
        if cells is None:
            return False
        was_here = take(cells, atom.text, slot, atoms)
        if not cells:
            self._order = tuple(each for each in self._order if each != key)
            del self._cells[key]
        return was_here

    def collect(self, text: str, flat: Flat, found: list[Slot]) -> None:
        """Add the filters for the pieces of a text."""
        for side, length in self._order:
            cells = self._cells.get((side, length), _NOTHING)
            if side is Side.INSIDE and len(cells) < len(text):
                hits = [cell for piece, cell in list(cells.items()) if piece in text]
            else:
                pieces = _pieces(side, length, text)
                hits = [cell for piece in pieces if (cell := cells.get(piece)) is not None]
            for cell in hits:
                collect(cell, flat, found)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left."""
        return not self._order


def _pieces(side: Side, length: int, text: str) -> Iterable[str]:
    if length > len(text):
        return ()
    if side is Side.START:
        return (text[:length],)
    if side is Side.END:
        return (text[-length:],)
    return {text[at : at + length]: None for at in range(len(text) - length + 1)}


_NOTHING: Final[dict[str, Cell]] = {}


class Ranges:
    """Filters by an interval that a number has to lie in."""

    __slots__ = ("_intervals", "_many")

    def __init__(self) -> None:
        self._intervals: Intervals[Cell] = Intervals()
        self._many = 0

    def add(self, atom: Within, slots: Iterable[Slot], atoms: Atoms) -> None:
        """Add filters for an interval."""
        for slot in slots:
            self._many += 1
            for thresholds, at in self._intervals.places(atom.low, atom.high):
                thresholds.put(at, added(thresholds.values.get(at), slot, atoms))

    def remove(self, atom: Within, slot: Slot, atoms: Atoms) -> bool:
        """Take a filter out; tell whether it was here."""
        was_here = False
        for thresholds, at in self._intervals.places(atom.low, atom.high):
            cell = thresholds.values.get(at)
            rest, was_here = (None, False) if cell is None else removed(cell, slot, atoms)
            if rest is not None:
                thresholds.put(at, rest)
            elif cell is not None:
                thresholds.drop(at)
        self._intervals.tidy(atom.low, atom.high)
        self._many -= was_here
        return was_here

    def collect(self, low: float, high: float, flat: Flat, found: list[Slot]) -> None:
        """Add the filters whose interval has a number in common with another one."""
        for cell in self._intervals.reached(low, high):
            collect(cell, flat, found)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left."""
        return not self._many


class Probe:
    """All that is looked up by one feature, and what is looked up only if an event has it."""

    __slots__ = ("affixes", "cells", "joints", "ranges")

    def __init__(self) -> None:
        self.cells: dict[Key, Cell] = {}
        self.joints: tuple[Joint, ...] = ()
        self.affixes: Affixes | None = None
        self.ranges: Ranges | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left."""
        return not (self.cells or self.joints or self.affixes or self.ranges)

    def collect(self, feature: Feature, value: Value, flat: Flat, found: list[Slot]) -> None:
        """Add the filters that an event with a value of the feature passes."""
        if self.cells:
            if feature in flat.more:
                self._collect_several(flat.more[feature], flat, found)
            else:
                cell = self.cells.get(value)
                if cell is not None:
                    collect(cell, flat, found)
        for joint in self.joints:
            joint.collect(flat, found)
        if self.ranges is not None and isinstance(value, float):
            low = high = value
            if feature in flat.more:
                numbers = [each for each in flat.more[feature] if isinstance(each, float)]
                low, high = min(numbers), max(numbers)
            self.ranges.collect(low, high, flat, found)
        if self.affixes is not None and isinstance(value, str):
            self.affixes.collect(value, flat, found)

    def _collect_several(self, values: Iterable[Value], flat: Flat, found: list[Slot]) -> None:
        for value in values:
            cell = self.cells.get(value)
            if cell is not None:
                collect(cell, flat, found)
