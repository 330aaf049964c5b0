"""The catalog at one moment: an immutable view that readers share without a lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from clacks_events.catalog.declarations import Declaration, declarations, lineage
from clacks_events.catalog.engine import SchemaFile
from clacks_events.catalog.store import Store
from clacks_events.catalog.type_lineage import TypeTable
from clacks_events.envelope import NAMESPACE
from clacks_events.xml import local_name

__all__ = ["EventType", "Snapshot", "take_snapshot"]


@dataclass(frozen=True, slots=True)
class EventType:
    """A global element that can be published."""

    name: str
    """The Clark name."""
    lineage: tuple[str, ...]
    """The substitution-group chain as Clark names, root first, this type last."""
    file: Path
    """The XSD file that declares it."""
    documentation: str
    is_abstract: bool

    @property
    def local_name(self) -> str:
        """The name without its namespace."""
        return local_name(self.name)

    @property
    def namespace(self) -> str:
        """The namespace, empty when there is none."""
        return self.name[1:].partition("}")[0] if self.name.startswith("{") else ""


@dataclass(frozen=True)
class Snapshot:
    """All declarations and event types in force."""

    elements: Mapping[str, Declaration]
    types: Mapping[str, EventType]
    files: tuple[SchemaFile, ...]

    @cached_property
    def derived(self) -> Mapping[str, frozenset[str]]:
        """For each element the elements that can stand for it, itself included."""
        found: dict[str, set[str]] = {}
        for name in self.elements:
            for base in self.lineage(name):
                found.setdefault(base, set()).add(name)
        return {base: frozenset(names) for base, names in found.items()}

    @cached_property
    def schema_types(self) -> TypeTable:
        """The types that the files declare."""
        return TypeTable(self.files, self.elements)

    @cached_property
    def _lineages(self) -> dict[str, tuple[str, ...]]:
        return {name: lineage(name, self.elements) for name in self.elements}

    def lineage(self, name: str) -> tuple[str, ...]:
        """Return the chain of an element; of an unknown one, just itself."""
        return self._lineages.get(name, (name,))

    def named(self, name: str) -> list[str]:
        """Return the elements that a Clark name or local name means.

        A local name prefers event types to their parts, and built-in types to foreign ones.
        """
        if name in self.elements:
            return [name]
        builtin = f"{{{NAMESPACE}}}{name}"
        if builtin in self.types:
            return [builtin]
        for known in (self.types, self.elements):
            found = [full for full in known if local_name(full) == name]
            if found:
                return found
        return []


def take_snapshot(store: Store) -> Snapshot:
    """Return the catalog as the store holds it now."""
    elements = declarations(store.files.values(), store.roots)
    types = {}
    for name in sorted(store.roots, key=lambda full: (local_name(full), full)):
        declaration = elements[name]
        types[name] = EventType(
            name,
            lineage(name, elements),
            declaration.path,
            declaration.documentation,
            declaration.is_abstract,
        )
    return Snapshot(elements, types, tuple(store.files.values()))
