"""Our own two ways to evaluate a query, as verdicts like those of the oracles.

A verdict is ``T``, ``F``, ``E`` for an error, or ``P`` for a query that is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from clacks_events import Catalog, Event, Filter, FilterError, compile_filter
from clacks_events.errors import EvaluationError
from clacks_events.event import HeaderValue
from clacks_events.filter import Subject
from clacks_events.filter.xquery import Query, Wrapped, parse_query
from tests.filter.fuzz.samples import QuerySample
from tests.filter.fuzz.schemas import NAMESPACES

__all__ = ["compiled", "filter_verdict", "interpreted", "parsed", "verdict"]


def compiled(query: QuerySample, catalog: Catalog | None) -> Filter | None:
    """Return the compiled filter, or None for a query that is refused."""
    try:
        return compile_filter(query.text, namespaces=NAMESPACES, catalog=catalog)
    except FilterError:
        return None


def filter_verdict(filter: Filter, event: Event, headers: Mapping[str, HeaderValue]) -> str:
    """Judge an event by a compiled filter."""
    return verdict(partial(filter.evaluate, Subject(event, headers)))


def parsed(text: str, catalog: Catalog | None) -> Query:
    """Parse a query for the engine on top of elementpath."""
    derived = None if catalog is None else partial(_derived, catalog)
    return parse_query(text, NAMESPACES, derived, catalog)


def _derived(catalog: Catalog, name: str) -> frozenset[str]:
    return catalog.derived(name) if catalog.knows(name) else frozenset()


def interpreted(
    text: str,
    catalog: Catalog | None,
    documents: Sequence[Wrapped],
    headers: Mapping[str, HeaderValue],
) -> list[str]:
    """Judge documents by the engine on top of elementpath."""
    try:
        query = parsed(text, catalog)
    except FilterError:
        return ["P"] * len(documents)
    return [verdict(partial(query.evaluate_wrapped, d, headers)) for d in documents]


def verdict(evaluate: Callable[[], bool]) -> str:
    """Return what an evaluation comes to."""
    try:
        return "FT"[evaluate()]
    except EvaluationError:
        return "E"
