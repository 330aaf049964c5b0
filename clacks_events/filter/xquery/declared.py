"""The functions that a query declares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from elementpath.xpath_tokens import XPathToken

from clacks_events.filter.xquery.base import QueryContext, Sequence, sequence, with_variables
from clacks_events.filter.xquery.library import Name, Span, unknown
from clacks_events.filter.xquery.sequence_type import ITEMS, SequenceType, read_type

if TYPE_CHECKING:
    from clacks_events.filter.xquery.parser import XQueryParser

__all__ = ["Declarations", "UserFunction", "read_signature"]

_LONGEST_CHAIN: Final = 20


@dataclass(slots=True)
class UserFunction:
    """A function that the query declares."""

    name: Name
    parameters: tuple[tuple[str, SequenceType], ...]
    result: SequenceType
    span: Span
    body: XPathToken | None = None
    calls: dict[tuple[Name, int], Span] = field(default_factory=dict)

    def apply(self, values: list[Sequence], context: QueryContext) -> Sequence:
        """Call it with one sequence for each parameter."""
        assert self.body is not None
        token = self.body
        pairs = zip(self.parameters, values, strict=True)
        arguments = {name: declared.convert(items, token) for (name, declared), items in pairs}
        inner = with_variables(context, {**context.globals, **arguments})
        return self.result.convert(sequence(token, inner), token)


class Declarations:
    """The functions of one query, and who calls them."""

    def __init__(self) -> None:
        self.functions: dict[tuple[Name, int], UserFunction] = {}
        self.caller: UserFunction | None = None
        self._calls: dict[tuple[Name, int], Span] = {}

    def note(self, name: Name, arity: int, span: Span) -> None:
        """Remember a call; the function may be declared further down."""
        calls = self._calls if self.caller is None else self.caller.calls
        calls.setdefault((name, arity), span)

    def check(self, parser: XQueryParser) -> int:
        """Raise if a function that is called does not exist or comes back to itself.

        Returns how many levels the functions add to the expressions that call them.
        """
        for calls in (self._calls, *(function.calls for function in self.functions.values())):
            for (name, arity), span in calls.items():
                if (name, arity) not in self.functions:
                    raise unknown(parser, arity, span)
        depths: dict[tuple[Name, int], int] = {}
        deepest = max((self._depth(parser, key, (), depths) for key in self._calls), default=0)
        for key in self.functions:
            self._depth(parser, key, (), depths)
        return deepest

    def _depth(
        self,
        parser: XQueryParser,
        key: tuple[Name, int],
        path: tuple[tuple[Name, int], ...],
        depths: dict[tuple[Name, int], int],
    ) -> int:
        if key in depths:
            return depths[key]
        function = self.functions[key]
        if len(path) > _LONGEST_CHAIN:
            raise parser.unsupported("Too many functions call each other", function.span)
        below = 0
        for callee, span in function.calls.items():
            if callee in (*path, key):
                raise parser.unsupported("Functions may not call themselves", span)
            below = max(below, self._depth(parser, callee, (*path, key), depths))
        depths[key] = below + getattr(function.body, "height", 1)
        return depths[key]


def read_signature(
    parser: XQueryParser,
) -> tuple[tuple[tuple[str, SequenceType], ...], SequenceType]:
    """Read the parameters and the result type of a function."""
    parser.advance("(")
    parameters: dict[str, SequenceType] = {}
    while parser.next_token.symbol != ")":
        start = parser.advance("$").span[0]
        name = parser.read_name("")
        if name in parameters:
            span = start, parser.token.span[1]
            raise parser.syntax_error(f"There are two parameters ${name}", span, "XQST0039")
        parameters[name] = _optional_type(parser)
        if parser.next_token.symbol != ")":
            parser.advance(",")
    parser.advance(")")
    return tuple(parameters.items()), _optional_type(parser)


def _optional_type(parser: XQueryParser) -> SequenceType:
    if not parser.at("as"):
        return ITEMS
    parser.advance()
    return read_type(parser)
