"""The compiled evaluator: nodes to Python closures that walk lxml's elements.

It means exactly what elementpath means, and raises where that does. What it does not know is
left to elementpath as a whole query. To teach it a kind of node, add a function to the table
``LOWERED`` of the module that is nearest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from clacks_events.errors import EvaluationError
from clacks_events.event import Event, HeaderValue
from clacks_events.filter.compiled.code import (
    Focus,
    Frame,
    NotLowerable,
    Place,
    Scope,
    Test,
    ordered,
)
from clacks_events.filter.compiled.headers import Read, lower_external
from clacks_events.filter.compiled.lowering import Lowering
from clacks_events.filter.compiled.native import native
from clacks_events.filter.compiled.truth import test_of
from clacks_events.filter.items import Item
from clacks_events.filter.matcher import Subject
from clacks_events.filter.nodes import And, Module, Node
from clacks_events.filter.nodes.kinds import Kind

__all__ = ["Matcher", "NotLowerable", "lower", "selected"]


@final
class Matcher:
    """A lowered query: immutable, and usable from many threads at once."""

    __slots__ = ("_blank", "_reads", "_test")

    def __init__(self, test: Test, reads: tuple[Read, ...], slots: int) -> None:
        """Take what :func:`lower` has made."""
        self._test = test
        self._reads = reads
        self._blank = (None,) * (slots - 1)

    def __call__(self, subject: Subject) -> bool:
        """Tell whether an event matches; raise EvaluationError if the query fails on it."""
        return self.decide(subject.event, subject.headers)

    def decide(self, event: Event, headers: Mapping[str, HeaderValue]) -> bool:
        """Tell the same of an event with headers."""
        frame: Frame = [event, *self._blank]
        for read in self._reads:
            read(headers, frame)
        try:
            return self._test(None, frame)
        except RecursionError as fault:
            raise EvaluationError("the query needs too much stack") from fault


def lower(module: Module, payload: str | None = None) -> Matcher:
    """Lower a query; raise NotLowerable, which says what is not known here.

    ``payload`` is the type of all events that will be asked about, if there is just one.
    """
    lowering = Lowering(payload)
    scope = _SCOPE
    reads: list[Read] = []
    for external in module.externals:
        read, scope = lower_external(lowering, external, scope)
        reads.append(read)
    parts = module.body.parts if isinstance(module.body, And) else (module.body,)
    test = _conjunction(lowering, parts, scope)
    return Matcher(test, tuple(reads), lowering.slots)


def _conjunction(lowering: Lowering, parts: tuple[Node, ...], scope: Scope) -> Test:
    """Return the test of conditions that must all hold; which of them fails makes no difference."""
    first, others = native(parts)
    rest = test_of(lowering.lower(And(tuple(others)), scope))
    if first is None:
        return rest
    return (lambda item, frame: first(item, frame) and rest(item, frame)) if others else first


_SCOPE = Scope(Focus(Kind.NODES, Place.DOCUMENT), {})


def selected(node: Node, event: Event) -> list[Item]:
    """Return the items of an expression without variables; raise NotLowerable, EvaluationError."""
    lowering = Lowering(None)
    run = ordered(lowering.lower(node, _SCOPE))
    return list(run(None, [event, *[None] * (lowering.slots - 1)]))
