"""Which schema types derive from which, and which elements have them.

Read from the documents, like the declarations. Each file is a world of its own: a helper type of
one file has nothing to do with that of the same name in another one.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from clacks_events.catalog.declarations import Declaration
from clacks_events.catalog.engine import SchemaFile
from clacks_events.catalog.type_graph import ANY_TYPE, BUILTIN
from clacks_events.xml import local_name

__all__ = ["TypeLineage", "TypeTable"]


@dataclass(frozen=True, slots=True)
class TypeLineage:
    """What has a type or one that derives from it, by extension or restriction: Clark names."""

    elements: frozenset[str]
    """The global elements that are declared with such a type, abstract ones included."""
    types: frozenset[str]
    """The type itself and the named types that derive from it."""
    candidates: frozenset[str]
    """``elements`` and those that may say by xsi:type that they are of such a type."""
    conditional: frozenset[str]
    """Elements that xs:alternative may give such a type, depending on their content."""


class TypeTable:
    """The types of all files in force; what is asked for is worked out once."""

    def __init__(self, files: Iterable[SchemaFile], elements: Mapping[str, Declaration]) -> None:
        self._graphs = [file.types for file in files]
        self._elements = elements
        self._known: dict[str, TypeLineage | None] = {}

    @property
    def names(self) -> Collection[str]:
        """The named types that schemas declare."""
        return {name for graph in self._graphs for name in graph.bases} - BUILTIN.keys()

    def near(self, name: str) -> list[str]:
        """Return the types whose local names look like that of a Clark name, best first."""
        local, known = local_name(name), sorted(self.names)
        alike = difflib.get_close_matches(local, {local_name(full) for full in known}, n=3)
        return [full for close in alike for full in known if local_name(full) == close]

    def lineage(self, name: str) -> TypeLineage | None:
        """Return what derives from a type; None when no schema declares it."""
        if name not in self._known:
            is_known = name in BUILTIN or any(name in graph.bases for graph in self._graphs)
            self._known[name] = self._lineage(name) if is_known else None
        return self._known[name]

    def _lineage(self, name: str) -> TypeLineage:
        derived = [
            (graph, known)
            for graph in self._graphs
            for known in (*graph.bases, *BUILTIN)
            if name in graph.ancestors(known)
        ]
        types = frozenset(known for _, known in derived) | {name}
        above = {ANY_TYPE}.union(*(graph.ancestors(known) for graph, known in derived))
        elements, open_to, conditional = set[str](), set[str](), set[str]()
        for full, declaration in self._elements.items():
            graph = declaration.files[0].types
            declared = graph.declared(full)
            if graph.reaches(declared.types, name):
                elements.add(full)
            elif graph.reaches(declared.alternatives, name):
                conditional.add(full)
            elif declared.is_named and not above.isdisjoint(declared.types):
                open_to.add(full)
        return TypeLineage(
            frozenset(elements),
            types,
            frozenset(elements | open_to | conditional),
            frozenset(conditional),
        )
