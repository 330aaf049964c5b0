"""Look filters up by what they ask for, instead of checking one after the other.

Equalities that stand together are looked up together: the filters with the same set of features
share one dictionary, from the tuple of their values to the filters. Where there are too many such
sets, two equalities are looked up together, or one; the rest waits in the bucket behind.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations, product
from typing import Final, TypeAlias

from clacks_events.filter.index.atoms import Affix, Atom, OneOf, Within
from clacks_events.filter.index.bucket import Atoms, Cell, Slot, load
from clacks_events.filter.index.flatten import Feature, Flat, View
from clacks_events.filter.index.probes import Affixes, Joint, Key, Probe, Ranges, put, take

__all__ = ["Split"]

_MOST_JOINTS: Final = 64
_MOST_KEYS: Final = 64  # for one filter with lists of values

_MOST_PAIRS: Final = 256  # with the others
_COMPANY: Final = 8

Equal: TypeAlias = dict[Feature, OneOf]
Features: TypeAlias = tuple[Feature, ...]
Cells: TypeAlias = dict[Key, Cell]


class Split:
    """Filters by their features; ``size`` is how many conjunctions are in here."""

    __slots__ = ("_joints", "_probes", "size")

    def __init__(self) -> None:
        self._probes: dict[Feature, Probe] = {}
        self._joints: dict[tuple[Feature, ...], Joint] = {}
        self.size = 0

    def collect(self, flat: Flat, found: list[Slot]) -> None:
        """Add the filters that an event passes."""
        probes, values = self._probes, flat.values
        for feature in list(probes) if len(probes) < len(values) else values:
            probe, value = probes.get(feature), values.get(feature)
            if probe is not None and value is not None:
                probe.collect(feature, value, flat, found)

    def add(self, slots: tuple[Slot, ...], atoms: Atoms) -> bool:
        """Register filters; False if there is nothing to look them up by."""
        equal = _equalities(atoms)
        if equal:
            self._add_equal(slots, atoms, equal)
        elif (within := _within(atoms)) is not None:
            probe = self._probe(within.feature)
            probe.ranges = probe.ranges or Ranges()
            probe.ranges.add(within, slots, _without(atoms, (within,)))
        elif (affix := _affix(atoms)) is not None:
            probe = self._probe(affix.feature)
            probe.affixes = probe.affixes or Affixes()
            probe.affixes.add(affix, slots, _without(atoms, (affix,)))
        else:
            return False
        self.size += len(slots)
        return True

    def remove(self, slot: Slot, atoms: Atoms) -> bool:
        """Take a filter out; tell whether it was here."""
        equal = _equalities(atoms)
        if equal:
            was_here = self._remove_equal(slot, atoms, equal)
        elif (within := _within(atoms)) is not None:
            was_here = self._remove_within(slot, atoms, within)
        elif (affix := _affix(atoms)) is not None:
            was_here = self._remove_affix(slot, atoms, affix)
        else:
            return False
        self.size -= was_here
        return was_here

    def _probe(self, feature: Feature) -> Probe:
        probe = self._probes.get(feature)
        if probe is None:
            probe = self._probes[feature] = Probe()
        return probe

    def _tidy(self, feature: Feature) -> None:
        if self._probes[feature].is_empty:
            del self._probes[feature]

    def _add_equal(self, slots: tuple[Slot, ...], atoms: Atoms, equal: Equal) -> None:
        features = self._chosen(equal)
        cells = self._made(features)
        rest = _without(atoms, [equal[feature] for feature in features])
        for key in _keys(features, equal):
            put(cells, key, slots, rest)

    def _chosen(self, equal: Equal) -> Features:
        """Return the features to look up together: all, or else two, or else one."""
        features = tuple(equal)
        if len(features) == 1 or self._has_room(features, _MOST_JOINTS):
            return features
        pairs: list[Features] = [
            two for two in combinations(features, 2) if self._has_room(two, _MOST_PAIRS)
        ]
        ways = pairs or [(feature,) for feature in features]
        return min(ways, key=lambda way: self._load(way, equal))

    def _has_room(self, features: Features, most: int) -> bool:
        return features in self._joints or len(self._joints) < most

    def _load(self, features: Features, equal: Equal) -> tuple[int, bool]:
        # Some company is cheaper than one dictionary more.
        cells = self._cells(features)
        if cells is None:
            return 0, True
        return max(load(cells.get(key)) for key in _keys(features, equal)) // _COMPANY, False

    def _cells(self, features: Features) -> Cells | None:
        if len(features) == 1:
            probe = self._probes.get(features[0])
            return None if probe is None else probe.cells
        joint = self._joints.get(features)
        return None if joint is None else joint.cells

    def _made(self, features: Features) -> Cells:
        if len(features) == 1:
            return self._probe(features[0]).cells
        joint = self._joints.get(features)
        if joint is None:
            joint = self._joints[features] = Joint(features)
            probe = self._probe(features[0])
            probe.joints = (*probe.joints, joint)
        return joint.cells

    def _remove_equal(self, slot: Slot, atoms: Atoms, equal: Equal) -> bool:
        # How much room there was when it came is not known any more.
        features = tuple(equal)
        return any(
            self._remove_at(way, slot, atoms, equal)
            for way in dict.fromkeys((features, *combinations(features, 2), *zip(features)))
        )

    def _remove_at(self, features: Features, slot: Slot, atoms: Atoms, equal: Equal) -> bool:
        cells = self._cells(features)
        if not cells:
            return False
        rest = _without(atoms, [equal[feature] for feature in features])
        was_here = [take(cells, key, slot, rest) for key in _keys(features, equal)]
        if not cells:
            self._forget(features)
        return any(was_here)

    def _forget(self, features: Features) -> None:
        joint = self._joints.pop(features, None)
        probe = self._probes[features[0]]
        probe.joints = tuple(each for each in probe.joints if each is not joint)
        self._tidy(features[0])

    def _remove_within(self, slot: Slot, atoms: Atoms, within: Within) -> bool:
        probe = self._probes.get(within.feature)
        if probe is None or probe.ranges is None:
            return False
        was_here = probe.ranges.remove(within, slot, _without(atoms, (within,)))
        if probe.ranges.is_empty:
            probe.ranges = None
            self._tidy(within.feature)
        return was_here

    def _remove_affix(self, slot: Slot, atoms: Atoms, affix: Affix) -> bool:
        probe = self._probes.get(affix.feature)
        if probe is None or probe.affixes is None:
            return False
        was_here = probe.affixes.remove(affix, slot, _without(atoms, (affix,)))
        if probe.affixes.is_empty:
            probe.affixes = None
            self._tidy(affix.feature)
        return was_here


def _keys(features: Features, equal: Equal) -> Iterable[Key]:
    """Return what a conjunction has in the place of its values."""
    if len(features) == 1:
        return equal[features[0]].values
    return product(*(equal[feature].values for feature in features))


def _equalities(atoms: Atoms) -> Equal:
    """Return what a conjunction is looked up by, in the order of the features.

    That an element is there says little, so it counts only where there is nothing else.
    """
    all_of_them: Equal = {}
    for atom in atoms:
        if isinstance(atom, OneOf):
            all_of_them.setdefault(atom.feature, atom)
    telling = [each for each in all_of_them.values() if each.feature.view is not View.PRESENT]
    if not telling and any(isinstance(atom, Within | Affix) for atom in atoms):
        return {}
    chosen: list[OneOf] = []
    keys = 1
    for atom in sorted(telling or all_of_them.values(), key=lambda each: len(each.values)):
        keys *= len(atom.values)
        if not chosen or keys <= _MOST_KEYS:
            chosen.append(atom)
    chosen.sort(key=lambda each: each.feature.order)
    return {atom.feature: atom for atom in chosen}


def _within(atoms: Atoms) -> Within | None:
    """Return the interval to look up by; one with two bounds says more."""
    found = [atom for atom in atoms if isinstance(atom, Within)]
    return min(found, key=lambda atom: atom.high - atom.low) if found else None


def _affix(atoms: Atoms) -> Affix | None:
    found = [atom for atom in atoms if isinstance(atom, Affix)]
    return max(found, key=lambda atom: len(atom.text)) if found else None


def _without(atoms: Atoms, used: Iterable[Atom]) -> Atoms:
    taken = {id(atom) for atom in used}
    return tuple(atom for atom in atoms if id(atom) not in taken)
