"""Where registered filters wait: alone, behind conditions, or in a bucket with others.

A *cell* is what a lookup ends in. Most hold one filter that nothing more is asked of: its slot
itself. Threads collect while another one changes a cell: lists are appended to, or replaced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from clacks_events.errors import EvaluationError
from clacks_events.filter.index.atoms import Atom
from clacks_events.filter.index.flatten import Flat

if TYPE_CHECKING:
    from clacks_events.filter.index.split import Split

__all__ = ["Atoms", "Bucket", "Cell", "Check", "Slot", "added", "collect", "load", "removed"]

Atoms: TypeAlias = tuple[Atom, ...]

_MOST_CHECKS: Final = 12  # of one bucket, before it looks them up


class Slot:
    """A registered filter; ``number`` counts them in their order."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


class Check:
    """Filters that ask for the same conditions."""

    __slots__ = ("atoms", "slots")

    def __init__(self, atoms: Atoms, slots: list[Slot]) -> None:
        self.atoms = atoms
        self.slots = slots

    def collect(self, flat: Flat, found: list[Slot]) -> None:
        """Add the filters if an event meets the conditions."""
        try:
            for atom in self.atoms:
                if not atom.holds(flat):
                    return
        except EvaluationError as error:
            flat.failures.append((self.slots, error))
            return
        found += self.slots


Cell: TypeAlias = "Slot | Check | Bucket"


class Bucket:
    """Filters without conditions, with some to check, and with some to look up."""

    __slots__ = ("checks", "hits", "split")

    def __init__(self) -> None:
        self.hits: list[Slot] = []
        self.checks: dict[Atoms, Check] = {}
        self.split: Split | None = None

    def collect(self, flat: Flat, found: list[Slot]) -> None:
        """Add the filters whose conditions an event meets."""
        found += self.hits
        if self.checks:
            for check in list(self.checks.values()):
                check.collect(flat, found)
        if self.split is not None:
            self.split.collect(flat, found)

    def add(self, slot: Slot, atoms: Atoms) -> None:
        """Register a filter with the conditions that are left of it."""
        if not atoms:
            self.hits.append(slot)
        elif atoms in self.checks:
            self.checks[atoms].slots.append(slot)
        elif self.split is None or not self.split.add((slot,), atoms):
            self.checks[atoms] = Check(atoms, [slot])
            if self.split is None and len(self.checks) > _MOST_CHECKS:
                self._divide()

    def look_up(self) -> None:
        """Look filters up from the first one on, which pays where each event comes by."""
        self._divide()

    def _divide(self) -> None:
        from clacks_events.filter.index.split import Split

        self.split = Split()
        for check in list(self.checks.values()):
            # Whoever collects right now may meet a filter twice, but never miss it.
            if self.split.add(tuple(check.slots), check.atoms):
                del self.checks[check.atoms]

    def remove(self, slot: Slot, atoms: Atoms) -> bool:
        """Take a filter out; tell whether it was here."""
        if not atoms:
            rest = [each for each in self.hits if each is not slot]
            is_here = len(rest) < len(self.hits)
            self.hits = rest
            return is_here
        check = self.checks.get(atoms)
        if check is None:
            return self.split is not None and self.split.remove(slot, atoms)
        is_here = slot in check.slots
        check.slots = [each for each in check.slots if each is not slot]
        if not check.slots:
            del self.checks[atoms]
        return is_here

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left."""
        return not (self.hits or self.checks or (self.split is not None and self.split.size))

    @property
    def size(self) -> int:
        """About how much there is to collect."""
        return len(self.hits) + len(self.checks) + (self.split.size if self.split else 0)


def collect(cell: Cell, flat: Flat, found: list[Slot]) -> None:
    """Add the filters of a cell whose conditions an event meets."""
    if isinstance(cell, Slot):
        found.append(cell)
    else:
        cell.collect(flat, found)


def added(cell: Cell | None, slot: Slot, atoms: Atoms) -> Cell:
    """Return a cell, the same or a larger one, with one filter more."""
    if cell is None:
        return Check(atoms, [slot]) if atoms else slot
    if isinstance(cell, Check) and cell.atoms == atoms:
        cell.slots.append(slot)
        return cell
    if isinstance(cell, Bucket):
        cell.add(slot, atoms)
        return cell
    bucket = Bucket()
    for old in (cell,) if isinstance(cell, Slot) else cell.slots:
        bucket.add(old, () if isinstance(cell, Slot) else cell.atoms)
    bucket.add(slot, atoms)
    return bucket


def removed(cell: Cell, slot: Slot, atoms: Atoms) -> tuple[Cell | None, bool]:
    """Return a cell without a filter, None if nothing is left, and whether it was in there."""
    if isinstance(cell, Slot):
        return (None, True) if cell is slot and not atoms else (cell, False)
    if isinstance(cell, Bucket):
        is_here = cell.remove(slot, atoms)
        return None if cell.is_empty else cell, is_here
    if cell.atoms != atoms or slot not in cell.slots:
        return cell, False
    rest = [each for each in cell.slots if each is not slot]
    cell.slots = rest
    return cell if rest else None, True


def load(cell: Cell | None) -> int:
    """Return about how much there is to collect in a cell."""
    if cell is None:
        return 0
    return cell.size if isinstance(cell, Bucket) else 1
