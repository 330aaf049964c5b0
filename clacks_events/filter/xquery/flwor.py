"""FLWOR expressions and quantified expressions as streams of variable bindings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cmp_to_key
from typing import TYPE_CHECKING, Any, Final, TypeVar

from elementpath.collations import UNICODE_CODEPOINT_COLLATION
from elementpath.xpath_tokens import XPathToken

from clacks_events.filter.xquery.base import (
    Item,
    QueryContext,
    QueryToken,
    Sequence,
    atomized,
    effective,
    sequence,
    variables_of,
    with_variables,
)
from clacks_events.filter.xquery.compare import order
from clacks_events.filter.xquery.sequence_type import SequenceType, read_type

if TYPE_CHECKING:
    from clacks_events.filter.xquery.parser import XQueryParser

__all__ = [
    "TOKENS",
    "Clause",
    "Flwor",
    "For",
    "Key",
    "Let",
    "OrderBy",
    "Quantified",
    "Where",
    "read_collation",
]

Variables = dict[str, Sequence]
_C = TypeVar("_C")
Stream = Iterator[Variables]


@dataclass(frozen=True, slots=True)
class For:
    """``for $variable at $position in expression``."""

    variable: str
    expression: XPathToken
    type: SequenceType | None = None
    position: str | None = None
    allow_empty: bool = False

    def extend(self, stream: Stream, context: QueryContext, token: XPathToken) -> Stream:
        """Yield the bindings once for each item."""
        for variables in stream:
            items = sequence(self.expression, with_variables(context, variables))
            for number, item in enumerate(items, 1):
                yield self._bind(variables, [item], number, token)
            if self.allow_empty and not items:
                yield self._bind(variables, [], 0, token)

    def _bind(
        self, before: Variables, items: Sequence, number: int, token: XPathToken
    ) -> Variables:
        if self.type is not None:
            self.type.check(items, token)
        position = {} if self.position is None else {self.position: [number]}
        return {**before, self.variable: items, **position}


@dataclass(frozen=True, slots=True)
class Let:
    """``let $variable := expression``."""

    variable: str
    expression: XPathToken
    type: SequenceType | None = None

    def extend(self, stream: Stream, context: QueryContext, token: XPathToken) -> Stream:
        """Yield the bindings with the value added."""
        for variables in stream:
            items = sequence(self.expression, with_variables(context, variables))
            if self.type is not None:
                self.type.check(items, token)
            yield {**variables, self.variable: items}


@dataclass(frozen=True, slots=True)
class Where:
    """``where expression``."""

    expression: XPathToken

    def extend(self, stream: Stream, context: QueryContext, token: XPathToken) -> Stream:
        """Yield the bindings for which the condition holds."""
        for variables in stream:
            inner = with_variables(context, variables)
            if effective(token, self.expression.select(inner)):
                yield variables


@dataclass(frozen=True, slots=True)
class Key:
    """One key of ``order by``."""

    expression: XPathToken
    descending: bool
    empty_greatest: bool


@dataclass(frozen=True, slots=True)
class OrderBy:
    """``order by``; it is always stable."""

    keys: tuple[Key, ...]

    def extend(self, stream: Stream, context: QueryContext, token: XPathToken) -> Stream:
        """Yield the bindings in the order of their keys."""
        rows = [(self._values(with_variables(context, v), token), v) for v in stream]

        def compare(left: tuple[Sequence, Variables], right: tuple[Sequence, Variables]) -> int:
            for key, one, other in zip(self.keys, left[0], right[0], strict=True):
                sign = order(one, other, key.empty_greatest, token)
                if sign:
                    return -sign if key.descending else sign
            return 0

        yield from (variables for _, variables in sorted(rows, key=cmp_to_key(compare)))

    def _values(self, context: QueryContext, token: XPathToken) -> Sequence:
        return [_single(key.expression, context, token) for key in self.keys]


Clause = For | Let | Where | OrderBy


def _single(expression: XPathToken, context: QueryContext, token: XPathToken) -> Item:
    values = atomized(expression, context)
    if len(values) > 1:
        raise token.error("XPTY0004", "a key of order by is more than one value")
    return values[0] if values else None


class Flwor(QueryToken):
    """A FLWOR expression; ``clauses`` in their order, the last item is the return expression."""

    symbol = lookup_name = "flwor"
    label = "expression"
    clauses: tuple[Clause, ...] = ()
    own_height = 1

    def nud(self) -> XPathToken:
        with self.parser.binding():
            word = str(self.value)
            clauses: list[Clause] = []
            while word != "return":
                clauses += _CLAUSES[word](self.parser)
                word = _next_word(self.parser)
            result = self.parser.single()
        self.clauses = tuple(clauses)
        self.own_height = 1 + len(clauses)  # each clause is one more generator on the stack
        self._items[:] = [*(e for c in clauses for e in _expressions(c)), result]
        return self

    def select(self, context: Any = None) -> Iterator[Item]:
        context = self.context(context)
        stream: Stream = iter([variables_of(context)])
        for clause in self.clauses:
            stream = clause.extend(stream, context, self)
        for variables in stream:
            yield from self[-1].select(with_variables(context, variables))


class Quantified(QueryToken):
    """``some`` and ``every``; ``value`` is the word, the last item is the condition."""

    symbol = lookup_name = "quantified"
    label = "expression"
    clauses: tuple[For, ...] = ()
    own_height = 1

    def nud(self) -> XPathToken:
        with self.parser.binding():
            self.clauses = tuple(_bindings(self.parser, _quantified_binding))
            self.own_height = 1 + len(self.clauses)
            self.parser.advance("satisfies")
            condition = self.parser.single()
        self._items[:] = [*(clause.expression for clause in self.clauses), condition]
        return self

    def evaluate(self, context: Any = None) -> bool:
        context = self.context(context)
        stream: Stream = iter([variables_of(context)])
        for clause in self.clauses:
            stream = clause.extend(stream, context, self)
        condition = self[-1]
        results = (effective(self, condition.select(with_variables(context, v))) for v in stream)
        return any(results) if self.value == "some" else all(results)

    def select(self, context: Any = None) -> Iterator[Item]:
        yield self.evaluate(context)


def _expressions(clause: Clause) -> Iterator[XPathToken]:
    if isinstance(clause, OrderBy):
        yield from (key.expression for key in clause.keys)
    else:
        yield clause.expression


def _next_word(parser: XQueryParser) -> str:
    if isinstance(parser.next_token, Flwor):
        return str(parser.advance().value)
    if parser.at_word("group", "count"):
        word = parser.next_token.value
        reason = f"The {word} clause has no meaning in a filter; use for, let, where and count()"
        raise parser.unsupported(reason, parser.next_token.span)
    if parser.at("return"):
        return str(parser.advance().symbol)
    if parser.at_word("where", "order", "stable"):
        return str(parser.advance().value)
    raise parser.unexpected("where, order by, for, let or return")


def _bindings(parser: XQueryParser, read: Callable[[XQueryParser], _C]) -> Iterator[_C]:
    yield read(parser)
    while parser.next_token.symbol == ",":
        parser.advance()
        yield read(parser)


def _variable(parser: XQueryParser) -> str:
    parser.advance("$")
    return parser.read_name("")


def _declared_type(parser: XQueryParser) -> SequenceType | None:
    if not parser.at("as"):
        return None
    parser.advance()
    return read_type(parser)


def _for_binding(parser: XQueryParser) -> For:
    variable, declared = _variable(parser), _declared_type(parser)
    allow_empty = parser.at_word("allowing")
    if allow_empty:
        parser.advance()
        parser.advance_word("empty")
    position = None
    if parser.at_word("at"):
        parser.advance()
        start = parser.next_token.span[0]
        position = _variable(parser)
        if position == variable:
            span = start, parser.token.span[1]
            raise parser.syntax_error(f"${variable} is bound twice", span, "XQST0089")
    parser.advance("in")
    expression = parser.single()
    parser.scope |= {variable} if position is None else {variable, position}
    return For(variable, expression, declared, position, allow_empty)


def _quantified_binding(parser: XQueryParser) -> For:
    variable, declared = _variable(parser), _declared_type(parser)
    parser.advance("in")
    expression = parser.single()
    parser.scope |= {variable}
    return For(variable, expression, declared)


def _let_binding(parser: XQueryParser) -> Let:
    variable, declared = _variable(parser), _declared_type(parser)
    parser.advance(":=")
    expression = parser.single()
    parser.scope |= {variable}
    return Let(variable, expression, declared)


def _key(parser: XQueryParser) -> Key:
    expression = parser.single()
    descending = (
        parser.at_word("ascending", "descending") and parser.advance().value == "descending"
    )
    empty_greatest = parser.empty_greatest
    if parser.at_word("empty"):
        parser.advance()
        empty_greatest = parser.advance_word("greatest", "least") == "greatest"
    if parser.at_word("collation"):
        parser.advance()
        read_collation(parser)
    return Key(expression, descending, empty_greatest)


def read_collation(parser: XQueryParser) -> None:
    """Read the name of a collation, which must be the codepoint collation."""
    token = parser.advance("(string)")
    if token.value != UNICODE_CODEPOINT_COLLATION:
        raise parser.unsupported("Only the codepoint collation may be used", token.span)


def _for(parser: XQueryParser) -> Iterator[Clause]:
    return _bindings(parser, _for_binding)


def _let(parser: XQueryParser) -> Iterator[Clause]:
    return _bindings(parser, _let_binding)


def _where(parser: XQueryParser) -> Iterator[Clause]:
    yield Where(parser.single())


def _order(parser: XQueryParser) -> Iterator[Clause]:
    if parser.token.value == "stable":
        parser.advance_word("order")
    parser.advance_word("by")
    yield OrderBy(tuple(_bindings(parser, _key)))


_CLAUSES: Final[dict[str, Callable[[XQueryParser], Iterator[Clause]]]] = {
    "for": _for,
    "let": _let,
    "where": _where,
    "order": _order,
    "stable": _order,
}

TOKENS: Final[dict[str, type[XPathToken]]] = {
    "for": Flwor,
    "let": Flwor,
    "some": Quantified,
    "every": Quantified,
}
