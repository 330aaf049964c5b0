"""Show what becomes of a filter, stage by stage, and what becomes of an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clacks_events.filter.explain.stages import stages, unchanged
from clacks_events.filter.explain.verdict import Verdict, verdict
from clacks_events.filter.matcher import Subject

if TYPE_CHECKING:
    from clacks_events.event import Event
    from clacks_events.filter.filter import Filter

__all__ = ["Verdict", "explain", "judge"]


def explain(compiled: Filter, event: Event | None = None) -> str:
    """Return the stages as lines of text; with an event, what becomes of it is the last part."""
    start = unchanged(compiled)
    lines = list(stages(compiled, start))
    if event is not None:
        lines.append(verdict(compiled, Subject(event), start.prefixes).text)
    return "\n".join(lines)


def judge(compiled: Filter, subject: Subject) -> Verdict:
    """Tell whether an event matches and, if it does not, why not."""
    return verdict(compiled, subject, unchanged(compiled).prefixes)
