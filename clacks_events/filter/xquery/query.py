"""A parsed query and its evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, cast

from elementpath.datatypes import Timezone
from elementpath.exceptions import ElementPathError
from elementpath.tree_builders import get_node_tree
from elementpath.xpath_nodes import DocumentNode
from elementpath.xpath_tokens import XPathToken
from lxml import etree

from clacks_events.errors import EvaluationError
from clacks_events.event import HeaderValue
from clacks_events.filter.xquery.atomic import header_value
from clacks_events.filter.xquery.base import QueryContext, Sequence, sequence
from clacks_events.filter.xquery.declared import UserFunction
from clacks_events.filter.xquery.faults import LIBRARY_FAULTS
from clacks_events.filter.xquery.library import Name
from clacks_events.filter.xquery.parser import XQueryParser
from clacks_events.filter.xquery.prolog import Variable
from clacks_events.filter.xquery.text_content import mend

__all__ = ["External", "Query", "Wrapped", "wrap"]

_UTC: Final = Timezone.fromstring("Z")


@dataclass(frozen=True, slots=True)
class External:
    """A variable that takes its value from the header of the same name."""

    name: str
    type: str | None
    has_default: bool


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A document in the form that queries work on; of use to one thread at a time."""

    node: DocumentNode


def wrap(document: etree._ElementTree) -> Wrapped:
    """Prepare a document for any number of queries."""
    node = cast(DocumentNode, get_node_tree(cast(Any, document)))
    mend(node)
    return Wrapped(node)


class Query:
    """A query that has been parsed; immutable, and usable from many threads at once."""

    __slots__ = (
        "_parser",
        "body",
        "default_namespace",
        "externals",
        "namespaces",
        "text",
        "variables",
    )

    text: str
    namespaces: Mapping[str, str]
    externals: tuple[External, ...]
    body: XPathToken
    default_namespace: str
    variables: tuple[Variable, ...]
    _parser: XQueryParser

    def __init__(
        self, parser: XQueryParser, variables: tuple[Variable, ...], body: XPathToken
    ) -> None:
        put = super().__setattr__
        put("text", parser.source)
        put("namespaces", MappingProxyType(dict(parser.namespaces)))
        put("externals", tuple(_external(v) for v in variables if v.external))
        put("body", body)
        put("default_namespace", parser.default_namespace or "")
        put("_parser", parser)
        put("variables", tuple(v for v in variables if v.external or v.name in parser.used))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Query cannot be changed: {name}")

    @property
    def typed_spans(self) -> tuple[tuple[int, int], ...]:
        """Where the text asks for types of a schema."""
        return tuple(self._parser.typed_spans)

    def function(self, name: Name, arity: int) -> UserFunction:
        """Return a function that the query declares."""
        return self._parser.declared.functions[name, arity]

    def __repr__(self) -> str:
        return f"Query({self.text!r})"

    def evaluate(self, document: etree._ElementTree, headers: Mapping[str, HeaderValue]) -> bool:
        """Tell whether the query holds for a document: its effective boolean value.

        Raises EvaluationError for every dynamic error.
        """
        return self.evaluate_wrapped(wrap(document), headers)

    def evaluate_wrapped(self, wrapped: Wrapped, headers: Mapping[str, HeaderValue]) -> bool:
        """Tell the same for a document that was wrapped before."""
        try:
            context = QueryContext(root=wrapped.node, timezone=_UTC, default_language="en")
            context.globals = {}
            for variable in self.variables:
                context.globals[variable.name] = self._value(variable, context, headers)
            context.variables = cast(dict[str, Any], context.globals)
            return self.body.boolean_value(self.body.select(context))
        except ElementPathError as fault:
            raise EvaluationError(fault.message, (fault.code or "").rpartition(":")[2]) from fault
        except RecursionError as fault:
            raise EvaluationError("the query needs too much stack") from fault
        except LIBRARY_FAULTS as fault:
            # A value that elementpath did not expect: still only this event that does not match.
            raise EvaluationError(f"{type(fault).__name__}: {fault}") from fault

    def _value(
        self, variable: Variable, context: QueryContext, headers: Mapping[str, HeaderValue]
    ) -> Sequence:
        header = headers.get(variable.name) if variable.external else None
        if header is not None:
            items = [header_value(header)]
        elif variable.expression is not None:
            context.variables = cast(dict[str, Any], context.globals)
            items = sequence(variable.expression, context)
        else:
            raise EvaluationError(f"the header {variable.name} is missing", "XPDY0002")
        if variable.type is not None:
            variable.type.check(items, self.body)
        return items


def _external(variable: Variable) -> External:
    declared = None if variable.type is None else variable.type.text
    return External(variable.name, declared, variable.expression is not None)
