"""The compiled filter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from clacks_events.errors import EvaluationError
from clacks_events.event import Event, HeaderValue
from clacks_events.filter.analysis.interest import Interest
from clacks_events.filter.matcher import Subject, is_one_of
from clacks_events.filter.nodes import External, Literal, Module, Node
from clacks_events.filter.plan import Lineages, Plan

if TYPE_CHECKING:
    from clacks_events.filter.residual import Residual
    from clacks_events.filter.xquery import Query

__all__ = ["Filter", "Origin"]

_TRUE = Literal(True)


@dataclass(frozen=True, slots=True)
class Origin:
    """What a query was compiled with: prefixes beside the predeclared ones, and a catalog."""

    prefixes: tuple[tuple[str, str], ...] = ()
    catalog: Lineages | None = None


_NOTHING = Origin()


@final
class Filter:
    """A compiled filter: immutable, and usable from many threads at once."""

    __slots__ = ("_module", "_plan", "_query", "_residual", "origin", "text")

    def __init__(
        self,
        text: str,
        plan: Plan,
        module: Module,
        query: Query | None = None,
        origin: Origin = _NOTHING,
    ) -> None:
        """Take the results of the phases; use :func:`compile_filter`.

        ``query`` is what elementpath evaluates, for a module that cannot be compiled.
        """
        self.text = text
        self.origin = origin if origin.prefixes or origin.catalog else _NOTHING
        self._plan = plan
        self._module = module
        self._query = query
        # Made when first needed: of many filters, an index decides most without it.
        self._residual: Residual | None = None

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

    @property
    def interest(self) -> Interest:
        """The pairs of type and source that can match."""
        return self._plan.interest

    @property
    def residual(self) -> Node:
        """What is left to decide for events of these types and sources."""
        return _TRUE if self._plan.decides else self._module.body

    @property
    def externals(self) -> tuple[External, ...]:
        """The variables that take their values from headers."""
        return self._module.externals

    def names(self, type: str) -> bool:
        """Tell whether the filter asks for a type, a Clark name, explicitly."""
        return self._plan.types is not None and is_one_of(type, self._plan.types)

    def matches(self, event: Event, headers: Mapping[str, HeaderValue] | None = None) -> bool:
        """Tell whether an event matches; a query that fails on it does not match.

        ``headers`` replace those of the event.
        """
        plan = self._plan
        if not (event.type == plan.only or plan.admits(event.type, event.source)):
            return False
        if plan.decides:
            return True
        residual = self._residual or self._prepared()
        try:
            return residual.decide(event, event.headers if headers is None else headers)
        except EvaluationError:
            return False

    def evaluate(self, subject: Subject) -> bool:
        """Tell the same, but raise EvaluationError for a query that fails on the event."""
        plan, event = self._plan, subject.event
        if not (event.type == plan.only or plan.admits(event.type, event.source)):
            return False
        return plan.decides or (self._residual or self._prepared())(subject)

    def _prepared(self) -> Residual:
        # elementpath takes 140 ms to import: whoever only publishes does not pay for it.
        from clacks_events.filter.residual import residual

        self._residual = residual(self._module, self._query, self._plan.only)
        return self._residual

    def explain(self, event: Event | None = None) -> str:
        """Return the stages of the filter, and what becomes of an event, as text for a person."""
        from clacks_events.filter.explain import explain

        return explain(self, event)

    def __repr__(self) -> str:
        return f"<Filter {self.text!r} bindings={list(self.bindings)}>"
