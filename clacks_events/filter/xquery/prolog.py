"""The part of a query before its body (XQuery 3.1 §4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from elementpath.namespaces import XML_NAMESPACE, XMLNS_NAMESPACE
from elementpath.xpath_tokens import XPathToken

from clacks_events.filter.xquery.calls import FunctionName
from clacks_events.filter.xquery.declared import UserFunction, read_signature
from clacks_events.filter.xquery.flwor import read_collation
from clacks_events.filter.xquery.sequence_type import SequenceType, read_type

if TYPE_CHECKING:
    from clacks_events.filter.xquery.parser import XQueryParser

__all__ = ["Variable", "read_prolog"]

_DECLARATION: Final = re.compile(
    r"base-uri|boundary-space|construction|context|copy-namespaces|decimal-format|default|"
    r"function|namespace|option|ordering|updating|variable|%"
)
_VERSIONS: Final = frozenset(("1.0", "3.0", "3.1"))
_FORMAT_PROPERTIES: Final = frozenset(
    [
        "decimal-separator",
        "grouping-separator",
        "exponent-separator",
        "infinity",
        "minus-sign",
        "NaN",
        "percent",
        "per-mille",
        "zero-digit",
        "digit",
        "pattern-separator",
    ]
)


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the prolog; an external one may have a default expression."""

    name: str
    type: SequenceType | None
    external: bool
    expression: XPathToken | None


def read_prolog(parser: XQueryParser) -> tuple[Variable, ...]:
    """Read the version, the setters and the declarations at the start of a query."""
    _version(parser)
    reader = _Prolog(parser)
    while reader.next():
        parser.advance(";")
    return tuple(reader.variables)


def _version(parser: XQueryParser) -> None:
    if not (parser.at_word("xquery") and parser.peek(re.compile("version|encoding"))):
        return
    parser.advance()
    if parser.advance_word("version", "encoding") == "version":
        version = parser.advance("(string)")
        if version.value not in _VERSIONS:
            reason = f"XQuery {version.value} is not known here, write 3.1 [XQST0031]"
            raise parser.unsupported(reason, version.span)
        if parser.at_word("encoding"):
            parser.advance()
            parser.advance("(string)")
    else:
        parser.advance("(string)")
    parser.advance(";")


