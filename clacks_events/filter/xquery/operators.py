"""Primary expressions and operators whose elementpath versions we replace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from elementpath.xpath_tokens import AsteriskToken, NameToken, XPathToken

from clacks_events.filter.xquery.base import (
    Item,
    QueryToken,
    atomized,
    derive,
    effective,
    focus,
    new_class,
    sequence,
    string_value,
    variables_of,
)
from clacks_events.filter.xquery.compare import compare, general
from clacks_events.filter.xquery.numbers import arithmetic
from clacks_events.filter.xquery.sequence_type import as_list

__all__ = ["TOKENS"]

_NO_NODES: Final = "A filter makes no nodes; return a condition instead, such as a path"


class Variable(QueryToken):
    """A variable reference; ``name`` is in Clark notation."""

    symbol = lookup_name = "$"
    label = "variable"
    lbp = rbp = 0

    def nud(self) -> XPathToken:
        parser = self.parser
        self.name = parser.read_name("")
        self.span = self.span[0], parser.token.span[1]
        self.value = parser.source[self.span[0] + 1 : self.span[1]].strip()
        if self.name not in parser.scope:
            reason = f"The variable ${self.value} is not declared"
            raise parser.type_error(reason, self.span, "XPST0008")
        parser.used.add(self.name)
        return self

    @property
    def source(self) -> str:
        return f"${self.value}"

    def select(self, context: Any = None) -> Any:
        return iter(variables_of(self.context(context))[self.name])


class Separator(QueryToken):
    """The colon between the key and the value of a map entry."""

    symbol = lookup_name = ":"


class Comma(QueryToken):
    """A sequence; elementpath nests commas, here all expressions are side by side."""

    symbol = lookup_name = ","
    label = "operator"
    lbp = rbp = 5

    def led(self, left: XPathToken) -> XPathToken:
        right = self.parser.expression(5)
        if isinstance(left, Comma):
            left.append(right)
            return left
        self._items[:] = left, right
        return self

    def get_argument_tokens(self) -> list[XPathToken]:
        return list(self._items)

    def select(self, context: Any = None) -> Iterator[Item]:
        for token in self._items:
            yield from token.select(self.context(context) if context is not None else None)


class Parenthesized(QueryToken):
    """An expression in parentheses, or none; after an expression the call of a function item."""

    symbol = lookup_name = "("
    label = "expression"
    lbp = 80

    def nud(self) -> XPathToken:
        if self.parser.next_token.symbol != ")":
            self._items[:] = (self.parser.expression(),)
        self.parser.advance(")")
        return self

    def led(self, left: XPathToken) -> XPathToken:
        if isinstance(left, NameToken):
            reason = f"There is no function {left.value}"
            raise self.parser.type_error(reason, left.span, "XPST0017")
        call = self.parser.symbol_table["(call)"](self.parser)
        call.span = self.span
        return call.led(left)

    def select(self, context: Any = None) -> Iterator[Item]:
        return self[0].select(context) if self._items else iter(())


class Either(QueryToken):
    """``or`` with all its alternatives side by side."""

    symbol = lookup_name = "or"
    label = "operator"
    lbp = rbp = 20

    def led(self, left: XPathToken) -> XPathToken:
        right = self.parser.expression(self.rbp)
        if type(left) is type(self):
            left.append(right)
            return left
        self._items[:] = left, right
        return self

    def evaluate(self, context: Any = None) -> bool:
        return any(effective(token, token.select(self.context(context))) for token in self)

    def select(self, context: Any = None) -> Iterator[Item]:
        yield self.evaluate(context)


class Both(Either):
    """``and`` with all its conditions side by side."""

    symbol = lookup_name = "and"
    lbp = rbp = 25

    def evaluate(self, context: Any = None) -> bool:
        return all(effective(token, token.select(self.context(context))) for token in self)


class Comparison(QueryToken):
    """``=``, ``!=``, ``<``, ``<=``, ``>`` and ``>=``."""

    label = "operator"
    lbp = rbp = 30

    def nud(self) -> XPathToken:
        parser = self.parser
        following = parser.source[self.span[1] : self.span[1] + 1]
        if self.symbol == "<" and (following.isalpha() or following in ("!", "?", "_")):
            raise parser.unsupported(_NO_NODES, self.span)
        raise self.wrong_syntax()

    def led(self, left: XPathToken) -> XPathToken:
        if isinstance(left, Comparison):
            raise self.wrong_syntax("Comparisons cannot be chained; use and")
        self._items[:] = left, self.parser.expression(30)
        return self

    def evaluate(self, context: Any = None) -> bool:
        context = self.context(context)
        right = list(self[1].atomization(context))
        return bool(right) and any(
            general(self.symbol, one, other, self)
            for one in self[0].atomization(context)
            for other in right
        )

    def select(self, context: Any = None) -> Iterator[Item]:
        yield self.evaluate(context)


class ValueComparison(Comparison):
    """``eq``, ``ne``, ``lt``, ``le``, ``gt`` and ``ge``; nothing if a side is empty."""

    def nud(self) -> XPathToken:
        return self.as_name()

    def evaluate(self, context: Any = None) -> Any:
        left, right = (atomized(token, self.context(context)) for token in self)
        if len(left) > 1 or len(right) > 1:
            raise self.error("XPTY0004", f"{self.symbol} compares single values")
        if not left or not right:
            return []
        return compare(self.symbol, left[0], right[0], self)

    def select(self, context: Any = None) -> Iterator[Item]:
        result = self.evaluate(context)
        if result != []:
            yield result


class Constructor(QueryToken):
    """``element { … }`` and its kin: refused."""

    symbol = lookup_name = "(constructor)"

    def nud(self) -> XPathToken:
        raise self.parser.unsupported(_NO_NODES, self.span)


class Asterisk(AsteriskToken):
    """``*`` as a wildcard or a product; elementpath's product replaces the context item."""

    def select(self, context: Any = None) -> Iterator[Item]:
        if self._items:
            return iter(as_list(arithmetic(self, context)))
        return super().select(context)


class SimpleMap(QueryToken):
    """``!``"""

    symbol = lookup_name = "!"
    label = "operator"
    lbp = rbp = 72

    def led(self, left: XPathToken) -> XPathToken:
        with self.parser.focused():
            self._items[:] = left, self.parser.expression(72)
        return self

    def select(self, context: Any = None) -> Iterator[Item]:
        for inner in focus(self[0], self.context(context)):
            yield from sequence(self[1], inner)


def _comparison(symbol: str, base: type[Comparison]) -> type[XPathToken]:
    return new_class(base.__name__, base, {"symbol": symbol, "lookup_name": symbol})


_TEXTUAL: Final = ("string", "concat", "||", "string-join")


TOKENS: Final[dict[str, type[XPathToken]]] = {
    "$": Variable,
    ":": Separator,
    ",": Comma,
    "(": Parenthesized,
    "or": Either,
    "and": Both,
    "*": Asterisk,
    "!": SimpleMap,
    "(constructor)": Constructor,
    **{name: derive(name, string_value=string_value) for name in _TEXTUAL},
    **{s: _comparison(s, Comparison) for s in ("=", "!=", "<", "<=", ">", ">=")},
    **{s: _comparison(s, ValueComparison) for s in ("eq", "ne", "lt", "le", "gt", "ge")},
}
