"""The parser: elementpath's XPath 3.1 parser with our lexer, scopes, limits and tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Final, cast

from elementpath.collations import UNICODE_CODEPOINT_COLLATION
from elementpath.namespaces import XPATH_FUNCTIONS_NAMESPACE
from elementpath.xpath31 import XPath31Parser
from elementpath.xpath_tokens import NameToken, XPathToken

from clacks_events.errors import FilterError, FilterSyntaxError, FilterTypeError, UnsupportedFilter
from clacks_events.filter.xquery.declared import Declarations
from clacks_events.filter.xquery.expressions import TOKENS
from clacks_events.filter.xquery.lexer import WORD_OPERATORS, Lexeme, Scanner
from clacks_events.filter.xquery.schema_types import SchemaTypes

__all__ = ["DEEPEST", "XQueryParser"]

DEEPEST: Final = 200
"""How deep expressions may be nested; evaluation takes about three frames for each level."""

_LOCAL: Final = "http://www.w3.org/2005/xquery-local-functions"
_EVENTS: Final = "http://www.gonicus.de/Events"

# In the place of an operator a name can only be one of these (XQuery 3.1 §A.2.2).
_OPERATORS: Final = WORD_OPERATORS | {"instance", "treat", "castable", "cast"}
_NEEDS_FOCUS: Final = frozenset((".", "..", "@", "(name)", ":", "Q{", "/", "//"))

_SHOWN: Final = {"(name)": "a name", "(string)": "a string", "(integer)": "a whole number"}

Derived = Callable[[str], Collection[str]]


class XQueryParser(XPath31Parser):
    """Parse one query; a parser is used once and then only read, by any number of threads."""

    DEFAULT_NAMESPACES: ClassVar[dict[str, str]] = {
        **XPath31Parser.DEFAULT_NAMESPACES,
        "local": _LOCAL,
        "e": _EVENTS,
    }
    library_namespaces: ClassVar[frozenset[str]] = frozenset(
        XPath31Parser.DEFAULT_NAMESPACES[prefix] for prefix in ("fn", "xs", "math", "map", "array")
    )
    tokenizer = XPath31Parser.tokenizer

    def __init__(
        self,
        text: str,
        namespaces: Mapping[str, str] | None = None,
        derived: Derived | None = None,
        schema_types: SchemaTypes | None = None,
    ) -> None:
        super().__init__(
            namespaces=dict(namespaces or {}),
            default_collation=UNICODE_CODEPOINT_COLLATION,
            xsd_version="1.1",
        )
        self.source = text
        self.derived = derived
        self.schema_types = schema_types
        self.typed_spans: list[tuple[int, int]] = []
        self.declared = Declarations()
        self.empty_greatest = False
        self.scope: frozenset[str] = frozenset()
        self.has_focus = True
        self.used: set[str] = set()
        self.default_functions = XPATH_FUNCTIONS_NAMESPACE
        self._scanner = Scanner(text)
        self._depth = 0

    def begin(self) -> None:
        """Load the first token."""
        self._load(self._scanner.next())
        if self.next_token.symbol == "(end)":
            raise self.syntax_error("The query is empty", (0, 1))

    def end(self) -> None:
        """Forget what is only needed for parsing."""
        self.next_match = None
        self.token = self.next_token = self._start_token

    # Reading tokens

    # ``message`` belongs to elementpath's signatures; our errors name what was expected.
    def advance(self, *symbols: str, message: str | None = None) -> XPathToken:  # noqa: ARG002
        """Take the next token, which must be one of the symbols if any are given."""
        if symbols and not self.at(*symbols):
            raise self.unexpected(_wanted(symbols))
        if self.next_token.symbol == "(end)":
            raise self.unexpected()
        self.token = self.next_token
        self._load(self._scanner.next())
        return self.token

    def at(self, *symbols: str) -> bool:
        """Tell whether the next token is one of the symbols; a name becomes that keyword."""
        if self.next_token.symbol in symbols:
            return True
        if isinstance(self.next_token, NameToken) and self.next_token.value in symbols:
            self._turn_into_keyword()
            return True
        return False

    def at_word(self, *words: str) -> bool:
        """Tell whether the next token is one of these names."""
        return isinstance(self.next_token, NameToken) and self.next_token.value in words

    def advance_word(self, *words: str) -> str:
        """Take the next token, which must be one of these names."""
        if not self.at_word(*words):
            raise self.unexpected(_wanted(words))
        return str(self.advance().value)

    def peek(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Match what follows the next token."""
        return pattern.match(self.source, self._scanner.skip(self._scanner.position))

    def constructor_text(self) -> tuple[str, bool]:
        """Read text of a string constructor; tell whether an expression follows."""
        return self._scanner.chars()

    def placeholder(self) -> XPathToken:
        """Read an expression inside of a string constructor."""
        self._load(self._scanner.next())
        if self.next_token.symbol == "}`":
            return self._empty(self.next_token.span)
        expression = self.expression()
        if self.next_token.symbol != "}`":
            raise self.unexpected("}`")
        return expression

    def read_name(self, default_namespace: str) -> str:
        """Read an EQName and return it in Clark notation."""
        start = self.next_token.span[0]
        if self.next_token.symbol == "Q{":
            namespace = str(self.advance().value)
            return _clark(namespace, self._name_part())
        name = self._name_part()
        if ":" in name:
            prefix, _, name = name.partition(":")
        elif self.next_token.symbol == ":" and self.next_token.lbp:
            prefix = name
            self.advance()
            name = self._name_part()
        else:
            return _clark(default_namespace, name)
        return _clark(self.resolve(prefix, (start, start + len(prefix))), name)

    def _name_part(self) -> str:
        if not self.at("(name)") and self.next_token.symbol != "(function)":
            raise self.unexpected("a name")
        return str(self.advance().value)

    def resolve(self, prefix: str, span: tuple[int, int]) -> str:
        """Return the namespace of a prefix; the span is for the error."""
        try:
            return self.namespaces[prefix]
        except KeyError:
            reason = f"The prefix {prefix} is not declared"
            raise self.type_error(reason, span, "XPST0081") from None

    # Parsing expressions

    def expression(self, rbp: int = 0) -> XPathToken:
        """Parse an expression that binds more tightly than ``rbp``."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise self.too_deep(self.next_token.span)
        self.advance()
        left = self._checked(self.token, self.token.nud())
        while rbp < self._binding_power():
            self.advance()
            left = self._checked(self.token, self.token.led(left))
        self._depth -= 1
        return left

    def single(self) -> XPathToken:
        """Parse an ExprSingle: an expression without a comma at its top."""
        return self.expression(5)

    def enclosed(self) -> XPathToken:
        """Parse an expression, possibly empty, between braces."""
        opening = self.advance("{")
        body = self._empty(opening.span) if self.next_token.symbol == "}" else self.expression()
        self.advance("}")
        return body

    def _empty(self, span: tuple[int, int]) -> XPathToken:
        token = self.symbol_table["("](self)
        token.span = span
        return token

    @contextmanager
    def binding(self, *names: str) -> Iterator[None]:
        """Put variables in scope for a while."""
        before = self.scope
        self.scope = before | set(names)
        yield
        self.scope = before

    @contextmanager
    def focused(self, on: bool = True) -> Iterator[None]:
        """Say for a while whether there is a context item."""
        before = self.has_focus
        self.has_focus = on
        yield
        self.has_focus = before

    def expected_next(self, *symbols: str, message: str | None = None) -> None:  # noqa: ARG002
        """Check the next token; elementpath's tokens call this before a step."""
        if not self.at(*symbols):
            raise self.unexpected("a name")

    def _binding_power(self) -> int:
        if isinstance(self.next_token, NameToken) and self.next_token.value in _OPERATORS:
            self._turn_into_keyword()
        return self.next_token.lbp

    def _turn_into_keyword(self) -> None:
        span = self.next_token.span
        self.next_token = self.symbol_table[str(self.next_token.value)](self)
        self.next_token.span = span

    def _load(self, lexeme: Lexeme) -> None:
        # Tokens take their span from next_match, of which they only ask span().
        self.next_match = cast(Any, lexeme)
        self.next_token = self.symbol_table[lexeme.symbol](self)
        if lexeme.value is not None:
            self.next_token.value = cast(Any, lexeme.value)

    def _checked(self, origin: XPathToken, token: XPathToken) -> XPathToken:
        if token is not origin:
            token.span = min(token.span, origin.span)
        if not self.has_focus and _uses_focus(token):
            reason = "There is no context item inside a function; pass what is needed"
            raise self.type_error(reason, token.span, "XPDY0002")
        # A sequence that got one more member is not looked through again.
        known = token.__dict__.get("height", 0)
        below = token._items[-1:] if known else children(token)
        height = known
        for child in below:
            if child.symbol == "?" and not child._items:
                raise self.syntax_error("A ? can only stand for an argument", child.span)
            height = max(height, getattr(child, "height", 1))
        height += 0 if known else getattr(token, "own_height", 1)
        if height > DEEPEST:
            raise self.too_deep(origin.span)
        token.__dict__["height"] = height
        token.__dict__["end"] = self.token.span[1]
        return token

    # Errors

    def unexpected(self, wanted: str | None = None) -> FilterError:
        """Return the error for the next token."""
        start, end = self.next_token.span
        if self.next_token.symbol == "(end)":
            end = max(len(self.source.rstrip()), 1)
            reason = f"Expected {wanted}, found the end" if wanted else "The query ends too early"
            return self.syntax_error(reason, (end - 1, end))
        found = repr(self.source[start:end])
        reason = f"Expected {wanted}, found {found}" if wanted else f"{found} cannot stand here"
        return self.syntax_error(reason, (start, end))

    def syntax_error(
        self, reason: str, span: tuple[int, int], code: str = "XPST0003"
    ) -> FilterSyntaxError:
        """Return the error for text that is not XQuery."""
        return FilterSyntaxError(f"{reason} [{code}]", self.source, span)

    def type_error(self, reason: str, span: tuple[int, int], code: str) -> FilterTypeError:
        """Return the error for a query that can only fail."""
        return FilterTypeError(f"{reason} [{code}]", self.source, span)

    def unsupported(self, reason: str, span: tuple[int, int]) -> UnsupportedFilter:
        """Return the error for XQuery that filters may not use."""
        return UnsupportedFilter(reason, self.source, span)

    def too_deep(self, span: tuple[int, int]) -> UnsupportedFilter:
        """Return the error for an expression that is nested too deeply."""
        return self.unsupported(f"Expressions may be nested {DEEPEST} levels deep", span)


# The metaclass has given the class a table of its own, a copy of elementpath's.
XQueryParser.symbol_table.update(TOKENS)


def children(token: XPathToken) -> Iterator[XPathToken]:
    """Yield the expressions directly below a token, also those that elementpath hides."""
    yield from token._items
    yield from getattr(token, "_values", ())
    body = getattr(token, "body", None)
    if isinstance(body, XPathToken):
        yield body


def _uses_focus(token: XPathToken) -> bool:
    if token.symbol == "*":
        return not token._items
    if token.symbol in ("/", "//"):
        return len(token._items) < 2
    return (
        token.symbol in _NEEDS_FOCUS
        or token.label in ("axis", "kind test")
        or getattr(token, "defaults_to_focus", False)
    )


def _clark(namespace: str, name: str) -> str:
    return f"{{{namespace}}}{name}" if namespace else name


def _wanted(symbols: tuple[str, ...]) -> str:
    return " or ".join(_SHOWN.get(symbol, repr(symbol)) for symbol in symbols)
