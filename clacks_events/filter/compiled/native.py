"""Conditions that libxml2's XPath 1.0 decides exactly as XPath 3.1 does, all in one evaluation.

For several conditions, or for paths with predicates, libxml2 needs less time than lxml for
handing over the elements. But its language is an older one, so only what is the same in both is
given to it:

- *exact* conditions never fail in XPath 3.1 and mean the same: whether a path selects anything,
  whether some of it is (or is not) a string, how often it occurs, and ``and``, ``or``, ``not``
  of these;
- *goals* may fail in XPath 3.1 where libxml2 says false. That is the same only where the query
  as a whole is then no match: at its very top. These are functions of one string.

Numbers are not among them: libxml2 reads ``+5``, ``INF`` and long fractions differently.

All is evaluated at the root element: for any other lxml moves nodes to a document of their own
for that time, which other threads could see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from lxml import etree

from clacks_events.envelope import ENVELOPE
from clacks_events.filter import nodes
from clacks_events.filter.compiled.code import EVENT, Test
from clacks_events.filter.nodes import FN, Node, Path, Start, Step
from clacks_events.filter.nodes.facts import GENERAL

__all__ = ["native"]

_AXES: Final = frozenset(("child", "attribute", "descendant", "descendant-or-self", "self"))
_WORTH: Final = 3  # steps: for fewer, the closures are as fast, and need not let go of the GIL
_NAMESPACE, _, _LOCAL = ENVELOPE[1:].partition("}")
_ENVELOPES: Final = {
    nodes.NameTest(ns, name) for ns in (_NAMESPACE, None) for name in (_LOCAL, None)
}
_TEXT_TESTS: Final = {f"{FN}starts-with": "starts-with", f"{FN}contains": "contains"}


class _Foreign(Exception):
    """This is not the same in XPath 1.0."""


def native(parts: Sequence[Node]) -> tuple[Test | None, list[Node]]:
    """Return the test of those conditions of a conjunction that libxml2 takes, and the others.

    The conjunction stands at the top of a query. What is not worth it counts among the others.
    """
    writer = _Writer()
    taken: list[str] = []
    rest: list[Node] = []
    steps = 0
    for part in parts:
        writer.steps = 0
        try:
            taken.append(writer.goal(part))
            steps += writer.steps
        except _Foreign:
            rest.append(part)
    if steps < _WORTH:
        return None, list(parts)
    return _test(" and ".join(taken), writer.prefixes), rest


def _test(condition: str, prefixes: Mapping[str, str]) -> Test:
    namespaces = {prefix: namespace for namespace, prefix in prefixes.items()}
    text = f"boolean({condition})"
    decide = etree.XPath(text, namespaces=namespaces or None, regexp=False, smart_strings=False)
    return lambda item, frame: decide(frame[EVENT].envelope) is True


class _Writer:
    """Writes conditions as XPath 1.0."""

    def __init__(self) -> None:
        self.prefixes: dict[str, str] = {}
        """The prefix of each namespace."""
        self.steps = 0

    def goal(self, node: Node) -> str:
        """Return a condition that is false in XPath 1.0 where it may fail in XPath 3.1."""
        match node:
            case nodes.Call(name, (Path() as path, nodes.Literal(str(text)))) if (
                name in _TEXT_TESTS
            ):
                where = self._path(path)
                return f"(count({where}) < 2 and {_TEXT_TESTS[name]}({where}, {_quoted(text)}))"
            case nodes.Call(name, (Path() as path, nodes.Literal(str(text)))) if (
                name == f"{FN}ends-with"
            ):
                where, shift = self._path(path), len(text) - 1
                tail = f"substring({where}, string-length({where}) - {shift})"
                return f"(count({where}) < 2 and {tail} = {_quoted(text)})"
            case nodes.And(parts):
                return "(" + " and ".join(map(self.goal, parts)) + ")"
            case _:
                return self.exact(node)

    def exact(self, node: Node) -> str:
        """Return a condition that never fails and means the same in XPath 1.0."""
        match node:
            case nodes.And(parts):
                return "(" + " and ".join(map(self.exact, parts)) + ")"
            case nodes.Or(parts):
                return "(" + " or ".join(map(self.exact, parts)) + ")"
            case nodes.Call(name, (inner,)) if name == f"{FN}not":
                return f"not({self.exact(inner)})"
            case nodes.Path():
                return f"boolean({self._path(node)})"
            case nodes.Comparison(operator, Path() as path, value) if operator in ("=", "!="):
                where = self._path(path)
                return "(" + " or ".join(f"{where} {operator} {t}" for t in _strings(value)) + ")"
            case nodes.Comparison(
                operator, nodes.Call(name, (Path() as path,)), nodes.Literal(int(number))
            ) if name == f"{FN}count" and operator in GENERAL and 0 <= number < 10**9:
                return f"(count({self._path(path)}) {operator} {number})"
            case _:
                raise _Foreign

    def _path(self, path: Path) -> str:
        if path.predicates or not path.steps or path.start is not Start.ROOT:
            raise _Foreign
        first, *others = path.steps
        if first.axis == "child" and first.test in _ENVELOPES and not first.predicates:
            # The context item is the envelope already.
            return "/".join(map(self._step, others)) or "."
        if first.axis == "descendant":
            below = Step("descendant-or-self", first.test, first.predicates)
            return "/".join(map(self._step, (below, *others)))
        raise _Foreign

    def _step(self, step: Step) -> str:
        if step.axis not in _AXES or not isinstance(step.test, nodes.NameTest):
            raise _Foreign
        self.steps += 1
        predicates = "".join(f"[{self._predicate(each)}]" for each in step.predicates)
        return f"{step.axis}::{self._name(step.test)}{predicates}"

    def _name(self, test: nodes.NameTest) -> str:
        if test.namespace is None:
            return "*" if test.local is None else f"*[local-name() = {_quoted(test.local)}]"
        if not test.namespace:
            if test.local is None:
                raise _Foreign
            return test.local
        prefix = self.prefixes.get(test.namespace)
        if prefix is None:
            prefix = self.prefixes[test.namespace] = f"n{len(self.prefixes)}"
        return f"{prefix}:{test.local or '*'}"

    def _predicate(self, node: Node) -> str:
        """Return a predicate; paths in it begin at the item."""
        match node:
            case nodes.Literal(int(number)) if not isinstance(number, bool) and number > 0:
                return str(number)
            case nodes.Call(name, ()) if name == f"{FN}last":
                return "last()"
            case _:
                inner = _Inner(self.prefixes)
                condition = inner.exact(node)
                self.steps += inner.steps
                return condition


class _Inner(_Writer):
    """Writes conditions on the item of a predicate."""

    def __init__(self, prefixes: dict[str, str]) -> None:
        super().__init__()
        self.prefixes = prefixes

    def _path(self, path: Path) -> str:
        if path.predicates or path.start is not Start.CONTEXT:
            raise _Foreign
        return "/".join(map(self._step, path.steps)) or "."


def _strings(value: Node) -> list[str]:
    match value:
        case nodes.Literal(str(text)):
            return [_quoted(text)]
        case nodes.Sequence(items) if items and all(
            isinstance(item, nodes.Literal) and isinstance(item.value, str) for item in items
        ):
            return [text for item in items for text in _strings(item)]
        case _:
            raise _Foreign


def _quoted(text: str) -> str:
    if "'" not in text:
        return f"'{text}'"
    if '"' in text:
        raise _Foreign
    return f'"{text}"'
