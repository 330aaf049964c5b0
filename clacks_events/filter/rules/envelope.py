"""The envelope and the payload, of which an event has one each.

Predicates on them are conditions of their own: ``/e:Event[@source = 'x']/e:P[e:A = 1]/e:B`` is
``/e:Event/@source = 'x' and /e:Event/e:P/e:A = 1 and /e:Event/e:P/e:B``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from clacks_events.envelope import ENVELOPE, NAMESPACE
from clacks_events.filter.nodes import (
    FN,
    And,
    Arithmetic,
    Call,
    Cast,
    Comparison,
    Each,
    Literal,
    NameTest,
    Node,
    Or,
    Path,
    Quantified,
    SchemaElementTest,
    Start,
    Step,
    Test,
)
from clacks_events.filter.nodes.facts import (
    GENERAL,
    always_exists,
    at_most_one,
    can_fail,
    is_position,
    kind,
    truth_can_fail,
)
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.nodes.walk import refocused
from clacks_events.filter.rules.making import EMPTY, TRUE, all_of
from clacks_events.filter.rules.rule import Position, Rule

__all__ = ["RULES"]

_EVENT: Final = NameTest(NAMESPACE, "Event")
_TRUNK: Final = 2
_MOST_PARTS: Final = 64  # each is compared with each


def _root(node: Node) -> Node:
    """The root element is ``e:Event``; a path to any other leads nowhere."""
    if not isinstance(node, Path) or node.start is not Start.ROOT or node.predicates:
        return node
    match node.steps:
        case (Step("child", NameTest() | SchemaElementTest() as test, predicates), *rest):
            if test == _EVENT:
                return node
            event = Step("child", _EVENT, predicates)
            return Path(Start.ROOT, (event, *rest)) if _fits(test) else EMPTY
        case _:
            return node


def _fits(test: Test) -> bool:
    match test:
        case NameTest(namespace, local):
            return namespace in (None, NAMESPACE) and local in (None, "Event")
        case SchemaElementTest(names):
            return ENVELOPE in names
        case _:
            return False


def _trunk(path: Path) -> int:
    """Return how many steps of a path lead along the envelope and the payload."""
    if path.start is not Start.ROOT or path.predicates:
        return 0
    steps = path.steps[:_TRUNK]
    if not steps or steps[0].axis != "child" or steps[0].test != _EVENT:
        return 0
    is_payload = len(steps) > 1 and steps[1].axis == "child" and _selects_elements(steps[1].test)
    return 2 if is_payload else 1


def _selects_elements(test: Test) -> bool:
    return isinstance(test, NameTest | SchemaElementTest)


def _first(node: Node) -> Node:
    """``[1]`` and ``[last()]`` say nothing of a single node."""
    if not isinstance(node, Path):
        return node
    if not isinstance(node.start, Start) and any(map(_is_first, node.predicates)):
        return _of_one(node) if at_most_one(node.start) else node
    if not any(step.predicates for step in node.steps[:_TRUNK]):
        return node
    trunk = _trunk(node)
    steps = tuple(
        step if not any(map(_is_first, step.predicates)) else _without_first(step)
        for step in node.steps[:trunk]
    )
    same = all(one is other for one, other in zip(steps, node.steps, strict=False))
    return node if same else Path(node.start, (*steps, *node.steps[trunk:]))


def _of_one(path: Path) -> Path:
    kept = tuple(p for p in path.predicates if not _is_first(p))
    return Path(path.start, path.steps, kept)


def _without_first(step: Step) -> Step:
    return replace(step, predicates=tuple(p for p in step.predicates if not _is_first(p)))


def _is_first(predicate: Node) -> bool:
    match predicate:
        case Literal(value):
            return value == 1 and not isinstance(value, bool)
        case Call(name, ()):
            return name == f"{FN}last"
        case _:
            return False


def _is_there(node: Node) -> Node:
    """Every event has an envelope and a payload."""
    return TRUE if isinstance(node, Path) and always_exists(node) else node


def _lifted_path(node: Node) -> Node:
    """Predicates on the envelope and on the payload become conditions."""
    if not isinstance(node, Path) or (lifted := _lifted(node)) is None:
        return node
    conditions, bare = lifted
    return all_of((*conditions, bare))


def _lifted_comparison(node: Node) -> Node:
    """The same for what a comparison is about."""
    if not isinstance(node, Comparison):
        return node
    operator, left, right = node.operator, node.left, node.right
    if isinstance(left, Path) and _is_quiet(operator, right) and (lifted := _lifted(left)):
        return all_of((*lifted[0], Comparison(operator, lifted[1], right)))
    if isinstance(right, Path) and _is_quiet(operator, left) and (lifted := _lifted(right)):
        return all_of((*lifted[0], Comparison(operator, left, lifted[1])))
    return node


def _is_quiet(operator: str, side: Node) -> bool:
    """Tell whether a comparison of a side with nothing is false and does not fail."""
    return not can_fail(side) and (operator in GENERAL or at_most_one(side))


def _lifted(path: Path) -> tuple[list[Node], Path] | None:
    """Return the conditions that a path makes on single nodes, and the path without them."""
    if not any(step.predicates for step in path.steps[:_TRUNK]):
        return None
    trunk = _trunk(path)
    conditions: list[Node] = []
    bare: tuple[Step, ...] = ()
    for step in path.steps[:trunk]:
        bare = (*bare, Step(step.axis, step.test))
        base = Path(Start.ROOT, bare)
        if step.predicates:
            conditions.append(base)
        for predicate in step.predicates:
            lifted = None if is_position(predicate) else refocused(predicate, base)
            if lifted is None:
                return None
            conditions.append(lifted)
    return (conditions, Path(Start.ROOT, (*bare, *path.steps[trunk:]))) if conditions else None


def _implied(node: Node) -> Node:
    """``/e:Event/e:P and /e:Event/e:P/e:A = 1``: the second part says the first one, too."""
    match node:
        case And(parts) if len(parts) <= _MOST_PARTS:
            for place, part in enumerate(parts):
                if isinstance(part, Path) and _is_implied(part, place, parts):
                    return all_of((*parts[:place], *parts[place + 1 :]))
    return node


def _is_implied(path: Path, place: int, parts: tuple[Node, ...]) -> bool:
    if kind(path) is not Kind.NODES or can_fail(path):
        return False
    if any(_needs(part, path) for part in parts[:place]):
        return True
    for part in parts[place + 1 :]:
        if _needs(part, path):
            return True
        if truth_can_fail(part):
            return False
    return False


def _needs(node: Node, path: Path) -> bool:
    """Tell whether a condition is false, and does not fail, where a path leads nowhere."""
    match node:
        case And(parts):
            return _needs(parts[0], path)
        case Or(parts):
            return all(_needs(part, path) for part in parts)
        case Comparison(operator, left, right):
            one = _gives_nothing(left, path) and _is_quiet(operator, right)
            return one or (_gives_nothing(right, path) and _is_quiet(operator, left))
        case Call(name, (value, Literal(str(text)))) if name in _FOUND and text:
            return _gives_nothing(value, path)
        case Quantified("some", (first, *_)):
            return _gives_nothing(first.items, path)
        case _:
            return _gives_nothing(node, path)


_FOUND: Final = frozenset((f"{FN}contains", f"{FN}ends-with", f"{FN}starts-with"))


def _gives_nothing(node: Node, path: Path) -> bool:
    """Tell whether an expression gives no items, and does not fail, where a path leads nowhere."""
    match node:
        case Path(start, steps, predicates) if start == path.start:
            beginning = Path(start, steps[: len(path.steps)], predicates)
            return beginning == path and repr(beginning) == repr(path)
        case Path(start) if not isinstance(start, Start):
            return _gives_nothing(start, path)
        case Each(left, _):
            return _gives_nothing(left, path)
        case Arithmetic(_, left, right):
            sides = _gives_nothing(left, path), _gives_nothing(right, path)
            return all(sides) or (sides[0] and isinstance(right, Literal))
        case Cast(value, _, True):
            return _gives_nothing(value, path)
        case _:
            return False


RULES: Final = (
    Rule("root element", _root, (Path,)),
    Rule("first of one", _first, (Path,)),
    Rule("always there", _is_there, (Path,), Position.CONDITION),
    Rule("predicate of one", _lifted_path, (Path,), Position.CONDITION),
    Rule("predicate of one, compared", _lifted_comparison, (Comparison,), Position.CONDITION),
    Rule("implied", _implied, (And,)),
)
