"""Functions as values: references, partial applications, inline functions and their calls.

elementpath keeps the arguments of a function item on its token, which several threads would
share. Function items are therefore made anew whenever an expression gives one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from elementpath.datatypes import QName
from elementpath.xpath_tokens import ValueToken, XPathArray, XPathFunction, XPathMap, XPathToken

from clacks_events.filter.xquery.base import (
    QueryContext,
    QueryToken,
    Sequence,
    atomized,
    one_or_list,
    sequence,
    variables_of,
    with_variables,
)
from clacks_events.filter.xquery.declared import read_signature
from clacks_events.filter.xquery.library import Name, Span, is_library, library_token
from clacks_events.filter.xquery.sequence_type import SequenceType, as_list

if TYPE_CHECKING:
    from clacks_events.filter.xquery.parser import XQueryParser

__all__ = [
    "TOKENS",
    "Apply",
    "Arguments",
    "Partial",
    "Reference",
    "applier",
    "make_reference",
    "read_arguments",
]

Apply = Callable[[list[Sequence], QueryContext], Sequence]
Arguments = list[XPathToken | None]
"""The arguments of a call; None stands for a ``?``."""


class FunctionItem(XPathFunction):
    """A function as a value, made by an evaluation and never shared."""

    symbol = lookup_name = "function"
    label = "inline function"

    def __init__(
        self, parser: Any, types: tuple[str, ...], apply: Apply, name: QName | None = None
    ) -> None:
        super().__init__(parser)
        self._qname = name
        self.nargs = len(types) - 1
        self.sequence_types = types
        self._apply = apply

    def __call__(self, *args: Any, context: Any = None) -> Any:
        self.check_arguments_number(len(args))
        return one_or_list(self._apply([as_list(value) for value in args], context))

    def evaluate(self, _context: Any = None) -> FunctionItem:
        return self


class Reference(QueryToken):
    """``name#arity``"""

    symbol = lookup_name = "(reference)"
    label = "expression"
    apply: Apply
    types: tuple[str, ...]
    qualified: QName

    def evaluate(self, context: Any = None) -> FunctionItem:
        captured = self.context(context)
        return FunctionItem(
            self.parser, self.types, lambda values, _: self.apply(values, captured), self.qualified
        )

    def select(self, context: Any = None) -> Any:
        yield self.evaluate(context)


def make_reference(parser: XQueryParser, name: Name, arity: int, span: Span) -> Reference:
    """Return the token of a named function reference."""
    token = Reference(parser)
    token.span = span
    token.apply, token.types = applier(parser, name, arity, span)
    prefixes = (prefix for prefix, uri in parser.namespaces.items() if prefix and uri == name[0])
    token.qualified = QName(name[0], f"{next(prefixes, 'fn')}:{name[1]}")
    return token


class Partial(QueryToken):
    """A call with ``?`` for some arguments; ``holes`` tells which."""

    symbol = lookup_name = "(partial)"
    label = "expression"
    holes: tuple[bool, ...]
    target: Reference | None = None

    def evaluate(self, context: Any = None) -> FunctionItem:
        context = self.context(context)
        fixed = [sequence(token, context) for token in self._items]
        if self.target is None:
            function = _the_function(self, fixed.pop(0), len(self.holes))
        else:
            function = self.target.evaluate(context)

        def apply(values: list[Sequence], inner: QueryContext) -> Sequence:
            given, rest = iter(values), iter(fixed)
            arguments = [next(given) if hole else next(rest) for hole in self.holes]
            return _invoke(self, function, arguments, inner)

        return FunctionItem(self.parser, ("item()*",) * (sum(self.holes) + 1), apply)

    def select(self, context: Any = None) -> Any:
        yield self.evaluate(context)


class DynamicCall(QueryToken):
    """A call of what an expression gives: a function item, a map or an array."""

    symbol = lookup_name = "(call)"
    label = "expression"

    def led(self, left: XPathToken) -> XPathToken:
        return self.with_arguments(left, _arguments_after_parenthesis(self.parser))

    def with_arguments(self, left: XPathToken, given: Arguments) -> XPathToken:
        """Complete the call; holes make it a partial application."""
        self._items[:] = [left, *(token for token in given if token is not None)]
        if None not in given:
            return self
        partial = Partial(self.parser)
        partial.span, partial.holes = self.span, tuple(token is None for token in given)
        partial._items[:] = self._items
        return partial

    def select(self, context: Any = None) -> Any:
        context = self.context(context)
        function, *values = (sequence(token, context) for token in self._items)
        return iter(_invoke(self, _the_function(self, function, len(values)), values, context))