class _Prolog:
    """Reads one declaration after the other."""

    def __init__(self, parser: XQueryParser) -> None:
        self.parser = parser
        self.variables: list[Variable] = []
        self._set: set[str] = set()
        self._in_second_part = False
        self._readers: dict[str, Callable[[], None]] = {
            "variable": self._variable,
            "function": self._function,
            "namespace": self._namespace,
            "default": self._default,
            "option": self._option,
            "decimal-format": self._decimal_format,
            "base-uri": self._base_uri,
            "copy-namespaces": self._copy_namespaces,
        }

    def next(self) -> bool:
        """Read a declaration, if there is one."""
        parser = self.parser
        self._refuse_modules()
        if not (parser.at_word("declare") and (match := parser.peek(_DECLARATION))):
            return False
        parser.advance()
        word, span = match.group(), match.span()
        if word in ("context", "updating", "%"):
            raise parser.unsupported(_REFUSED[word], span)
        if parser.next_token.symbol != "(name)":
            raise parser.unexpected("a declaration")
        self._check_order(word, span)
        parser.advance()
        self._readers.get(word, lambda: self._setter(word, span))()
        return True

    def _refuse_modules(self) -> None:
        parser = self.parser
        for word, follow in (("import", "schema|module"), ("module", "namespace")):
            if parser.at_word(word) and parser.peek(re.compile(follow)):
                reason = "A filter is one text without modules and imports"
                raise parser.unsupported(reason, parser.next_token.span)

    def _check_order(self, word: str, span: tuple[int, int]) -> None:
        second = word in ("variable", "function", "option")
        if self._in_second_part and not second:
            reason = f"declare {word} comes before all variables, functions and options"
            raise self.parser.syntax_error(reason, span)
        self._in_second_part = self._in_second_part or second

    def _setter(self, word: str, span: tuple[int, int]) -> None:
        self._once(word, span)
        self.parser.advance_word(*_SETTINGS[word])

    def _once(self, what: str, span: tuple[int, int], code: str = "XPST0003") -> None:
        if what in self._set:
            raise self.parser.syntax_error(f"{what} is set twice", span, _TWICE.get(what, code))
        self._set.add(what)

    def _copy_namespaces(self) -> None:
        self._once("copy-namespaces", self.parser.token.span)
        self.parser.advance_word("preserve", "no-preserve")
        self.parser.advance(",")
        self.parser.advance_word("inherit", "no-inherit")

    def _base_uri(self) -> None:
        self._once("base-uri", self.parser.token.span)
        self.parser.base_uri = str(self.parser.advance("(string)").value)

    def _option(self) -> None:
        # Options of other processors are ignored, as §4.19 asks for.
        self.parser.read_name("http://www.w3.org/2012/xquery")
        self.parser.advance("(string)")

    def _namespace(self) -> None:
        parser = self.parser
        prefix = parser.advance("(name)")
        parser.advance("=")
        uri = parser.advance("(string)")
        self._once(f"The prefix {prefix.value}", prefix.span, "XQST0033")
        namespace = " ".join(str(uri.value).split())
        if prefix.value in ("xml", "xmlns") or namespace in (XML_NAMESPACE, XMLNS_NAMESPACE):
            raise parser.syntax_error("xml and xmlns cannot be declared", prefix.span, "XQST0070")
        parser.namespaces[str(prefix.value)] = namespace
        if not namespace:
            del parser.namespaces[str(prefix.value)]

    def _default(self) -> None:
        parser = self.parser
        kind = parser.advance_word("element", "function", "collation", "order", "decimal-format")
        self._once(f"default {kind}", parser.token.span)
        if kind == "collation":
            read_collation(parser)
        elif kind == "order":
            parser.advance_word("empty")
            parser.empty_greatest = parser.advance_word("greatest", "least") == "greatest"
        elif kind == "decimal-format":
            self._format(None)
        else:
            parser.advance_word("namespace")
            uri = " ".join(str(parser.advance("(string)").value).split())
            self._default_namespace(kind, uri)

    def _default_namespace(self, kind: str, uri: str) -> None:
        if kind == "function":
            self.parser.default_functions = uri
        else:
            self.parser.default_namespace = self.parser.namespaces[""] = uri

    def _decimal_format(self) -> None:
        start = self.parser.next_token.span[0]
        name = self.parser.read_name("")
        self._once(f"The decimal format {name}", (start, self.parser.token.span[1]), "XQST0111")
        self._format(name)

    def _format(self, name: str | None) -> None:
        parser = self.parser
        known = dict(parser.decimal_formats[None])
        while parser.at_word(*_FORMAT_PROPERTIES):
            key = str(parser.advance().value)
            parser.advance("=")
            known[key] = str(parser.advance("(string)").value)
        parser.decimal_formats = {**parser.decimal_formats, name: known}

    def _variable(self) -> None:
        parser = self.parser
        start = parser.advance("$").span[0]
        name = parser.read_name("")
        span = start, parser.token.span[1]
        if any(variable.name == name for variable in self.variables):
            shown = parser.source[slice(*span)]
            raise parser.syntax_error(f"{shown} is declared twice", span, "XQST0049")
        declared = None
        if parser.at("as"):
            parser.advance()
            declared = read_type(parser)
        external = parser.at_word("external")
        if external:
            parser.advance()
        expression = None
        if not external or parser.next_token.symbol == ":=":
            parser.advance(":=")
            expression = parser.single()
        self.variables.append(Variable(name, declared, external, expression))
        parser.scope |= {name}

    def _function(self) -> None:
        parser = self.parser
        if not isinstance(parser.next_token, FunctionName):
            raise parser.unexpected("the name of a function")
        token = parser.advance()
        assert isinstance(token, FunctionName)
        name = token.resolved()
        self._check_name(name, token)
        parameters, result = read_signature(parser)
        if parser.at_word("external"):
            raise parser.unsupported("A filter has no external functions", parser.next_token.span)
        function = UserFunction(name, parameters, result, token.span)
        if parser.declared.functions.setdefault((name, len(parameters)), function) is not function:
            reason = f"The function {token.value} is declared twice"
            raise parser.syntax_error(reason, token.span, "XQST0034")
        parser.declared.caller = function
        with parser.binding(*(name for name, _ in parameters)), parser.focused(False):
            function.body = parser.enclosed()
        parser.declared.caller = None

    def _check_name(self, name: tuple[str, str], token: XPathToken) -> None:
        if not name[0]:
            reason = "A function is declared with a prefix, such as local:"
            raise self.parser.syntax_error(reason, token.span, "XQST0060")
        if name[0] in self.parser.library_namespaces:
            reason = "A function cannot be declared in this namespace, use local:"
            raise self.parser.syntax_error(reason, token.span, "XQST0045")


_SETTINGS: Final = {
    "boundary-space": ("preserve", "strip"),
    "construction": ("preserve", "strip"),
    "ordering": ("ordered", "unordered"),
}
_TWICE: Final = {
    "boundary-space": "XQST0068",
    "base-uri": "XQST0032",
    "construction": "XQST0067",
    "ordering": "XQST0065",
    "copy-namespaces": "XQST0055",
    "default collation": "XQST0038",
    "default order": "XQST0069",
    "default element": "XQST0066",
    "default function": "XQST0066",
}
_REFUSED: Final = {
    "context": "The context item is always the document node of the event",
    "updating": "A filter changes nothing",
    "%": "Annotations have no meaning in a filter",
}
