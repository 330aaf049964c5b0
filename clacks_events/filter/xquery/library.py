"""The functions of the library: which token a name and a number of arguments stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from elementpath.namespaces import XPATH_FUNCTIONS_NAMESPACE, XSD_NAMESPACE
from elementpath.xpath_tokens import XPathFunction

from clacks_events.errors import FilterTypeError

if TYPE_CHECKING:
    from clacks_events.filter.xquery.parser import XQueryParser

__all__ = ["Name", "Span", "is_library", "library_token", "unknown"]

Span = tuple[int, int]
Name = tuple[str, str]
"""Namespace and local name."""

_ARITY: Final[dict[str, tuple[int, int]]] = {
    "boolean": (1, 1),
    "string": (0, 1),
    "QName": (2, 2),
    "dateTime": (2, 2),
    "error": (0, 3),
}
_FOCUS_WITHOUT: Final = {"lang": 1, "id": 1, "idref": 1, "element-with-id": 1}


def is_library(parser: XQueryParser, namespace: str) -> bool:
    return namespace in parser.library_namespaces


def library_token(parser: XQueryParser, name: Name, arity: int, span: Span) -> XPathFunction:
    namespace, local = name
    label = "constructor function" if namespace == XSD_NAMESPACE else "function"
    token_class = _library_class(parser, name, label)
    if token_class is None or not _accepts(token_class, name, arity):
        raise unknown(parser, arity, span)
    token = token_class(parser)
    token.label, token.namespace, token.span = label, namespace, span
    token.name = f"{{{namespace}}}{local}"
    if namespace == XPATH_FUNCTIONS_NAMESPACE:
        token.__dict__["defaults_to_focus"] = _defaults_to_focus(local, token_class.nargs, arity)
    return token


def _library_class(parser: XQueryParser, name: Name, label: str) -> type[XPathFunction] | None:
    namespace, local = name
    for key in (f"{{{namespace}}}{local}", local):
        found = parser.symbol_table.get(key)
        if found is None or not issubclass(found, XPathFunction) or found.label != label:
            continue
        if found.namespace in (None, namespace):
            return found
    return None


def _accepts(token_class: type[XPathFunction], name: Name, arity: int) -> bool:
    if name[0] == XSD_NAMESPACE:
        return arity == 1
    bounds: Any = token_class.nargs
    if name[0] == XPATH_FUNCTIONS_NAMESPACE:
        bounds = _ARITY.get(name[1], bounds)
    if isinstance(bounds, int):
        return arity == bounds
    if bounds is None:
        return arity > 0
    return bool(bounds[0] <= arity and (bounds[1] is None or arity <= bounds[1]))


def _defaults_to_focus(local: str, nargs: Any, arity: int) -> bool:
    if local in ("position", "last"):
        return True
    if arity == 0:
        return isinstance(nargs, tuple) and local != "error"
    return _FOCUS_WITHOUT.get(local) == arity


def unknown(parser: XQueryParser, arity: int, span: Span) -> FilterTypeError:
    shown = parser.source[slice(*span)]
    reason = f"There is no function {shown} with {arity} argument{'' if arity == 1 else 's'}"
    return parser.type_error(reason, span, "XPST0017")
