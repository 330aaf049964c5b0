"""Static function calls, with and without an arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from elementpath.datatypes import QName
from elementpath.exceptions import ElementPathError
from elementpath.namespaces import XPATH_FUNCTIONS_NAMESPACE, XQT_ERRORS_NAMESPACE
from elementpath.xpath_tokens import XPathFunction, XPathToken

from clacks_events.filter.xquery.base import QueryToken, Sequence, sequence
from clacks_events.filter.xquery.function_items import (
    Apply,
    Arguments,
    DynamicCall,
    Partial,
    applier,
    make_reference,
    read_arguments,
)
from clacks_events.filter.xquery.library import Name, Span, is_library, library_token
from clacks_events.filter.xquery.safety import check_call, check_reference

if TYPE_CHECKING:
    from clacks_events.filter.xquery.parser import XQueryParser

__all__ = ["TOKENS", "FunctionName", "RaisedError"]

_HIGHER_ORDER: Final = frozenset(
    ["apply", "filter", "fold-left", "fold-right", "for-each", "for-each-pair", "sort"]
)


class RaisedError(ElementPathError):
    """What ``fn:error`` raises."""

    def __init__(self, name: QName, message: str, items: Sequence) -> None:
        super().__init__(message, name.qname)
        self.name = name
        self.items = items


class FunctionName(QueryToken):
    """A name before ``(`` or ``#``; becomes the token of the call or of the function item."""

    symbol = lookup_name = "(function)"
    label = "function"

    def nud(self) -> XPathToken:
        parser = self.parser
        name = self.resolved()
        if parser.next_token.symbol == "#":
            return self._reference(name)
        return make_call(parser, name, read_arguments(parser), self.span)

    def resolved(self) -> Name:
        """Return namespace and local name."""
        if self.namespace is not None:
            return self.namespace, str(self.value)
        prefix, _, local = str(self.value).rpartition(":")
        if not prefix:
            return self.parser.default_functions, local
        start = self.span[0]
        return self.parser.resolve(prefix, (start, start + len(prefix))), local

    def _reference(self, name: Name) -> XPathToken:
        self.parser.advance("#")
        arity = int(str(self.parser.advance("(integer)").value))
        check_reference(self.parser, *name, arity, self.span)
        return make_reference(self.parser, name, arity, self.span)


class UserCall(QueryToken):
    """A call of a function that the query declares."""

    symbol = lookup_name = "(user call)"
    label = "expression"
    target: tuple[Name, int]
    apply: Apply

    def select(self, context: Any = None) -> Any:
        context = self.context(context)
        return iter(self.apply([sequence(token, context) for token in self._items], context))


class Arrow(QueryToken):
    """``=>``; becomes the call that it stands for."""

    symbol = lookup_name = "=>"
    label = "operator"
    lbp = rbp = 67

    def led(self, left: XPathToken) -> XPathToken:
        parser = self.parser
        if parser.next_token.symbol == "Q{":
            namespace = str(parser.advance().value)
            parser.next_token.namespace = namespace
        if isinstance(parser.next_token, FunctionName):
            name = cast(FunctionName, parser.advance())
            return make_call(parser, name.resolved(), [left, *read_arguments(parser)], name.span)
        if parser.next_token.symbol not in ("$", "("):
            raise parser.unexpected("a function")
        function = parser.advance().nud()
        call = DynamicCall(parser)
        call.span = self.span
        return call.with_arguments(function, [left, *read_arguments(parser)])


class ErrorCall(QueryToken):
    """``fn:error``"""

    symbol = lookup_name = "(error)"
    label = "function"

    def select(self, context: Any = None) -> NoReturn:
        context = self.context(context)
        given = [sequence(token, context) for token in self._items]
        code, description, items = [*given, [], [], []][:3]
        texts = [self.string_value(v) for item in description for v in self.atomize_item(item)]
        name = code[0] if code else QName(XQT_ERRORS_NAMESPACE, "err:FOER0000")
        if not isinstance(name, QName):
            raise self.error("XPTY0004", "the first argument of error() is an xs:QName")
        raise RaisedError(name, "".join(texts) or "error() was called", items)


def make_call(parser: XQueryParser, name: Name, given: Arguments, span: Span) -> XPathToken:
    """Return the token of a static call, or of a partial application if there are holes."""
    check_call(parser, *name, given, span)
    arguments = [token for token in given if token is not None]
    if None in given:
        return _partial(parser, name, given, span)
    token = _call_token(parser, name, arguments, span)
    token._items[:] = arguments
    if name[1] in _HIGHER_ORDER and isinstance(token, XPathFunction):
        # elementpath would take the token of an argument for the function item itself.
        token._items[:] = [_parenthesized(parser, argument) for argument in arguments]
    token.span = span
    return token


def _partial(parser: XQueryParser, name: Name, given: Arguments, span: Span) -> XPathToken:
    token, target = Partial(parser), make_reference(parser, name, len(given), span)
    token._items[:] = [argument for argument in given if argument is not None]
    token.target, token.span = target, span
    token.holes = tuple(argument is None for argument in given)
    return token


def _parenthesized(parser: XQueryParser, token: XPathToken) -> XPathToken:
    wrapper = parser.symbol_table["("](parser)
    wrapper._items[:] = (token,)
    wrapper.span = token.span
    wrapper.__dict__["height"] = getattr(token, "height", 1)
    return wrapper


def _call_token(
    parser: XQueryParser, name: Name, arguments: list[XPathToken], span: Span
) -> XPathToken:
    if name == (XPATH_FUNCTIONS_NAMESPACE, "error") and len(arguments) <= 3:
        return ErrorCall(parser)
    if not is_library(parser, name[0]):
        token = UserCall(parser)
        token.target = name, len(arguments)
        token.apply, _ = applier(parser, name, len(arguments), span)
        return token
    return library_token(parser, name, len(arguments), span)


TOKENS: Final[dict[str, type[XPathToken]]] = {"(function)": FunctionName, "=>": Arrow}
