"""Show what becomes of a filter, stage by stage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from clacks_events.topic import ALL
from clacks_events.xml import local_name

if TYPE_CHECKING:
    from clacks_events.filter.lower import Plan
    from clacks_events.filter.xquery import Query

__all__ = ["explain"]


def explain(text: str, plan: Plan, query: Query | None) -> str:
    """Return the stages as lines of text."""
    return "\n".join(_lines(text, plan, query))


def _lines(text: str, plan: Plan, query: Query | None) -> Iterator[str]:
    if text:
        yield "query"
        yield from (f"  {line}" for line in text.strip().splitlines())
    yield f"types     {_names(plan.types)}"
    yield f"sources   {_names(plan.sources)}"
    if query is not None and query.externals:
        headers = ", ".join(f"${external.name}" for external in query.externals)
        yield f"headers   {headers}"
    yield "bindings  (decided by the broker)"
    yield from (f"  {pattern}" for pattern in plan.bindings)
    if not plan.bindings:
        yield "  none: no event can match"
    elif plan.bindings == (ALL,):
        yield "  nothing can be told from type or source: every event is delivered"
    yield "residual  (decided at the consumer)"
    yield f"  {_residual(plan, query)}"


def _names(names: frozenset[str] | None) -> str:
    if names is None:
        return "any"
    return ", ".join(sorted(map(local_name, names))) or "none"


def _residual(plan: Plan, query: Query | None) -> str:
    if query is not None and not plan.decides:
        return "the whole query, by elementpath, for events of these types and sources"
    if plan.types is None and plan.sources is None:
        return "nothing: every event matches"
    return "type and source, by their full names"
