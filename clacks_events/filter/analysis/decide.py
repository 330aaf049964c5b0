"""Whether type and source alone decide a query, so that nobody has to look at the content."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from clacks_events.envelope import ENVELOPE
from clacks_events.filter import nodes
from clacks_events.filter.nodes import FN, Node, Start, Step

__all__ = ["is_decided"]

_NAMESPACE, _, _LOCAL = ENVELOPE[1:].partition("}")
_ENVELOPES = {nodes.NameTest(ns, name) for ns in (_NAMESPACE, None) for name in (_LOCAL, None)}
_PAYLOAD = Step("child", nodes.NameTest(None, None))
_SOURCE = Step("attribute", nodes.NameTest("", "source"))

Steps = tuple[Step, ...]


def is_decided(query: Node) -> bool:
    """Tell whether a query is true for exactly the events that its interest admits.

    Such are paths to the envelope, to the payload by name and to the source, comparisons of the
    source with strings, tests of the payload by name, and all that ``let``, ``and`` and ``or``
    make of them. A type of a schema is not: ``xsi:type`` has a say in it.
    """
    return _truth(query, MappingProxyType({}))


def _truth(node: Node, lets: Mapping[str, Steps]) -> bool:
    match node:
        case nodes.Or(parts) | nodes.And(parts):
            return all(_truth(part, lets) for part in parts)
        case nodes.Flwor(clauses, result):
            return _flwor(clauses, result, lets)
        case nodes.Literal(bool() | str()):
            return True
        case nodes.Call(name, ()):
            return name in (f"{FN}true", f"{FN}false")
        case nodes.Call(name, (argument,)) if name in (f"{FN}boolean", f"{FN}exists"):
            return isinstance(argument, nodes.Path) and _truth(argument, lets)
        case nodes.Comparison(("=" | "eq") as operator, left, right):
            pairs = (left, right), (right, left)
            return any(_is_source(path, value, operator, lets) for path, value in pairs)
        case nodes.InstanceOf(nodes.Path() as path, declared):
            return _is_payload_of(path, declared, lets)
        case nodes.Path():
            steps = _steps(node, lets)
            return steps is not None and _is_by_name(steps)
        case _:
            return False


def _flwor(
    clauses: tuple[nodes.Clause, ...],
    result: Node,
    lets: Mapping[str, Steps],
) -> bool:
    for clause in clauses:
        if not isinstance(clause, nodes.LetClause) or not isinstance(clause.value, nodes.Path):
            return False
        if clause.type is not None:
            return False
        steps = _steps(clause.value, lets)
        if steps is None:
            return False
        lets = {**lets, clause.name: steps}
    return _truth(result, lets)


def _steps(path: nodes.Path, lets: Mapping[str, Steps]) -> Steps | None:
    """Return the steps from the document node, if that is where a path starts."""
    if path.predicates:
        return None
    match path.start:
        case Start.ROOT | Start.CONTEXT:
            return path.steps
        case nodes.Variable(name) if name in lets:
            return (*lets[name], *path.steps)
        case _:
            return None


def _is_by_name(steps: Steps) -> bool:
    """Tell whether steps lead to the document, the envelope or a payload by its full name."""
    if not steps:
        return True
    if not _is_envelope(steps[0]) or len(steps) > 2:
        return False
    return len(steps) == 1 or _is_payload(steps[1])


def _is_envelope(step: Step) -> bool:
    is_event = step.axis == "child" and step.test in _ENVELOPES
    return is_event and all(_is_own_source(predicate) for predicate in step.predicates)


def _is_payload(step: Step) -> bool:
    if step.axis != "child" or step.predicates:
        return False
    match step.test:
        case nodes.NameTest(_, str()) | nodes.SchemaElementTest():
            return True
        case _:
            return False


def _is_own_source(predicate: Node) -> bool:
    match predicate:
        case nodes.Comparison("=" | "eq", nodes.Path(Start.CONTEXT, (step,), ()), value):
            return step == _SOURCE and _is_text(value, predicate.operator)
        case nodes.Comparison("=" | "eq", value, nodes.Path(Start.CONTEXT, (step,), ())):
            return step == _SOURCE and _is_text(value, predicate.operator)
        case _:
            return False


def _is_source(path: Node, value: Node, operator: str, lets: Mapping[str, Steps]) -> bool:
    if not isinstance(path, nodes.Path) or not _is_text(value, operator):
        return False
    steps = _steps(path, lets)
    return steps is not None and len(steps) == 2 and _is_envelope(steps[0]) and steps[1] == _SOURCE


def _is_text(node: Node, operator: str) -> bool:
    match node:
        case nodes.Literal(str()):
            return True
        case nodes.Sequence(items):
            # "eq" fails on more than one.
            return operator == "=" and all(_is_text(item, operator) for item in items)
        case _:
            return False


def _is_payload_of(
    path: nodes.Path, declared: nodes.SequenceType, lets: Mapping[str, Steps]
) -> bool:
    """Tell whether the payload, which there always is once, is asked for its name."""
    if declared.occurrence not in ("", "+"):
        return False
    steps = _steps(path, lets)
    return (
        isinstance(declared.test, nodes.SchemaElementTest)
        and steps is not None
        and len(steps) == 2
        and _is_envelope(steps[0])
        and steps[1] == _PAYLOAD
    )
