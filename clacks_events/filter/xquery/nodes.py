"""Tokens of a parsed query as nodes that know nothing of elementpath."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

from elementpath.namespaces import XPATH_FUNCTIONS_NAMESPACE
from elementpath.xpath_tokens import XPathToken

from clacks_events.filter import nodes
from clacks_events.filter.nodes import Node, Start, Step
from clacks_events.filter.xquery import flwor
from clacks_events.filter.xquery.query import Query

__all__ = ["to_node"]

Derived = Callable[[str], Collection[str]]

_LITERALS: Final = frozenset(("(string)", "(integer)", "(decimal)", "(float)"))
_COMPARISONS: Final = frozenset(
    ("=", "!=", "<", "<=", ">", ">=", "eq", "ne", "lt", "le", "gt", "ge", "is", "<<", ">>")
)
_ANY_NODE: Final = nodes.KindTest("node()")
_DESCENDANTS: Final = Step("descendant-or-self", _ANY_NODE)


def to_node(query: Query, derived: Derived | None = None) -> Node:
    """Return the body of a query as nodes; ``derived`` is what the query was parsed with."""
    return _Translator(query.default_namespace, derived).node(query.body)


class _Translator:
    def __init__(self, namespace: str, derived: Derived | None) -> None:
        self._namespace = namespace
        self._derived = derived

    def node(self, token: XPathToken) -> Node:
        """Return the node of an expression."""
        symbol, items = token.symbol, list(token._items)
        if symbol in ("/", "//"):
            return self._path(token)
        if symbol == "[":
            return self._filtered(items[0], items[1])
        if (step := self._step(token)) is not None:
            return nodes.Path(Start.CONTEXT, (step,))
        if symbol in _COMPARISONS:
            return nodes.Comparison(symbol, self.node(items[0]), self.node(items[1]))
        if isinstance(token, flwor.Flwor):
            return self._flwor(token)
        if isinstance(token, flwor.Quantified):
            return self._quantified(token)
        return self._simple(token)

    def _simple(self, token: XPathToken) -> Node:
        match token.symbol, list(token._items):
            case ".", []:
                return nodes.Path(Start.CONTEXT)
            case "(", []:
                return nodes.Sequence(())
            case "(", [inner]:
                return self.node(inner)
            case "or", parts:
                return nodes.Or(tuple(map(self.node, parts)))
            case "and", parts:
                return nodes.And(tuple(map(self.node, parts)))
            case ",", parts:
                return nodes.Sequence(tuple(map(self.node, parts)))
            case (("|" | "union"), [left, right]):
                return nodes.Union((self.node(left), self.node(right)))
            case "if", [condition, then, otherwise]:
                return nodes.If(self.node(condition), self.node(then), self.node(otherwise))
            case "$", []:
                return nodes.Variable(str(token.name))
            case symbol, [] if symbol in _LITERALS:
                value: Any = token.value
                return nodes.Literal(value)
            case _, arguments if _is_builtin_call(token):
                return nodes.Call(str(token.name), tuple(map(self.node, arguments)))
            case _:
                return nodes.Opaque(token.source)

    def _path(self, token: XPathToken) -> Node:
        items = list(token._items)
        below = (_DESCENDANTS,) if token.symbol == "//" else ()
        if not items:
            return nodes.Path(Start.ROOT)
        left: Node = nodes.Path(Start.ROOT) if len(items) == 1 else self.node(items[0])
        step = self._step(items[-1])
        if step is None:
            return nodes.Each(_extended(left, below), self.node(items[-1]))
        # Parentheses make no difference in front of a step: both sides are in document order.
        return _extended(left, (*below, step))

    def _filtered(self, left: XPathToken, predicate: XPathToken) -> Node:
        condition = self.node(predicate)
        step = self._step(left)
        if step is not None:
            filtered = Step(step.axis, step.test, (*step.predicates, condition))
            return nodes.Path(Start.CONTEXT, (filtered,))
        inner = self.node(left)
        if left.symbol == "[" and isinstance(inner, nodes.Path) and not inner.steps:
            return nodes.Path(inner.start, (), (*inner.predicates, condition))
        return nodes.Path(inner, (), (condition,))

    def _step(self, token: XPathToken) -> Step | None:
        """Return the step that a token is, if it is one."""
        if token.symbol == "[":
            inner = self._step(token[0])
            if inner is None:
                return None
            return Step(inner.axis, inner.test, (*inner.predicates, self.node(token[1])))
        if token.symbol == "..":
            return Step("parent", _ANY_NODE)
        if token.symbol == "@":
            return Step("attribute", self._test(token[0], ""))
        if token.label == "axis":
            default = "" if token.symbol in ("attribute", "namespace") else self._namespace
            return Step(token.symbol, self._test(token[0], default))
        if _is_test(token):
            axis = "attribute" if _is_attribute_test(token) else "child"
            return Step(axis, self._test(token, self._namespace))
        return None

    def _test(self, token: XPathToken, default: str) -> nodes.Test:
        if token.symbol == "*":
            return nodes.NameTest(None, None)
        if token.symbol == "(name)":
            return nodes.NameTest(default, str(token.value))
        if token.label == "kind test":
            return self._kind_test(token)
        namespace, _, local = str(token.name).rpartition("}")
        return nodes.NameTest(
            None if namespace == "{*" else namespace[1:], None if local == "*" else local
        )

    def _kind_test(self, token: Any) -> nodes.Test:
        declared = token.test.declared
        if declared is None or self._derived is None:
            return nodes.KindTest(token.source)
        return nodes.SchemaElementTest(frozenset(self._derived(declared)) | {declared})

    def _quantified(self, token: flwor.Quantified) -> Node:
        bindings = tuple((c.variable, self.node(c.expression)) for c in token.clauses)
        return nodes.Quantified(str(token.value), bindings, self.node(token[-1]))

    def _flwor(self, token: flwor.Flwor) -> Node:
        clauses: list[nodes.ForClause | nodes.LetClause | nodes.WhereClause] = []
        for clause in token.clauses:
            match clause:
                case flwor.For():
                    items = self.node(clause.expression)
                    clauses.append(nodes.ForClause(clause.variable, items, clause.allow_empty))
                case flwor.Let():
                    clauses.append(nodes.LetClause(clause.variable, self.node(clause.expression)))
                case flwor.Where():
                    clauses.append(nodes.WhereClause(self.node(clause.expression)))
                case flwor.OrderBy():
                    # It changes the order only, which the effective boolean value can see just
                    # in that it may fail.
                    continue
        return nodes.Flwor(tuple(clauses), self.node(token[-1]))


def _extended(left: Node, steps: tuple[Step, ...]) -> Node:
    if isinstance(left, nodes.Path):
        return nodes.Path(left.start, (*left.steps, *steps), left.predicates)
    return nodes.Path(left, steps)


def _is_test(token: XPathToken) -> bool:
    if token.symbol == "*":
        return not token._items
    return token.symbol in ("(name)", ":", "Q{") or token.label == "kind test"


def _is_attribute_test(token: Any) -> bool:
    return token.label == "kind test" and bool(token.test.kind == "attribute")


def _is_builtin_call(token: XPathToken) -> bool:
    return token.label == "function" and bool(token.namespace == XPATH_FUNCTIONS_NAMESPACE)
