"""What is left of a query behind type and source, ready to be evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, final

from clacks_events.event import Event, HeaderValue
from clacks_events.filter import nodes
from clacks_events.filter.compiled import Matcher, NotLowerable, lower
from clacks_events.filter.matcher import Subject
from clacks_events.filter.nodes import Module
from clacks_events.filter.xquery import Query

__all__ = ["Residual", "obstacle", "residual"]


@final
class Fallback:
    """A query for elementpath, behind what of it can be compiled."""

    __slots__ = ("_necessary", "_query")

    def __init__(self, query: Query, necessary: Matcher | None) -> None:
        self._query = query
        self._necessary = necessary

    def __call__(self, subject: Subject) -> bool:
        """Tell whether an event matches; raise EvaluationError if the query fails on it."""
        if self._necessary is not None and not self._necessary(subject):
            return False
        return self._query.evaluate_wrapped(subject.wrapped, subject.headers)

    def decide(self, event: Event, headers: Mapping[str, HeaderValue]) -> bool:
        """Tell the same of an event with headers."""
        return self(Subject(event, headers))


Residual: TypeAlias = Matcher | Fallback


def obstacle(module: Module) -> str | None:
    """Return what keeps a query from being compiled; None if nothing does."""
    try:
        lower(module)
    except NotLowerable as reason:
        return str(reason)
    return None


def residual(module: Module, query: Query | None, payload: str | None) -> Residual:
    """Return the closures of a module, or elementpath behind what of it can be compiled.

    ``payload`` is the type of all events that will be asked about, if there is just one.
    """
    if query is None:
        return lower(module, payload)
    return Fallback(query, _necessary(module, payload))


def _necessary(module: Module, payload: str | None) -> Matcher | None:
    """Return those conditions of a conjunction that can be compiled.

    What they turn down, elementpath need not see; at the very top it makes no difference that
    another condition might have failed before.
    """
    if not isinstance(module.body, nodes.And):
        return None
    parts = tuple(
        part for part in module.body.parts if obstacle(Module(module.externals, part)) is None
    )
    return lower(Module(module.externals, nodes.And(parts)), payload) if parts else None
