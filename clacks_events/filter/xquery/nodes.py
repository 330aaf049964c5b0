"""Tokens of a parsed query as nodes that know nothing of elementpath."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, cast

from elementpath.namespaces import (
    XPATH_FUNCTIONS_NAMESPACE,
    XPATH_MATH_FUNCTIONS_NAMESPACE,
    XSD_NAMESPACE,
)
from elementpath.xpath_tokens import XPathToken

from clacks_events.filter import nodes
from clacks_events.filter.nodes import FN, Node, Start, Step
from clacks_events.filter.nodes.walk import depth
from clacks_events.filter.xquery import control, flwor, lookup
from clacks_events.filter.xquery.calls import UserCall
from clacks_events.filter.xquery.node_tests import kind_test, name_test, sequence_type
from clacks_events.filter.xquery.parser import children
from clacks_events.filter.xquery.query import Query
from clacks_events.filter.xquery.sequence_type import ITEMS, SequenceType

__all__ = ["to_module"]

_LITERALS: Final = frozenset(("(string)", "(integer)", "(decimal)", "(float)"))
_COMPARISONS: Final = frozenset(
    ("=", "!=", "<", "<=", ">", ">=", "eq", "ne", "lt", "le", "gt", "ge", "is", "<<", ">>")
)
_ARITHMETIC: Final = frozenset(("+", "-", "*", "div", "idiv", "mod"))
_CALLED: Final = (XPATH_FUNCTIONS_NAMESPACE, XPATH_MATH_FUNCTIONS_NAMESPACE)
_DESCENDANTS: Final = Step("descendant-or-self", nodes.KindTest("node()"))
_DEEPEST: Final = 60  # beyond that, each phase would need too much of Python's stack
_MOST_INLINED: Final = 64  # calls of declared functions; beyond that, they stay calls

Names = Mapping[str, str]
"""The unique name of each variable in sight."""


def to_module(query: Query) -> nodes.Module:
    """Return a query as nodes: what it takes from headers, and its body.

    A query that is nested very deeply is opaque as a whole.
    """
    try:
        module = _Translator(query).module()
        bodies = [module.body, *(e.default for e in module.externals if e.default is not None)]
        if max(map(depth, bodies)) <= _DEEPEST:
            return module
    except RecursionError:
        pass
    return _opaque_module(query)


def _opaque_module(query: Query) -> nodes.Module:
    whole = nodes.Opaque(query.text, is_too_deep=True)
    externals = (
        nodes.External(
            variable.name,
            None if variable.type is None else sequence_type(variable.type),
            None if variable.expression is None else whole,
        )
        for variable in query.variables
        if variable.external
    )
    return nodes.Module(tuple(externals), whole)


class _Translator:
    """Translates the tokens of one query."""

    def __init__(self, query: Query) -> None:
        self._query = query
        # A global variable keeps its name, which may be that of a header.
        self._taken = {variable.name for variable in query.variables}
        self._inlined = 0
        self._globals: dict[str, str] = {}

    def module(self) -> nodes.Module:
        externals: list[nodes.External] = []
        lets: list[nodes.LetClause] = []
        for variable in self._query.variables:
            declared = None if variable.type is None else sequence_type(variable.type)
            value = None
            if variable.expression is not None:
                value = self.node(variable.expression, self._globals)
            self._globals[variable.name] = variable.name
            if variable.external:
                externals.append(nodes.External(variable.name, declared, value))
            elif value is not None:
                lets.append(nodes.LetClause(variable.name, value, declared))
        body = self.node(self._query.body, self._globals)
        return nodes.Module(tuple(externals), nodes.Flwor(tuple(lets), body) if lets else body)

    def _fresh(self, name: str) -> str:
        unique, number = name, 1
        while unique in self._taken:
            number += 1
            unique = f"{name}.{number}"
        self._taken.add(unique)
        return unique

    def _each(self, tokens: Iterable[XPathToken], names: Names) -> tuple[Node, ...]:
        return tuple(self.node(token, names) for token in tokens)

    def node(self, token: XPathToken, names: Names) -> Node:
        """Return the node of an expression."""
        symbol, items = token.symbol, list(token._items)
        if symbol in ("/", "//"):
            return self._path(token, names)
        if symbol == "[" and token.label == "operator":
            return self._filtered(items[0], items[1], names)
        if (step := self._step(token, names)) is not None:
            return nodes.Path(Start.CONTEXT, (step,))
        if symbol in _COMPARISONS and len(items) == 2:
            return nodes.Comparison(symbol, *self._each(items, names))
        if symbol in _ARITHMETIC and items:
            return self._arithmetic(symbol, self._each(items, names))
        if (clauses := _CLAUSED.get(type(token))) is not None:
            return clauses(self, token, names)
        return self._simple(token, names)

    def _arithmetic(self, symbol: str, operands: tuple[Node, ...]) -> Node:
        if len(operands) == 1:
            return nodes.Negation(symbol, operands[0])
        return nodes.Arithmetic(symbol, *operands)

    def _simple(self, token: XPathToken, names: Names) -> Node:
        match token.symbol, list(token._items):
            case ".", []:
                return nodes.Path(Start.CONTEXT)
            case "(", []:
                return nodes.Sequence(())
            case (("(" | "ordered"), [inner]):
                return self.node(inner, names)
            case ("," | "or" | "and" | "|" | "union") as symbol, parts:
                return _GROUPS[symbol](self._each(parts, names))
            case ("to" | "!") as symbol, [left, right]:
                return _PAIRS[symbol](self.node(left, names), self.node(right, names))
            case ("intersect" | "except") as symbol, [left, right]:
                return nodes.SetOperation(symbol, self.node(left, names), self.node(right, names))
            case "||", parts:
                return nodes.Call(f"{FN}concat", self._each(parts, names))
            case "if", [condition, then, otherwise]:
                return nodes.If(*self._each((condition, then, otherwise), names))
            case "$", []:
                return nodes.Variable(names[str(token.name)])
            case symbol, [] if symbol in _LITERALS:
                return nodes.Literal(cast(Any, token.value))
            case _:
                return self._typed(token, names)

    def _typed(self, token: XPathToken, names: Names) -> Node:
        match token.symbol, list(token._items):
            case "instance", [value]:
                return nodes.InstanceOf(self.node(value, names), _type_of(token))
            case "treat", [value]:
                return nodes.Treat(self.node(value, names), _type_of(token))
            case ("cast" | "castable") as symbol, [value, name]:
                kind = nodes.Cast if symbol == "cast" else nodes.Castable
                is_optional = getattr(name, "occurrence", "") == "?"
                return kind(self.node(value, names), str(name.value), is_optional)
            case _:
                return self._call(token, names)

    def _call(self, token: XPathToken, names: Names) -> Node:
        if isinstance(token, UserCall):
            return self._inline(token, names)
        if token.symbol == "(error)":
            return nodes.Call(f"{FN}error", self._each(token._items, names))
        if token.label == "function" and token.namespace in _CALLED:
            return nodes.Call(str(token.name), self._each(token._items, names))
        if token.label == "constructor function" and token.namespace == XSD_NAMESPACE:
            return nodes.Cast(self.node(token[0], names), str(token.name), True)
        return self._opaque(token, names)

    def _opaque(self, token: XPathToken, names: Names) -> Node:
        start, end = _extent(token)
        return nodes.Opaque(self._query.text[start:end], frozenset(_used(token, names)))

    def _inline(self, token: UserCall, names: Names) -> Node:
        function = self._query.function(*token.target)
        self._inlined += 1
        if self._inlined > _MOST_INLINED or function.body is None:
            return self._opaque(token, names)
        inner = dict(self._globals)
        clauses = []
        for (name, declared), argument in zip(function.parameters, token._items, strict=True):
            value = _converted(self.node(argument, names), declared)
            inner[name] = self._fresh(name)
            clauses.append(nodes.LetClause(inner[name], value))
        body = _converted(self.node(function.body, inner), function.result)
        return nodes.Flwor(tuple(clauses), body) if clauses else body

    # Paths

    def _path(self, token: XPathToken, names: Names) -> Node:
        items = list(token._items)
        below = (_DESCENDANTS,) if token.symbol == "//" else ()
        if not items:
            return nodes.Path(Start.ROOT)
        root = nodes.Path(Start.ROOT)
        left: Node = root if len(items) == 1 else self.node(items[0], names)
        step = self._step(items[-1], names)
        if step is None:
            return nodes.Each(_extended(left, below), self.node(items[-1], names))
        # Parentheses make no difference in front of a step: both sides are in document order.
        return _extended(left, (*below, step))

    def _filtered(self, left: XPathToken, predicate: XPathToken, names: Names) -> Node:
        condition = self.node(predicate, names)
        step = self._step(left, names)
        if step is not None:
            filtered = Step(step.axis, step.test, (*step.predicates, condition))
            return nodes.Path(Start.CONTEXT, (filtered,))
        inner = self.node(left, names)
        if (
            left.symbol == "["
            and left.label == "operator"
            and isinstance(inner, nodes.Path)
            and not inner.steps
        ):
            return nodes.Path(inner.start, (), (*inner.predicates, condition))
        return nodes.Path(inner, (), (condition,))

    def _step(self, token: XPathToken, names: Names) -> Step | None:
        """Return the step that a token is, if it is one."""
        if token.symbol == "[" and token.label == "operator":
            inner = self._step(token[0], names)
            if inner is None:
                return None
            predicate = self.node(token[1], names)
            return Step(inner.axis, inner.test, (*inner.predicates, predicate))
        if token.symbol == "..":
            return Step("parent", nodes.KindTest("node()"))
        if token.symbol == "@":
            return Step("attribute", self._test(token[0], "attribute"))
        if token.label == "axis":
            return Step(token.symbol, self._test(token[0], token.symbol))
        if _is_test(token):
            axis = "attribute" if _is_attribute_test(token) else "child"
            return Step(axis, self._test(token, axis))
        return None

    def _test(self, token: XPathToken, axis: str) -> nodes.Test:
        if token.label == "kind test":
            return kind_test(cast(Any, token).test, axis)
        default = "" if axis in ("attribute", "namespace") else self._query.default_namespace
        return name_test(token, default)

    # Expressions with clauses

    def _flwor(self, token: flwor.Flwor, names: Names) -> Node:
        clauses: list[nodes.Clause] = []
        for clause in token.clauses:
            translated, names = self._clause(clause, names)
            clauses.append(translated)
        return nodes.Flwor(tuple(clauses), self.node(token[-1], names))

    def _clause(self, clause: flwor.Clause, names: Names) -> tuple[nodes.Clause, Names]:
        match clause:
            case flwor.For():
                return self._for(clause, names)
            case flwor.Let(name, expression, declared):
                value, inner = self.node(expression, names), self._fresh(name)
                known = None if declared is None else sequence_type(declared)
                return nodes.LetClause(inner, value, known), {**names, name: inner}
            case flwor.Where(expression):
                return nodes.WhereClause(self.node(expression, names)), names
            case flwor.OrderBy(keys):
                return nodes.OrderClause(tuple(self._key(key, names) for key in keys)), names

    def _key(self, key: flwor.Key, names: Names) -> nodes.OrderKey:
        value = self.node(key.expression, names)
        return nodes.OrderKey(value, key.descending, key.empty_greatest)

    def _for(self, clause: flwor.For, names: Names) -> tuple[nodes.ForClause, Names]:
        items = self.node(clause.expression, names)
        inner = {**names, clause.variable: self._fresh(clause.variable)}
        if clause.position is not None:
            inner[clause.position] = self._fresh(clause.position)
        translated = nodes.ForClause(
            inner[clause.variable],
            items,
            clause.allow_empty,
            None if clause.position is None else inner[clause.position],
            None if clause.type is None else sequence_type(clause.type),
        )
        return translated, inner

    def _quantified(self, token: flwor.Quantified, names: Names) -> Node:
        bindings = []
        for clause in token.clauses:
            binding, names = self._for(clause, names)
            bindings.append(binding)
        return nodes.Quantified(str(token.value), tuple(bindings), self.node(token[-1], names))

    def _switch(self, token: control.Switch, names: Names) -> Node:
        *cases, default = token.cases
        translated = (
            nodes.SwitchCase(self._each(case.operands, names), self.node(case.result, names))
            for case in cases
        )
        operand, otherwise = self.node(token[0], names), self.node(default.result, names)
        return nodes.Switch(operand, tuple(translated), otherwise)

    def _typeswitch(self, token: control.TypeSwitch, names: Names) -> Node:
        cases = tuple(self._type_case(case, names) for case in token.cases)
        return nodes.TypeSwitch(self.node(token[0], names), cases)

    def _type_case(self, case: control.TypeCase, names: Names) -> nodes.TypeCase:
        variable = None if case.variable is None else self._fresh(case.variable)
        if case.variable is not None and variable is not None:
            names = {**names, case.variable: variable}
        types = tuple(map(sequence_type, case.types))
        return nodes.TypeCase(types, variable, self.node(case.result, names))

    def _try(self, token: control.Try, names: Names) -> Node:
        inner = {**names, **{name: name for name in control.ERROR_VARIABLES}}
        catches = tuple(
            nodes.CatchClause(catch.codes, self.node(catch.result, inner))
            for catch in token.catches
        )
        return nodes.Try(self.node(token[0], names), catches)

    def _text(self, token: lookup.Text, names: Names) -> Node:
        first, *rest = self._each(token._items, names)
        if not rest:
            return first
        space = nodes.Literal(" ")
        joined = (
            part if isinstance(part, nodes.Literal) and isinstance(part.value, str) else
            nodes.Call(f"{FN}string-join", (part, space))
            for part in rest
        )  # fmt: skip
        return nodes.Call(f"{FN}concat", (first, *joined))


_CLAUSED: Final[Mapping[type, Callable[[Any, Any, Names], Node]]] = {
    flwor.Flwor: _Translator._flwor,
    flwor.Quantified: _Translator._quantified,
    control.Switch: _Translator._switch,
    control.TypeSwitch: _Translator._typeswitch,
    control.Try: _Translator._try,
    lookup.Text: _Translator._text,
}
_GROUPS: Final[Mapping[str, Callable[[tuple[Node, ...]], Node]]] = {
    ",": nodes.Sequence,
    "or": nodes.Or,
    "and": nodes.And,
    "|": nodes.Union,
    "union": nodes.Union,
}
_PAIRS: Final[Mapping[str, Callable[[Node, Node], Node]]] = {
    "to": nodes.Range,
    "!": nodes.SimpleMap,
}


def _type_of(token: Any) -> nodes.SequenceType:
    return sequence_type(token.type)


def _converted(value: Node, declared: SequenceType) -> Node:
    return value if declared is ITEMS else nodes.Convert(value, sequence_type(declared))


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


def _extent(token: XPathToken) -> tuple[int, int]:
    """Return where an expression begins and ends in the text, as far as its tokens tell."""
    start, end = token.span[0], token.__dict__.get("end", token.span[1])
    for child in children(token):
        low, high = _extent(child)
        start, end = min(start, low), max(end, high)
    return start, end


def _used(token: XPathToken, names: Names) -> Iterator[str]:
    if token.symbol == "$" and str(token.name) in names:
        yield names[str(token.name)]
    for child in children(token):
        yield from _used(child, names)
