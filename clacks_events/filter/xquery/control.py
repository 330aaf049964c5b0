"""``switch``, ``typeswitch``, ``try`` and ``ordered``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from elementpath.datatypes import QName
from elementpath.exceptions import ElementPathError
from elementpath.namespaces import XQT_ERRORS_NAMESPACE
from elementpath.xpath_tokens import XPathToken

from clacks_events.filter.xquery.base import (
    Item,
    QueryContext,
    QueryToken,
    atomized,
    sequence,
    variables_of,
    with_variables,
)
from clacks_events.filter.xquery.calls import RaisedError
from clacks_events.filter.xquery.compare import same
from clacks_events.filter.xquery.sequence_type import SequenceType, read_type

if TYPE_CHECKING:
    from clacks_events.filter.xquery.parser import XQueryParser

__all__ = ["ERROR_VARIABLES", "TOKENS", "Case", "Catch", "Switch", "Try", "TypeCase", "TypeSwitch"]

_ERR: Final = f"{{{XQT_ERRORS_NAMESPACE}}}"
ERROR_VARIABLES: Final = tuple(
    _ERR + name
    for name in (
        "code",
        "description",
        "value",
        "module",
        "line-number",
        "column-number",
        "additional",
    )
)


@dataclass(frozen=True, slots=True)
class Case:
    """Some operands of ``switch`` and what they return; no operands is the default."""

    operands: tuple[XPathToken, ...]
    result: XPathToken


class Switch(QueryToken):
    """``switch (operand) case … return … default return …``."""

    symbol = lookup_name = "switch"
    label = "expression"
    cases: tuple[Case, ...] = ()

    def nud(self) -> XPathToken:
        parser = self.parser
        operand = _in_parentheses(parser)
        self.cases = tuple(self._cases(parser))
        tokens = [token for case in self.cases for token in (*case.operands, case.result)]
        self._items[:] = [operand, *tokens]
        return self

    @staticmethod
    def _cases(parser: XQueryParser) -> Iterator[Case]:
        parser.advance_word("case")
        more = True
        while more:
            operands = [parser.single()]
            while parser.at_word("case"):
                parser.advance()
                operands.append(parser.single())
            parser.advance("return")
            yield Case(tuple(operands), parser.single())
            more = parser.advance_word("case", "default") == "case"
        parser.advance("return")
        yield Case((), parser.single())

    def select(self, context: Any = None) -> Iterator[Item]:
        context = self.context(context)
        value = self._value(self[0], context)
        return self._chosen(value, context).select(context)

    def _chosen(self, value: Item, context: QueryContext) -> XPathToken:
        for case in self.cases[:-1]:
            if any(same(value, self._value(operand, context)) for operand in case.operands):
                return case.result
        return self.cases[-1].result

    def _value(self, expression: XPathToken, context: QueryContext) -> Item:
        values = atomized(expression, context)
        if len(values) > 1:
            raise self.error("XPTY0004", "switch compares single values")
        return values[0] if values else None


@dataclass(frozen=True, slots=True)
class TypeCase:
    """One branch of ``typeswitch``; no types is the default."""

    types: tuple[SequenceType, ...]
    variable: str | None
    result: XPathToken


class TypeSwitch(QueryToken):
    """``typeswitch (operand) case $v as T | U return … default $v return …``."""

    symbol = lookup_name = "typeswitch"
    label = "expression"
    cases: tuple[TypeCase, ...] = ()

    def nud(self) -> XPathToken:
        operand = _in_parentheses(self.parser)
        self.cases = tuple(self._cases(self.parser))
        self._items[:] = [operand, *(case.result for case in self.cases)]
        return self

    @classmethod
    def _cases(cls, parser: XQueryParser) -> Iterator[TypeCase]:
        parser.advance_word("case")
        more = True
        while more:
            yield cls._case(parser)
            more = parser.advance_word("case", "default") == "case"
        variable = _optional_variable(parser)
        yield TypeCase((), variable, _result(parser, variable))

    @staticmethod
    def _case(parser: XQueryParser) -> TypeCase:
        variable = _optional_variable(parser)
        if variable is not None:
            parser.advance("as")
        types = [read_type(parser)]
        while parser.next_token.symbol == "|":
            parser.advance()
            types.append(read_type(parser))
        return TypeCase(tuple(types), variable, _result(parser, variable))

    def select(self, context: Any = None) -> Iterator[Item]:
        context = self.context(context)
        items = sequence(self[0], context)
        for case in self.cases:
            if not case.types or any(t.matches(items) for t in case.types):
                if case.variable is not None:
                    context = with_variables(
                        context, {**variables_of(context), case.variable: items}
                    )
                return case.result.select(context)
        raise AssertionError("typeswitch always has a default")


@dataclass(frozen=True, slots=True)
class Catch:
    """One catch clause; a None in ``codes`` stands for any part of the name."""

    codes: tuple[tuple[str | None, str | None], ...]
    result: XPathToken

    def takes(self, namespace: str, local: str) -> bool:
        """Tell whether this clause is for an error."""
        return any(ns in (None, namespace) and name in (None, local) for ns, name in self.codes)


class Try(QueryToken):
    """``try { … } catch * { … }``."""

    symbol = lookup_name = "try"
    label = "expression"
    catches: tuple[Catch, ...] = ()

    def nud(self) -> XPathToken:
        body = self.parser.enclosed()
        self.parser.advance_word("catch")
        catches = [self._catch(self.parser)]
        while self.parser.at_word("catch"):
            self.parser.advance()
            catches.append(self._catch(self.parser))
        self.catches = tuple(catches)
        self._items[:] = [body, *(catch.result for catch in catches)]
        return self

    @staticmethod
    def _catch(parser: XQueryParser) -> Catch:
        codes = [_error_test(parser)]
        while parser.next_token.symbol == "|":
            parser.advance()
            codes.append(_error_test(parser))
        with parser.binding(*ERROR_VARIABLES):
            return Catch(tuple(codes), parser.enclosed())

    def select(self, context: Any = None) -> Iterator[Item]:
        context = self.context(context)
        try:
            return iter(sequence(self[0], context))
        except ElementPathError as fault:
            return self._caught(fault, context)

    def _caught(self, fault: ElementPathError, context: QueryContext) -> Iterator[Item]:
        code = _code(fault, self.parser.namespaces)
        for catch in self.catches:
            if catch.takes(code.namespace or "", code.local_name):
                values = [[code], [fault.message], getattr(fault, "items", []), [], [], [], []]
                variables = dict(zip(ERROR_VARIABLES, values, strict=True))
                inner = with_variables(context, {**variables_of(context), **variables})
                return catch.result.select(inner)
        raise fault


def _code(fault: ElementPathError, namespaces: dict[str, str]) -> QName:
    if isinstance(fault, RaisedError):
        return fault.name
    prefix, _, local = (fault.code or "err:FOER0000").rpartition(":")
    return QName(namespaces.get(prefix, XQT_ERRORS_NAMESPACE), f"err:{local}")


def _error_test(parser: XQueryParser) -> tuple[str | None, str | None]:
    if parser.next_token.symbol == "*":
        parser.advance()
        if not (parser.next_token.symbol == ":" and parser.next_token.lbp):
            return None, None
        parser.advance()
        return None, str(parser.advance("(name)").value)
    if parser.next_token.symbol == "Q{":
        uri = str(parser.advance().value)
        return uri, None if parser.advance("(name)", "*").symbol == "*" else str(parser.token.value)
    if parser.next_token.symbol == "(name)" and parser.source.startswith(
        ":*", parser.next_token.span[1]
    ):
        prefix = parser.advance()
        parser.advance()
        parser.advance("*")
        return parser.resolve(str(prefix.value), prefix.span), None
    namespace, _, local = parser.read_name("").rpartition("}")
    return namespace.removeprefix("{"), local


def _in_parentheses(parser: XQueryParser) -> XPathToken:
    parser.advance("(")
    expression = parser.expression()
    parser.advance(")")
    return expression


def _optional_variable(parser: XQueryParser) -> str | None:
    if parser.next_token.symbol != "$":
        return None
    parser.advance()
    return parser.read_name("")


def _result(parser: XQueryParser, variable: str | None) -> XPathToken:
    parser.advance("return")
    with parser.binding(*(() if variable is None else (variable,))):
        return parser.single()


class Ordered(QueryToken):
    """``ordered { … }`` and ``unordered { … }``: both are their content."""

    symbol = lookup_name = "ordered"
    label = "expression"

    def nud(self) -> XPathToken:
        self._items[:] = (self.parser.enclosed(),)
        return self

    def select(self, context: Any = None) -> Iterator[Item]:
        return self[0].select(context)


class Validate(QueryToken):
    """``validate { … }``: refused."""

    symbol = lookup_name = "validate"

    def nud(self) -> XPathToken:
        reason = "A filter validates nothing; events are valid when they arrive"
        raise self.parser.unsupported(reason, self.span)


TOKENS: Final[dict[str, type[XPathToken]]] = {
    "switch": Switch,
    "typeswitch": TypeSwitch,
    "try": Try,
    "ordered": Ordered,
    "validate": Validate,
}
