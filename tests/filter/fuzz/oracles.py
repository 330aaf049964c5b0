"""Two engines that nobody here wrote: Saxon for XQuery, elementpath for XPath.

A verdict is ``T``, ``F``, or the code of the error. Saxon may also refuse a query as a whole
for a fault that it is sure of; that is ``S`` for each event.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import elementpath
import saxonche
from elementpath.xpath31 import XPath31Parser
from lxml import etree

from clacks_events.event import HeaderValue
from tests.filter.fuzz.samples import QuerySample
from tests.filter.fuzz.schemas import NAMESPACES

__all__ = ["Elementpath", "Saxon"]

_FUNCTIONS: Final = "http://www.w3.org/2005/xpath-functions"
_CODEPOINT: Final = f"{_FUNCTIONS}/collation/codepoint"
_ERRORS: Final = "http://www.w3.org/2005/xqt-errors"
_LIBRARY_FAULTS: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    RecursionError,
)
_JUDGED: Final = """
try {{ if (fn:boolean((
{}
))) then 'T' else 'F' }} catch * {{ fn:local-name-from-QName($err:code) }}"""
_FOR_EACH: Final = "declare variable $fuzz external; for $fuzz in $fuzz return $fuzz ! ({})"


class Saxon:
    """SaxonC-HE as an XQuery processor."""

    def __init__(self) -> None:
        self._processor: Any = saxonche.PySaxonProcessor(license=False)
        self._engine: Any = self._processor.new_xquery_processor()
        for prefix in ("map", "array", "math"):
            self._engine.declare_namespace(prefix, f"{_FUNCTIONS}/{prefix}")
        self._engine.declare_namespace("err", _ERRORS)
        for prefix, uri in NAMESPACES.items():
            self._engine.declare_namespace(prefix, uri)

    def documents(self, texts: Sequence[str]) -> Any:
        """Parse some events for any number of queries."""
        found = self._processor.empty_sequence()
        for text in texts:
            found.add_xdm_item(self._processor.parse_xml(xml_text=text))
        return found

    def verdicts(self, query: QuerySample, documents: Any) -> list[str]:
        """Judge a query for each of some documents."""
        if query.is_doomed:
            return ["XPDY0002"] * documents.size
        query = query.without_schema()
        self._engine.clear_parameters()
        for name, value in query.values().items():
            self._engine.set_parameter(name, self._value(value))
        prolog = query.declared
        judged = _JUDGED.format(query.body)
        if "declare variable $g" in prolog:
            # A global variable sees the context item of the query, not that of an expression.
            return [
                self._alone(prolog + judged, documents.item_at(at)) for at in range(documents.size)
            ]
        self._engine.set_parameter("fuzz", documents)
        try:
            found = self._engine.run_query_to_value(query_text=prolog + _FOR_EACH.format(judged))
        except saxonche.PySaxonApiError:
            return ["S"] * documents.size
        return [str(found.item_at(at)) for at in range(found.size)]

    def _alone(self, text: str, document: Any) -> str:
        self._engine.set_context(xdm_item=document)
        try:
            return str(self._engine.run_query_to_value(query_text=text))
        except saxonche.PySaxonApiError as fault:
            return "E" if " evaluating " in str(fault) else "S"

    def _value(self, value: HeaderValue) -> Any:
        make = self._processor
        if isinstance(value, bool):
            return make.make_boolean_value(value)
        if isinstance(value, int):
            return make.make_integer_value(value)
        if isinstance(value, float):
            return make.make_double_value(value)
        assert isinstance(value, str)
        return make.make_string_value(value)


class Elementpath:
    """elementpath's own XPath 3.1, without any of our tokens."""

    def verdict(self, query: QuerySample, document: etree._ElementTree) -> str:
        """Judge a query that is XPath for a document."""
        if query.is_doomed:
            return "XPDY0002"
        try:
            selector: Any = elementpath.Selector(
                f"boolean(({query.body}))",
                dict(NAMESPACES),
                XPath31Parser,
                default_collation=_CODEPOINT,  # a collation of a locale can hang the process
            )
            variables: Any = {h.name: h.value for h in query.headers if h.value is not None}
            for header in query.headers:
                if header.value is None and header.default is not None:
                    variables[header.name] = {"'busy'": "busy", "5": 5}[header.default]
            return "FT"[bool(selector.select(document, variables=variables))]
        except elementpath.ElementPathError as fault:
            return (fault.code or "E").rpartition(":")[2]
        except _LIBRARY_FAULTS as fault:
            return f"?{type(fault).__name__}"
