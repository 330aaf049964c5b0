"""What an event has where a condition looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from lxml import etree

from clacks_events.errors import EvaluationError
from clacks_events.filter.compiled import NotLowerable, selected
from clacks_events.filter.explain.conditions import looked_at
from clacks_events.filter.items import Item, is_node, string_value
from clacks_events.filter.matcher import Subject
from clacks_events.filter.nodes import Node, Path, Start, Step, Variable
from clacks_events.filter.nodes.walk import free_variables, refocused
from clacks_events.filter.written import quoted, written

__all__ = ["Evidence"]

_MOST_VALUES: Final = 4
_LONGEST_VALUE: Final = 60


@dataclass(frozen=True, slots=True)
class Evidence:
    """One event, and the prefixes to speak of it."""

    subject: Subject
    prefixes: Mapping[str, str]

    def of(self, node: Node) -> list[str]:
        """Return, as lines, what is where an expression looks."""
        lines = (line for each in looked_at(node) for line in self._about(each))
        return list(dict.fromkeys(lines))

    def _about(self, node: Node) -> Iterator[str]:
        if isinstance(node, Variable):
            if node.name in self.subject.headers:
                yield f"{self._written(node)} was {_shown(self.subject.headers[node.name])}"
            return
        try:
            found = self._selected(node)
            if found:
                yield f"{self._written(node)} was {_summary(found)}"
            elif isinstance(node, Path):
                yield from self._missing(node)
            else:
                yield f"{self._written(node)} was nothing"
        except EvaluationError as error:
            yield f"{self._written(node)} failed: {error}"
        except NotLowerable:
            # What only elementpath knows is not looked at by itself.
            return

    def _written(self, node: Node) -> str:
        return written(node, self.prefixes)

    def _selected(self, node: Node) -> list[Item]:
        if free_variables(node):
            raise NotLowerable("a variable")
        return selected(node, self.subject.event)

    def _missing(self, path: Path) -> Iterator[str]:
        """Yield what is the first thing that a path does not find."""
        before: Path | None = None
        for found, condition in _grown(path):
            if self._selected(found):
                before = found
            elif condition is None or before is None:
                yield f"{self._written(found)} was not there"
                return
            else:
                yield from self._unmet(before, condition)
                return

    def _unmet(self, path: Path, condition: Node) -> Iterator[str]:
        lines = []
        for each in looked_at(condition):
            moved = refocused(each, path)
            lines += [] if moved is None else list(self._about(moved))
        yield from lines or [f"{self._written(path)} was there {_times(self._selected(path))}"]


def _grown(path: Path) -> Iterator[tuple[Path, Node | None]]:
    """Yield the beginnings of a path, each with the predicate that is its last part."""
    start = Path(path.start)
    if not isinstance(path.start, Start) or path.predicates:
        yield start, None
    for number, predicate in enumerate(path.predicates, 1):
        yield Path(path.start, (), path.predicates[:number]), predicate
    for at, step in enumerate(path.steps):
        before = path.steps[:at]
        yield Path(path.start, (*before, Step(step.axis, step.test)), path.predicates), None
        for number, predicate in enumerate(step.predicates, 1):
            part = Step(step.axis, step.test, step.predicates[:number])
            yield Path(path.start, (*before, part), path.predicates), predicate


def _summary(items: list[Item]) -> str:
    """Return the values; elements that hold others are only counted."""
    if all(isinstance(item, etree._Element) and len(item) for item in items):
        return f"there {_times(items)}"
    return _listed(items)


def _times(items: list[Item]) -> str:
    return "once" if len(items) == 1 else f"{len(items)} times"


def _listed(items: list[Item]) -> str:
    values = [_shown(string_value(i) if is_node(i) else i) for i in islice(items, _MOST_VALUES)]
    more = len(items) - len(values)
    return f"{', '.join(values)}{f' and {more} more' if more else ''}"


def _shown(value: object) -> str:
    if not isinstance(value, str):
        return str(value).lower() if isinstance(value, bool) else str(value)
    text = " ".join(value.split()) if len(value) > _LONGEST_VALUE else value
    return quoted(text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…")
