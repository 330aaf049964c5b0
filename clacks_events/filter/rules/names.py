"""``local-name()`` and ``namespace-uri()`` compared with a constant are name tests."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from clacks_events.filter.nodes import (
    FN,
    And,
    Call,
    Comparison,
    Literal,
    NameTest,
    Node,
    Path,
    Sequence,
    Step,
)
from clacks_events.filter.nodes.facts import at_most_one, can_fail
from clacks_events.filter.rules.making import CONTEXT, FALSE, all_of, any_of, exists
from clacks_events.filter.rules.rule import Rule

__all__ = ["RULES"]

_LOCAL, _NAMESPACE = f"{FN}local-name", f"{FN}namespace-uri"
_AXES: Final = ("child", "descendant", "descendant-or-self", "self")
_NCNAME: Final = re.compile(r"[^\W\d][\w.\-]*")


def _path(node: Node) -> Node:
    """``local-name(P/*) = 'x'`` for a single ``P/*`` is ``exists(P/*:x)``."""
    match node:
        case Comparison("=" | "eq", Call(name, (Path(_, (*_, last)) as path,)), value):
            texts = _texts(value)
            is_known = name in (_LOCAL, _NAMESPACE) and isinstance(last.test, NameTest)
            # No node at all has the name '', too.
            if is_known and texts and "" not in texts and at_most_one(path) and not can_fail(path):
                return _named_path(path, name, texts) or node
    return node


def _named_path(path: Path, function: str, texts: list[str]) -> Node | None:
    *before, last = path.steps
    assert isinstance(last.test, NameTest)
    fixed = last.test.local if function == _LOCAL else last.test.namespace
    if fixed is not None:
        return exists(path) if fixed in texts else FALSE
    found = [_narrowed(last, function, text) for text in texts]
    if last.predicates or None in found:
        return None
    steps = (step for step in found if step is not None)
    return any_of(exists(Path(path.start, (*before, s), path.predicates)) for s in steps)


def _step(node: Node) -> Node:
    """``*[local-name() = 'x']`` is ``*:x``."""
    if not isinstance(node, Path) or not any(step.predicates for step in node.steps):
        return node
    named = tuple(map(_named, node.steps))
    same = all(one is other for one, other in zip(named, node.steps, strict=True))
    return node if same else Path(node.start, named, node.predicates)


def _named(step: Step) -> Step:
    if not step.predicates:
        return step
    first, *others = step.predicates
    condition, *rest = first.parts if isinstance(first, And) else (first,)
    match condition:
        case Comparison("=" | "eq", Call(name, (Path() as about,)), value) if about == CONTEXT:
            texts = _texts(value)
            narrow = _narrowed(step, name, texts[0]) if len(texts) == 1 else None
            if narrow is not None:
                left = (all_of(rest),) if rest else ()
                return replace(narrow, predicates=(*left, *others))
    return step


def _texts(value: Node) -> list[str]:
    """Return the strings that a name is compared with, if there are only strings."""
    values = value.items if isinstance(value, Sequence) else (value,)
    texts = [v.value for v in values if isinstance(v, Literal) and isinstance(v.value, str)]
    return texts if len(texts) == len(values) else []


def _narrowed(step: Step, function: str, text: str) -> Step | None:
    """Return a step to elements of any name as one to those of a certain name."""
    if step.axis not in _AXES or not isinstance(step.test, NameTest):
        return None
    namespace, local = step.test.namespace, step.test.local
    if function == _LOCAL and local is None and _NCNAME.fullmatch(text):
        return replace(step, test=NameTest(namespace, text))
    if function == _NAMESPACE and namespace is None:
        return replace(step, test=NameTest(text, local))
    return None


RULES: Final = (
    Rule("name of a node", _path, (Comparison,)),
    Rule("name of a step", _step, (Path,)),
)
