"""XQuery text to a query that can be evaluated, on top of elementpath.

This is the only room that imports elementpath. Importing it takes as long as that does, so it
is imported when the first query is parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final

from elementpath.exceptions import ElementPathError

from clacks_events.errors import (
    EvaluationError,
    FilterError,
    FilterSyntaxError,
    FilterTypeError,
    UnsupportedFilter,
)
from clacks_events.filter.xquery.faults import LIBRARY_FAULTS
from clacks_events.filter.xquery.nodes import to_module
from clacks_events.filter.xquery.parser import DEEPEST, XQueryParser
from clacks_events.filter.xquery.prolog import read_prolog
from clacks_events.filter.xquery.query import External, Query, Wrapped, wrap
from clacks_events.filter.xquery.safety import check_characters
from clacks_events.filter.xquery.schema_types import SchemaTypes

__all__ = [
    "EvaluationError",
    "External",
    "Query",
    "Wrapped",
    "parse_query",
    "to_module",
    "wrap",
]

LONGEST: Final = 64 * 1024
"""How many bytes of UTF-8 a query may have."""


def parse_query(
    text: str,
    namespaces: Mapping[str, str] | None = None,
    derived: Callable[[str], Collection[str]] | None = None,
    schema_types: SchemaTypes | None = None,
) -> Query:
    """Parse a query.

    ``namespaces`` adds prefixes to the predeclared ones; the query's own declarations win.
    ``derived`` maps the Clark name of an element to the names that may stand for it, for
    ``schema-element()``; ``schema_types`` knows the types for ``element(*, type)``. Raises
    FilterSyntaxError, FilterTypeError or UnsupportedFilter.
    """
    if len(text) > LONGEST or len(text.encode("utf-8", "surrogatepass")) > LONGEST:
        raise UnsupportedFilter(f"A query has at most {LONGEST} bytes", text, (0, 1))
    check_characters(text)
    parser = XQueryParser(text, namespaces, derived, schema_types)
    try:
        return _parsed(parser)
    except FilterError:
        raise
    except ElementPathError as fault:
        raise _converted(fault, parser) from fault
    except RecursionError as fault:
        raise parser.too_deep(parser.token.span) from fault
    except LIBRARY_FAULTS as fault:
        # elementpath's tokens trip over some malformed texts in their own ways.
        reason = f"The query cannot be read ({type(fault).__name__})"
        raise parser.syntax_error(reason, parser.token.span) from fault


def _parsed(parser: XQueryParser) -> Query:
    parser.begin()
    variables = read_prolog(parser)
    body = parser.expression()
    if parser.next_token.symbol != "(end)":
        raise parser.unexpected()
    if body.symbol == "?" and not body._items:
        raise parser.syntax_error("A ? can only stand for an argument", body.span)
    if parser.declared.check(parser) + getattr(body, "height", 1) > DEEPEST:
        raise parser.too_deep(body.span)
    parser.end()
    return Query(parser, variables, body)


def _converted(fault: ElementPathError, parser: XQueryParser) -> FilterError:
    code = (fault.code or "XPST0003").rpartition(":")[2]
    token = parser.token if fault.token is None else fault.token
    reason = f"{fault.message[:1].upper()}{fault.message[1:]} [{code}]"
    kind = FilterSyntaxError if code == "XPST0003" else FilterTypeError
    return kind(reason, parser.source, token.span)
