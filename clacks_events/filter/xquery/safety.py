"""Functions that reach outside the event, and collations: refused before anything runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from elementpath.collations import UNICODE_CODEPOINT_COLLATION
from elementpath.namespaces import XPATH_FUNCTIONS_NAMESPACE
from elementpath.xpath_tokens import XPathToken

from clacks_events.errors import FilterSyntaxError

if TYPE_CHECKING:
    from clacks_events.filter.xquery.parser import XQueryParser

__all__ = ["check_call", "check_characters", "check_reference"]

_OUTSIDE: Final = "reaches outside of the event"
_REFUSED: Final = {
    **dict.fromkeys(
        [
            "available-environment-variables",
            "collection",
            "doc",
            "doc-available",
            "environment-variable",
            "json-doc",
            "put",
            "unparsed-text",
            "unparsed-text-available",
            "unparsed-text-lines",
            "uri-collection",
        ],
        _OUTSIDE,
    ),
    "function-lookup": "finds functions by name while matching; name the function instead",
    "load-xquery-module": "loads code",
    "random-number-generator": "gives other results for the same event",
    "trace": "writes to a log; a filter only decides",
    "transform": "runs a stylesheet",
}
# The place of the collation among the arguments, from 0.
_COLLATION: Final = {
    **dict.fromkeys(("collation-key", "distinct-values", "max", "min", "sort"), 1),
    **dict.fromkeys(
        [
            "compare",
            "contains",
            "contains-token",
            "deep-equal",
            "ends-with",
            "index-of",
            "starts-with",
            "substring-after",
            "substring-before",
        ],
        2,
    ),
}
# Options of this function can ask for a schema, which is read from a file.
_WITH_SCHEMA: Final = "json-to-xml"
_NO_CHARACTER: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PLACES: Final = {XPATH_FUNCTIONS_NAMESPACE, "http://www.w3.org/2005/xpath-functions/array"}


def check_characters(text: str) -> None:
    """Raise FilterSyntaxError for a character that XML does not have.

    No event contains it, and a surrogate half could not even be sent to a broker.
    """
    if match := _NO_CHARACTER.search(text):
        reason = f"The character {match.group()!r} is not one of XML [XPST0003]"
        raise FilterSyntaxError(reason, text, match.span())


def check_call(
    parser: XQueryParser,
    namespace: str,
    local: str,
    arguments: Sequence[XPathToken | None],
    span: tuple[int, int],
) -> None:
    """Raise UnsupportedFilter for a call that may not be made.

    A locale collation can hang the process in elementpath, so the collation must be seen to be
    the codepoint collation: the literal, or ``default-collation()``.
    """
    _check_name(parser, namespace, local, len(arguments), span)
    place = _collation(namespace, local)
    if place is None or len(arguments) <= place:
        return
    argument = arguments[place]
    if argument is None or not _is_codepoint(argument, local):
        where = span if argument is None else argument.span
        raise parser.unsupported("Only the codepoint collation may be used", where)


def check_reference(
    parser: XQueryParser, namespace: str, local: str, arity: int, span: tuple[int, int]
) -> None:
    """Raise UnsupportedFilter for a function item that could do what a call may not."""
    _check_name(parser, namespace, local, arity, span)
    place = _collation(namespace, local)
    if place is not None and arity > place:
        raise parser.unsupported("Only the codepoint collation may be used", span)


def _check_name(
    parser: XQueryParser, namespace: str, local: str, arity: int, span: tuple[int, int]
) -> None:
    if namespace != XPATH_FUNCTIONS_NAMESPACE:
        return
    if local in _REFUSED:
        raise parser.unsupported(f"The function {local}() {_REFUSED[local]}", span)
    if local == _WITH_SCHEMA and arity > 1:
        raise parser.unsupported(f"{local}() has no options: it would read a schema", span)


def _collation(namespace: str, local: str) -> int | None:
    return _COLLATION.get(local) if namespace in _PLACES else None


def _is_codepoint(argument: XPathToken, local: str) -> bool:
    if argument.symbol == "(string)":
        return argument.value == UNICODE_CODEPOINT_COLLATION
    if argument.symbol == "(" and not argument._items:
        return local == "sort"
    return argument.symbol == "default-collation"
