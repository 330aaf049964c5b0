"""What all token classes of the query language share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from typing import TYPE_CHECKING, Any, cast

from elementpath.datatypes import AnyURI, UntypedAtomic
from elementpath.exceptions import MissingContextError
from elementpath.sequences import xlist
from elementpath.xpath31 import XPath31Parser
from elementpath.xpath_context import XPathContext
from elementpath.xpath_tokens import XPathToken

from clacks_events.filter.xquery.context import QueryContext
from clacks_events.filter.xquery.lexical import text_of_double

if TYPE_CHECKING:
    from clacks_events.filter.xquery.parser import XQueryParser

__all__ = [
    "Item",
    "QueryContext",
    "QueryToken",
    "Sequence",
    "atomized",
    "derive",
    "effective",
    "focus",
    "new_class",
    "one_or_list",
    "sequence",
    "string_value",
    "variables_of",
    "with_variables",
]

Item = Any
"""A node, an atomic value or a function item of elementpath's data model."""

Sequence = list[Item]


class QueryToken(XPathToken):
    """A token that was made by our parser."""

    parser: XQueryParser

    def evaluate(self, context: Any = None) -> Any:
        """Return the one item, or the list of all."""
        return one_or_list(list(self.select(context)))

    def wrong_syntax(self, message: str | None = None, code: str = "XPST0003") -> Any:
        """Return the error for a token in a place where it has no meaning."""
        shown = self.parser.source[slice(*self.span)]
        return self.parser.syntax_error(message or f"{shown!r} cannot stand here", self.span, code)

    def string_value(self, obj: Any) -> str:
        """Return the string value of an item."""
        return string_value(self, obj)

    def context(self, context: Any) -> QueryContext:
        """Return a copy that the caller may change; its axis is the default one."""
        return copy(self.given(context))

    def given(self, context: Any) -> QueryContext:
        """Return the context itself, with the axis that a step is tested on."""
        if context is None:
            raise cast(MissingContextError, self.error("XPDY0002"))
        return cast(QueryContext, context)


def one_or_list(items: Sequence) -> Any:
    """Return a sequence the way elementpath returns it from ``evaluate``."""
    return items[0] if len(items) == 1 else xlist(items)


def sequence(token: XPathToken, context: XPathContext) -> Sequence:
    """Return all items of an expression without touching the context.

    elementpath moves the context item while it selects and does not always put it back.
    """
    return list(token.select(copy(context)))


def with_variables(context: QueryContext, variables: dict[str, Sequence]) -> QueryContext:
    """Return a copy of the context with other variables in scope."""
    inner = copy(context)
    inner.variables = cast(dict[str, Any], variables)
    return inner


def focus(token: XPathToken, context: QueryContext) -> Iterator[QueryContext]:
    """Yield a context for each item of an expression, with position and size set.

    It is the same object each time: it must be used up before the next one is asked for.
    """
    items = sequence(token, context)
    inner = copy(context)
    for position, item in enumerate(items, 1):
        inner.item, inner.position, inner.size, inner.axis = item, position, len(items), None
        yield inner


def effective(token: XPathToken, items: Iterable[Item]) -> bool:
    """Return the effective boolean value (XPath 3.1 §2.4.3) of an expression's items."""
    return token.boolean_value(iter(items))


def atomized(token: XPathToken, context: XPathContext) -> Sequence:
    """Return the atomic values of an expression, untyped ones as strings."""
    return [_plain(value) for value in token.atomization(copy(context))]


def _plain(value: Item) -> Item:
    return str(value) if isinstance(value, (UntypedAtomic, AnyURI)) else value


def string_value(token: XPathToken, item: Item) -> str:
    """Return the string value of an item.

    elementpath writes doubles as Python does; XQuery has its own form for those that are large
    or small (XPath and XQuery Functions 3.1 §19.1.2.2).
    """
    if isinstance(item, float):
        return text_of_double(item)
    return XPathToken.string_value(token, item)


def variables_of(context: QueryContext) -> dict[str, Sequence]:
    """Return the variables in scope; all of them were put there as lists."""
    return cast(dict[str, Sequence], context.variables)


def derive(symbol: str, **members: Callable[..., Any] | Any) -> type[XPathToken]:
    """Return a subclass of elementpath's class for a symbol, which itself stays as it is."""
    base: Any = XPath31Parser.symbol_table[symbol]
    return new_class(f"Query{base.__name__}", base, members)


def new_class(name: str, base: Any, members: dict[str, Any]) -> type[XPathToken]:
    """Return a new token class."""
    created: type[XPathToken] = type(base)(name, (base,), {**members, "__module__": __name__})
    return created