class InlineFunction(QueryToken):
    """``function($a, $b) { … }``"""

    symbol = lookup_name = "function"
    label = "expression"
    parameters: tuple[tuple[str, SequenceType], ...]
    result: SequenceType

    def nud(self) -> XPathToken:
        parser = self.parser
        self.parameters, self.result = read_signature(parser)
        with parser.binding(*(name for name, _ in self.parameters)), parser.focused(False):
            self._items[:] = (parser.enclosed(),)
        return self

    def evaluate(self, context: Any = None) -> FunctionItem:
        captured = self.context(context)

        def apply(values: list[Sequence], _: QueryContext) -> Sequence:
            pairs = zip(self.parameters, values, strict=True)
            arguments = {name: declared.convert(items, self) for (name, declared), items in pairs}
            inner = with_variables(captured, {**variables_of(captured), **arguments})
            return self.result.convert(sequence(self[0], inner), self)

        return FunctionItem(self.parser, _types(self.parameters, self.result), apply)

    def select(self, context: Any = None) -> Any:
        yield self.evaluate(context)


def read_arguments(parser: XQueryParser) -> Arguments:
    """Read an argument list; None stands for a ``?``."""
    parser.advance("(")
    return _arguments_after_parenthesis(parser)


def _arguments_after_parenthesis(parser: XQueryParser) -> Arguments:
    arguments: Arguments = []
    while parser.next_token.symbol != ")":
        token = parser.single()
        arguments.append(None if token.symbol == "?" and not token._items else token)
        if parser.next_token.symbol == ")":
            break
        parser.advance(",")
        if parser.next_token.symbol == ")":
            raise parser.unexpected("an argument")
    parser.advance(")")
    return arguments


def applier(
    parser: XQueryParser, name: Name, arity: int, span: Span
) -> tuple[Apply, tuple[str, ...]]:
    if not is_library(parser, name[0]):
        declared = parser.declared
        declared.note(name, arity, span)

        def apply_declared(values: list[Sequence], context: QueryContext) -> Sequence:
            return declared.functions[name, arity].apply(values, context)

        return apply_declared, ("item()*",) * (arity + 1)
    token = library_token(parser, name, arity, span)

    def apply(values: list[Sequence], context: QueryContext) -> Sequence:
        call = library_token(parser, name, arity, span)
        call._items[:] = [ValueToken(parser, cast(Any, items)) for items in values]
        return sequence(call, context)

    types = tuple(token.sequence_types) or ("item()*",)
    return apply, (*(types[:-1] + ("item()*",) * arity)[:arity], types[-1])


def _types(
    parameters: tuple[tuple[str, SequenceType], ...], result: SequenceType
) -> tuple[str, ...]:
    return (*(declared.text for _, declared in parameters), result.text)


def _the_function(token: XPathToken, items: Sequence, arity: int) -> XPathFunction:
    if len(items) != 1 or not isinstance(items[0], XPathFunction):
        raise token.error("XPTY0004", "what is called is not a function")
    function = items[0]
    expected = 1 if isinstance(function, (XPathMap, XPathArray)) else function.nargs
    if expected != arity:
        raise token.error("XPTY0004", f"the function takes {expected} arguments, not {arity}")
    return function


def _invoke(
    token: XPathToken, function: XPathFunction, values: list[Sequence], context: QueryContext
) -> Sequence:
    if not isinstance(function, (XPathMap, XPathArray)):
        return as_list(function(*values, context=context))
    keys = atomized(ValueToken(token.parser, cast(Any, values[0])), context)
    if len(keys) != 1:
        raise token.error("XPTY0004", "a map or an array is called with one key")
    return as_list(function(keys[0], context=context))


TOKENS: Final[dict[str, type[XPathToken]]] = {"(call)": DynamicCall, "function": InlineFunction}
