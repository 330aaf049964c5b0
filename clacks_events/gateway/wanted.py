"""What a client wants to receive, compiled again whenever the catalog changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from clacks_events.catalog import Catalog
from clacks_events.filter import Filter, compile_filter

__all__ = ["Question", "Wanted"]


@dataclass(frozen=True, slots=True)
class Question:
    """A query, event types, a source, or all of them together; see Bus.subscribe."""

    query: str | None = None
    types: tuple[str, ...] = ()
    source: str | None = None
    namespaces: Mapping[str, str] = field(default_factory=dict)

    def compiled(self, catalog: Catalog) -> Filter:
        """Return the bounded filter. Raises FilterError or UnknownEventType."""
        return compile_filter(
            self.query,
            namespaces=self.namespaces,
            catalog=catalog,
            types=self.types,
            source=self.source,
            trusted=False,
        )


class Wanted:
    """A filter, and the question that it answers."""

    __slots__ = ("_catalog", "filter", "question")

    def __init__(self, question: Question, catalog: Catalog) -> None:
        """Compile the question. Raises FilterError or UnknownEventType."""
        self.question = question
        self.filter = question.compiled(catalog)
        self._catalog = catalog

    def renew(self) -> None:
        """Compile it again. When that fails the former filter stays, and it raises as before."""
        self.filter = self.question.compiled(self._catalog)
