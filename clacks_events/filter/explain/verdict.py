"""Why an event does not match: the first condition that is false or fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clacks_events.errors import EvaluationError, FilterError
from clacks_events.filter.compiled import NotLowerable, lower
from clacks_events.filter.explain.conditions import alternatives, conditions
from clacks_events.filter.explain.evidence import Evidence
from clacks_events.filter.matcher import Subject, is_one_of
from clacks_events.filter.nodes import Literal, Module, Node
from clacks_events.filter.written import quoted, written
from clacks_events.filter.xquery import parse_query
from clacks_events.xml import local_name

if TYPE_CHECKING:
    from clacks_events.filter.filter import Filter

__all__ = ["Verdict", "verdict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an event matches, and lines that say so and why."""

    matches: bool
    text: str


def verdict(compiled: Filter, subject: Subject, prefixes: Mapping[str, str]) -> Verdict:
    """Tell whether an event matches a filter and, if it does not, why not."""
    lines: Iterator[str]
    try:
        if compiled.evaluate(subject):
            return Verdict(True, "event     matches")
        reason = _outside(compiled, subject)
        lines = iter(()) if reason else _Trial(compiled, subject, prefixes).lines()
        first = reason or next(lines, "")
    except EvaluationError as error:
        first = f"the query fails on it: {error}"
        lines = _Trial(compiled, subject, prefixes).failed()
    head = f"event     does not match{': ' if first else ''}{first}"
    return Verdict(False, "\n".join((head, *(f"  {line}" for line in lines))))


def _outside(compiled: Filter, subject: Subject) -> str:
    """Return what type and source have against an event."""
    types, sources = compiled.types, compiled.sources
    if types is not None and not is_one_of(subject.event.type, types):
        return f"its type is {local_name(subject.event.type)}"
    if sources is not None and subject.event.source not in sources:
        source = "not given" if subject.event.source is None else quoted(subject.event.source)
        return f"its source is {source}"
    if not compiled.interest.admits(subject.event.type, subject.event.source):
        return "its type is not wanted from its source"
    return ""


class _Trial:
    """Asks the conditions of a residual one after the other."""

    def __init__(self, compiled: Filter, subject: Subject, prefixes: Mapping[str, str]) -> None:
        self._compiled = compiled
        self._subject = subject
        self._prefixes = prefixes
        self._evidence = Evidence(subject, prefixes)

    def lines(self) -> Iterator[str]:
        """Yield what is false: a sentence, then the condition and what the event has for it."""
        for condition in conditions(self._compiled.residual):
            if self._holds(condition) is False:
                each = list(alternatives(condition))
                yield "none of these is true" if len(each) > 1 else "this is false"
                for alternative in each:
                    yield from self._shown(alternative)
                return

    def failed(self) -> Iterator[str]:
        """Yield the condition that fails, and what the event has for it."""
        try:
            self._holds(Literal(True))
        except EvaluationError:
            return  # the headers fail, whatever is asked
        for condition in conditions(self._compiled.residual):
            try:
                self._holds(condition)
            except EvaluationError:
                yield from self._shown(condition)
                return

    def _shown(self, condition: Node) -> Iterator[str]:
        yield written(condition, self._prefixes)
        yield from (f"  {line}" for line in self._evidence.of(condition))

    def _holds(self, condition: Node) -> bool | None:
        """Tell whether a condition holds by itself; None for one that cannot be asked so."""
        module = Module(self._compiled.externals, condition)
        try:
            return lower(module)(self._subject)
        except NotLowerable:
            return self._holds_by_text(module)

    def _holds_by_text(self, module: Module) -> bool | None:
        named = {prefix: uri for prefix, uri in self._prefixes.items() if prefix}
        try:
            query = parse_query(written(module, named), named)
        except FilterError:
            return None  # what has no notation of its own is left out
        return query.evaluate_wrapped(self._subject.wrapped, self._subject.headers)
