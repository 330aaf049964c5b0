"""Paths: fewer steps, fewer parentheses, predicates behind the step that they are about."""

from __future__ import annotations

from typing import Final

from clacks_events.filter.nodes import (
    FN,
    And,
    Call,
    Comparison,
    Each,
    KindTest,
    Literal,
    NameTest,
    Node,
    Path,
    Start,
    Step,
    Union,
)
from clacks_events.filter.nodes.facts import can_fail, is_position, kind, truth_can_fail
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.nodes.walk import asks_position, size
from clacks_events.filter.rules.making import EMPTY, all_of, filtered, is_false, is_true, truth
from clacks_events.filter.rules.rule import Rule

__all__ = ["RULES"]

_ANY_NODE: Final = KindTest("node()")
_BELOW: Final = Step("descendant-or-self", _ANY_NODE)
_IDLE: Final = frozenset(("self", "parent", "descendant-or-self"))
_ELEMENT_AXES: Final = ("child", "descendant", "descendant-or-self")


def _are_conditions(predicates: tuple[Node, ...]) -> bool:
    """Tell whether predicates ask for no position, so that they may be moved."""
    return not any(is_position(p) or asks_position(p) for p in predicates)


def _without_start(node: Node) -> Node:
    """A path from a path is one path: ``(a/b)/c`` is ``a/b/c``."""
    if not isinstance(node, Path) or isinstance(node.start, Start):
        return node
    if not node.steps and not node.predicates:
        return node.start
    start, steps, predicates = node.start, node.steps, node.predicates
    if not isinstance(start, Path) or not _are_conditions(predicates):
        return node
    if not steps and any(map(truth_can_fail, predicates)):
        # What is in parentheses may be filtered one by one, until there is a match.
        return node
    merged = filtered(start, all_of(predicates)) if predicates else start
    return Path(merged.start, (*merged.steps, *steps), merged.predicates)


def _each(node: Node) -> Node:
    """``a/(b/c)`` is ``a/b/c``; ``a/(b | c)`` is ``a/b | a/c``."""
    match node:
        case Each(left, Path(Start.CONTEXT, steps, ())) if kind(left) is Kind.NODES:
            return Path(left, steps)
        case Each(left, Path(Start.CONTEXT, steps, predicates)) if kind(left) is Kind.NODES:
            kept = filtered(left, all_of(predicates)) if _are_conditions(predicates) else None
            return node if kept is None else Path(kept, steps)
        case Each(Path() as left, Union(parts)) if size(left) <= _SMALL and not can_fail(left):
            return Union(tuple(Each(left, part) for part in parts))
        case _:
            return node


_SMALL: Final = 16


def _steps(node: Node) -> Node:
    """Steps that say the same as another one are dropped."""
    if not isinstance(node, Path) or not any(step.axis in _IDLE for step in node.steps):
        return node
    for place, step in enumerate(node.steps):
        joined = _here(node, place, step) or _joined(node, place, step)
        if joined is not None:
            return joined
    return node


def _here(path: Path, place: int, step: Step) -> Path | None:
    """``a/.[c]`` is ``a[c]``."""
    if step.axis != "self" or step.test != _ANY_NODE or not _are_conditions(step.predicates):
        return None
    if not place and not isinstance(path.start, Start) and kind(path.start) is not Kind.NODES:
        return None
    before = Path(path.start, path.steps[:place], path.predicates)
    if step.predicates:
        before = filtered(before, all_of(step.predicates))
    return Path(before.start, (*before.steps, *path.steps[place + 1 :]), before.predicates)


def _joined(path: Path, place: int, step: Step) -> Path | None:
    """Join a step with the one before it, if there is one."""
    if not place or not _are_conditions(step.predicates):
        return None
    before = path.steps[place - 1]
    if step == Step("parent", _ANY_NODE, step.predicates):
        return _up(path, place)
    if (one := _one_step(before, step)) is None:
        return None
    steps = (*path.steps[: place - 1], one, *path.steps[place + 1 :])
    return Path(path.start, steps, path.predicates)


def _one_step(before: Step, step: Step) -> Step | None:
    if before == _BELOW and step.axis in ("child", "descendant"):
        return Step("descendant", step.test, step.predicates)
    is_named = step.axis == "self" and before.test == NameTest(None, None)
    if not is_named or before.axis not in _ELEMENT_AXES:
        return None
    # Predicates that fail must still see all elements.
    if _are_conditions(before.predicates) and not any(map(truth_can_fail, before.predicates)):
        return Step(before.axis, step.test, (*before.predicates, *step.predicates))
    return None


def _up(path: Path, place: int) -> Path | None:
    """``a/b/..`` is ``a[b]``."""
    if path.steps[place - 1].axis not in ("child", "attribute"):
        return None
    condition = Path(Start.CONTEXT, (path.steps[place - 1],))
    before = Path(path.start, path.steps[: place - 1], path.predicates)
    above = filtered(before, all_of((condition, *path.steps[place].predicates)))
    return Path(above.start, (*above.steps, *path.steps[place + 1 :]), above.predicates)


def _predicates(node: Node) -> Node:
    """``[true()]`` is dropped, ``[a][b]`` is ``[a and b]``, and ``[false()]`` leaves nothing."""
    if not isinstance(node, Path):
        return node
    lists = (node.predicates, *(step.predicates for step in node.steps))
    if not any(lists):
        return node
    if any(is_false(p) for group in lists for p in group) and not can_fail(node):
        return EMPTY
    own, *others = map(_simpler, lists)
    if all(map(_is, (own, *others), lists)):
        return node
    steps = (Step(s.axis, s.test, p) for s, p in zip(node.steps, others, strict=True))
    return Path(node.start, tuple(steps), own)


def _is(one: object, other: object) -> bool:
    return one is other


def _simpler(predicates: tuple[Node, ...]) -> tuple[Node, ...]:
    kept: list[Node] = []
    for predicate in map(_number, predicates):
        if is_true(predicate):
            continue
        if kept and _are_conditions((predicate,)) and not is_position(kept[-1]):
            predicate = truth(And((kept.pop(), predicate)))
        kept.append(predicate)
    same = len(kept) == len(predicates) and all(map(_is, kept, predicates))
    return predicates if same else tuple(kept)


def _number(predicate: Node) -> Node:
    """``[position() = 2]`` is ``[2]``."""
    match predicate:
        case Comparison("=" | "eq", Call(name, ()), Literal(int(number))) if (
            name == f"{FN}position" and not isinstance(number, bool)
        ):
            return Literal(number)
        case _:
            return predicate


def _of_focus(node: Node) -> Node:
    """``string()`` is ``string(.)``, and so on."""
    match node:
        case Call(name, ()) if name in _ON_CONTEXT:
            return Call(name, (Path(Start.CONTEXT),))
        case _:
            return node


_ON_CONTEXT: Final = frozenset(
    FN + name
    for name in (
        *("data", "local-name", "name", "namespace-uri", "node-name"),
        *("normalize-space", "number", "root", "string", "string-length"),
    )
)

RULES: Final = (
    Rule("function of the context item", _of_focus, (Call,)),
    Rule("path of a path", _without_start, (Path,)),
    Rule("path for each", _each, (Each,)),
    Rule("step", _steps, (Path,)),
    Rule("predicate", _predicates, (Path,)),
)
