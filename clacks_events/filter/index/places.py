"""Where a condition looks: a path from the document, without predicates, as the index knows it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, auto
from typing import TypeAlias, TypeGuard

from clacks_events.envelope import ENVELOPE, NAMESPACE
from clacks_events.filter import nodes
from clacks_events.filter.nodes import NameTest, Node, SchemaElementTest, Start, Step

__all__ = [
    "Base",
    "Place",
    "Test",
    "Types",
    "Where",
    "is_wild",
    "names",
    "narrowed",
    "where",
]

Test: TypeAlias = NameTest | SchemaElementTest
Types: TypeAlias = frozenset[str] | None
"""Names of payloads, Clark names or ``{*}local``; None is any payload."""


class Base(IntEnum):
    """What the steps of a place start from."""

    ENVELOPE = auto()
    PAYLOAD = auto()
    ANYWHERE = auto()
    """Any element of the document: the first step is a name at any depth."""


@dataclass(frozen=True, slots=True)
class Place:
    """Elements below a base, or an attribute of them."""

    base: Base
    steps: tuple[Test, ...] = ()
    attribute: str | None = None

    @property
    def is_sure(self) -> bool:
        """Whether each event has it: the envelope and the payload."""
        return not self.steps and self.attribute is None and self.base is not Base.ANYWHERE


@dataclass(frozen=True, slots=True)
class Where:
    """A place, in the events whose payload has one of the names."""

    place: Place
    types: Types = None


_NOWHERE = Where(Place(Base.ENVELOPE), frozenset())
"""A place that no event has."""

_ANYTHING = Step("descendant-or-self", nodes.KindTest("node()"))


def where(node: Node) -> Where | None:
    """Return where a path leads; None for what is no path or more than the index can follow."""
    if not isinstance(node, nodes.Path) or node.predicates or not isinstance(node.start, Start):
        return None
    steps = node.steps
    for step in steps:  # not any(): this runs for each condition that is added
        if step.predicates:
            return None
    if not steps:
        return Where(Place(Base.ENVELOPE))
    if steps[0] == _ANYTHING:
        return _anywhere(steps[1:])
    if steps[0].axis == "descendant":
        return _anywhere((Step("child", steps[0].test), *steps[1:]))
    if steps[0].axis != "child":
        return None
    is_envelope = _is_envelope(steps[0].test)
    return _NOWHERE if is_envelope is False else _in_envelope(steps[1:]) if is_envelope else None


def _is_envelope(test: nodes.Test) -> bool | None:
    match test:
        case NameTest(namespace, local):
            return namespace in (None, NAMESPACE) and local in (None, "Event")
        case SchemaElementTest(names):
            return ENVELOPE in names
        case _:
            return None


def _anywhere(steps: tuple[Step, ...]) -> Where | None:
    # With one step only: the order of what several steps reach is not that of a walk.
    if not steps or steps[0].axis != "child" or len(steps) > 2:
        return None
    match steps[0].test:
        case NameTest(str(), str()) | SchemaElementTest() as test:
            return _ending(Base.ANYWHERE, (test,), steps[1:], None)
        case _:
            return None


def _in_envelope(steps: tuple[Step, ...]) -> Where | None:
    if not steps or steps[0].axis == "attribute":
        return _ending(Base.ENVELOPE, (), steps, None)
    if steps[0].axis != "child":
        return None
    match steps[0].test:
        case NameTest(None, None):
            return _in_payload(steps[1:], None)
        case NameTest(None, str(local)):
            return _in_payload(steps[1:], frozenset((f"{{*}}{local}",)))
        case NameTest(str(), str()) as test:
            return _in_payload(steps[1:], frozenset((tag(test),)))
        case SchemaElementTest(names):
            return _in_payload(steps[1:], names)
        case _:
            return None


def _in_payload(steps: tuple[Step, ...], types: Types) -> Where | None:
    tests: list[Test] = []
    for at, step in enumerate(steps):
        if step.axis != "child":
            return _ending(Base.PAYLOAD, tuple(tests), steps[at:], types)
        if not isinstance(step.test, NameTest | SchemaElementTest):
            return None
        tests.append(step.test)
    return Where(Place(Base.PAYLOAD, tuple(tests)), types)


def _ending(
    base: Base, tests: tuple[Test, ...], steps: tuple[Step, ...], types: Types
) -> Where | None:
    if not steps:
        return Where(Place(base, tests), types)
    if len(steps) > 1 or steps[0].axis != "attribute":
        return None
    match steps[0].test:
        case NameTest(str(), str()) as test:
            return Where(Place(base, tests, tag(test)), types)
        case _:
            return None


def tag(test: NameTest) -> str:
    """Return the name that a test without wildcards asks for, as lxml writes it."""
    return f"{{{test.namespace}}}{test.local}" if test.namespace else str(test.local)


def names(test: Test) -> tuple[str, ...]:
    """Return the names of the elements that a test is for; none if it has wildcards."""
    if isinstance(test, SchemaElementTest):
        return tuple(sorted(test.names))
    return () if is_wild(test) else (tag(test),)


def is_wild(test: Test) -> TypeGuard[NameTest]:
    """Tell whether a test has wildcards."""
    return isinstance(test, NameTest) and None in (test.namespace, test.local)


def narrowed(one: Types, two: Types) -> Types:
    """Return the names that are among both."""
    if one is None or two is None or one == two:
        return two if one is None else one
    return frozenset(name for a in one for b in two if (name := _same(a, b)) is not None)


def _same(one: str, two: str) -> str | None:
    if one == two:
        return one
    if one.startswith("{*}") and two.rpartition("}")[2] == one[3:]:
        return two
    if two.startswith("{*}") and one.rpartition("}")[2] == two[3:]:
        return one
    return None
