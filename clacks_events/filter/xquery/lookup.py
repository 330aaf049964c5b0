"""Lookups in maps and arrays with ``?``, and string constructors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, cast

from elementpath.xpath_tokens import XPathToken

from clacks_events.filter.xquery.base import Item, QueryToken, atomized, derive

if TYPE_CHECKING:
    from clacks_events.filter.xquery.parser import XQueryParser

__all__ = ["TOKENS"]


class Text(QueryToken):
    """A string constructor: parts of text and expressions in turn."""

    own_height = 3

    symbol = lookup_name = "``["
    label = "expression"

    def nud(self) -> XPathToken:
        parser = self.parser
        text, more = parser.constructor_text()
        self._items[:] = [self._string(text)]
        while more:
            self._items.append(parser.placeholder())
            text, more = parser.constructor_text()
            self._items.append(self._string(text))
        parser.advance()
        return self

    def _string(self, text: str) -> XPathToken:
        token = self.parser.symbol_table["(string)"](self.parser)
        token.value, token.span = text, self.span
        return token

    def evaluate(self, context: Any = None) -> str:
        context = self.context(context)
        parts = (
            " ".join(map(self.string_value, atomized(token, context))) for token in self._items
        )
        return "".join(parts)

    def select(self, context: Any = None) -> Iterator[Item]:
        yield self.evaluate(context)


def _lookup_nud(self: Any) -> XPathToken:
    parser = cast("XQueryParser", self.parser)
    if _at_key(parser):
        self[:] = (_key(parser),)
    return cast(XPathToken, self)


def _lookup_led(self: Any, left: XPathToken) -> XPathToken:
    parser = cast("XQueryParser", self.parser)
    if not _at_key(parser):
        raise parser.unexpected("a key")
    self[:] = left, _key(parser)
    return cast(XPathToken, self)


def _at_key(parser: XQueryParser) -> bool:
    return parser.at("(name)", "(integer)", "(", "*", "(function)")


def _key(parser: XQueryParser) -> XPathToken:
    token = parser.advance()
    if token.symbol == "(":
        return token.nud()
    if token.symbol == "(function)":
        name = parser.symbol_table["(name)"](parser)
        name.value, name.span = str(token.value), token.span
        return name
    return token


TOKENS: Final[dict[str, type[XPathToken]]] = {
    "``[": Text,
    "?": derive("?", nud=_lookup_nud, led=_lookup_led),
}
