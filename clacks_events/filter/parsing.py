"""The first phases: from the text of a query to its nodes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from clacks_events.filter.analysis.typed import check_types
from clacks_events.filter.nodes import Module
from clacks_events.filter.plan import Lineages
from clacks_events.filter.xquery import Query, parse_query, to_module

__all__ = ["Parsed", "parse"]

Prefixes: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A query in both its forms: elementpath's and ours."""

    query: Query
    module: Module


def parse(text: str, prefixes: Prefixes, catalog: Lineages | None) -> Parsed:
    """Parse a query with prefixes beside the predeclared ones; raise FilterError."""
    derived = None if catalog is None else partial(_derived, catalog)
    query = parse_query(text, dict(prefixes), derived, catalog)
    module = to_module(query)
    check_types(text, module, query.typed_spans)
    return Parsed(query, module)


def _derived(catalog: Lineages, name: str) -> frozenset[str]:
    return catalog.derived(name) if catalog.knows(name) else frozenset()
