"""The token classes that the parser knows beyond elementpath's own."""

from __future__ import annotations

from typing import Final

from elementpath.xpath_tokens import XPathToken

from clacks_events.filter.xquery import (
    calls,
    control,
    flwor,
    function_items,
    language,
    lookup,
    numbers,
    operators,
    sequences,
    steps,
    type_operators,
)
from clacks_events.filter.xquery.base import QueryToken, new_class

__all__ = ["TOKENS"]


class Mark(QueryToken):
    """A symbol that only has a meaning where another token looks for it."""


def _mark(symbol: str) -> type[XPathToken]:
    return new_class(f"Mark_{symbol}", Mark, {"symbol": symbol, "lookup_name": symbol})


TOKENS: Final[dict[str, type[XPathToken]]] = {
    **{symbol: _mark(symbol) for symbol in (";", "%", "(type)", "(chars)", "}`", "{", "#")},
    **steps.TOKENS,
    **numbers.TOKENS,
    **operators.TOKENS,
    **flwor.TOKENS,
    **control.TOKENS,
    **type_operators.TOKENS,
    **lookup.TOKENS,
    **calls.TOKENS,
    **function_items.TOKENS,
    **language.TOKENS,
    **sequences.TOKENS,
}
