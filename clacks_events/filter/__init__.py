"""Filters: a query, compiled once, decides which events a subscriber gets.

::

    text ──parse──► Query ──nodes──► Node ──analyse──► Interest ──plan──► Plan
                      │                └────decide────────────────────────► │
                      └──────────────► residual ──────► evaluate ◄──────────┘
                               (what type and source do not decide)

The bindings of the plan may select too much, never too little; together with the residual they
are the query.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, final

from clacks_events.errors import ConfigError, EvaluationError
from clacks_events.event import Event, HeaderValue
from clacks_events.filter.lower import Lineages, Plan, plan, selection
from clacks_events.filter.matcher import Subject, evaluate, is_one_of

if TYPE_CHECKING:
    from clacks_events.filter.xquery import Query

__all__ = ["Filter", "Subject", "compile_filter"]


def compile_filter(
    text: str | None,
    *,
    namespaces: Mapping[str, str] | None = None,
    catalog: Lineages | None = None,
    types: tuple[str, ...] = (),
    source: str | None = None,
) -> Filter:
    """Compile a query, some event types, a source, or all of them together.

    ``namespaces`` are prefixes for the query beside the predeclared ones; ``catalog`` knows which
    types derive from which. Raises FilterError, with a caret under the fault, UnknownEventType, or
    ConfigError for what is no text.
    """
    if not isinstance(text, str | None):
        raise ConfigError(f"a query is text, not {type(text).__name__}")
    interest = selection(types, source, catalog)
    if text is None:
        return Filter("", plan(interest, decides=True), None)
    # elementpath takes 140 ms to import: whoever only publishes does not pay for it.
    from clacks_events.filter.analyse import analyse
    from clacks_events.filter.decide import is_decided
    from clacks_events.filter.xquery import parse_query, to_node

    derived = None if catalog is None else partial(_derived, catalog)
    query = parse_query(text, namespaces, derived)
    node = to_node(query, derived)
    interest &= analyse(node)
    # A header that is declared and absent means no match, whatever else the query says.
    decides = not query.externals and is_decided(node)
    return Filter(text, plan(interest, decides=decides), query)


def _derived(catalog: Lineages, name: str) -> frozenset[str]:
    return catalog.derived(name) if catalog.knows(name) else frozenset()


@final
class Filter:
    """A compiled filter: immutable, and usable from many threads at once."""

    __slots__ = ("_plan", "_query", "text")

    def __init__(self, text: str, plan: Plan, query: Query | None) -> None:
        """Take the results of the stages; use :func:`compile_filter`."""
        self.text = text
        self._plan = plan
        self._query = query

    @property
    def bindings(self) -> tuple[str, ...]:
        """The topic patterns for the broker; none at all when nothing can match."""
        return self._plan.bindings

    @property
    def types(self) -> frozenset[str] | None:
        """The event types that can match, as Clark names or ``{*}local``; None is any."""
        return self._plan.types

    @property
    def sources(self) -> frozenset[str] | None:
        """The sources that can match; None is any."""
        return self._plan.sources

    def names(self, type: str) -> bool:
        """Tell whether the filter asks for a type, a Clark name, explicitly."""
        return self._plan.types is not None and is_one_of(type, self._plan.types)

    def matches(self, event: Event, headers: Mapping[str, HeaderValue] | None = None) -> bool:
        """Tell whether an event matches; a query that fails on it does not match.

        ``headers`` replace those of the event.
        """
        try:
            return self.evaluate(Subject(event, headers))
        except EvaluationError:
            return False

    def evaluate(self, subject: Subject) -> bool:
        """Tell the same, but raise EvaluationError for a query that fails on the event."""
        return evaluate(self._plan, self._query, subject)

    def explain(self) -> str:
        """Return the stages of the filter as text for a person."""
        from clacks_events.filter.explain import explain

        return explain(self.text, self._plan, self._query)

    def __repr__(self) -> str:
        return f"<Filter {self.text!r} bindings={list(self.bindings)}>"
