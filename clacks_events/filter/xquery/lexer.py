"""Query text to lexemes, with spans in the original text.

XQuery has no reserved words, so a name is only taken for a keyword when what follows it leaves
no other reading (``for $``, ``if (``, ``map {``); all other keywords stay names here and the
parser recognises them by their place.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final, NamedTuple

from clacks_events.errors import FilterSyntaxError, UnsupportedFilter
from clacks_events.filter.xquery.literal import decode

__all__ = ["KIND_TESTS", "WORD_OPERATORS", "Lexeme", "Scanner"]

_NCNAME = r"[^\d\W][\w.\-\xb7\u0300-\u036F\u203F\u2040]*"
_NAME: Final = re.compile(_NCNAME)
_QNAME: Final = re.compile(rf"{_NCNAME}(?::{_NCNAME})?")
_NUMBER: Final = re.compile(r"(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][+-]?\d+)?")
_SPACE: Final = re.compile(r"[ \t\r\n]+")
_OPERATOR: Final = re.compile(
    r"``\[|\}`|:=|::|!=|<=|>=|<<|>>|=>|//|\.\.|\|\||[()\[\]{},;=<>!/.@$*+\-|?:#%]"
)
_WINDOW: Final = re.compile(r"for\s+(?:tumbling|sliding)\s+window\s*\$")
_COMPUTED: Final = re.compile(rf"(?:{_NCNAME}:)?{_NCNAME}\s*\{{")

KIND_TESTS: Final = frozenset(
    [
        "attribute",
        "comment",
        "document-node",
        "element",
        "namespace-node",
        "node",
        "processing-instruction",
        "schema-attribute",
        "schema-element",
        "text",
    ]
)
_AXES: Final = frozenset(
    [
        "ancestor",
        "ancestor-or-self",
        "attribute",
        "child",
        "descendant",
        "descendant-or-self",
        "following",
        "following-sibling",
        "namespace",
        "parent",
        "preceding",
        "preceding-sibling",
        "self",
    ]
)
WORD_OPERATORS: Final = frozenset(
    [
        "and",
        "or",
        "div",
        "idiv",
        "mod",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "is",
        "to",
        "union",
        "intersect",
        "except",
    ]
)
"""Operators that are words and have an operand on either side (XQuery 3.1 §A.2.2)."""

# Words that stand before an opening parenthesis without being a function.
_WORDS: Final = WORD_OPERATORS | frozenset(
    [
        "return",
        "satisfies",
        "in",
        "then",
        "else",
        "where",
        "by",
        "case",
        "as",
        "of",
        "at",
        "ascending",
        "descending",
    ]
)
_BEFORE_PAREN: Final = {
    "if": "if",
    "switch": "switch",
    "typeswitch": "typeswitch",
    "function": "function",
    "item": "(type)",
    "empty-sequence": "(type)",
    "map": "(type)",
    "array": "(type)",
}
_BEFORE_BRACE: Final = {
    "map": "map",
    "array": "array",
    "try": "try",
    "ordered": "ordered",
    "unordered": "ordered",
    "validate": "validate",
}
_CONSTRUCTORS: Final = frozenset(
    ["attribute", "comment", "document", "element", "namespace", "processing-instruction", "text"]
)
_NAMED_CONSTRUCTORS: Final = _CONSTRUCTORS - {"comment", "document", "text"}


_LONGEST_INTEGER: Final = 1000


class Lexeme(NamedTuple):
    """One token of the text; ``symbol`` is the key of its class in the parser's table."""

    symbol: str
    value: object
    start: int
    end: int

    def span(self) -> tuple[int, int]:
        """Return the half-open range of characters."""
        return self.start, self.end


class Scanner:
    """Hand out the lexemes of a text one by one."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self._last = self._before = Lexeme("(start)", None, 0, 0)
        self._in_variable = False

    def next(self) -> Lexeme:
        """Return the next lexeme, ``(end)`` at the end of the text."""
        if self._last.symbol == "``[":
            lexeme = Lexeme("(chars)", None, self.position, self.position)
        else:
            lexeme = self._scan(self.skip(self.position))
        self._in_variable = lexeme.symbol == "$" or (
            self._in_variable and lexeme.symbol in ("(name)", "(qname)", "Q{")
        )
        self.position = lexeme.end
        self._before, self._last = self._last, lexeme
        return lexeme

    def chars(self) -> tuple[str, bool]:
        """Read string constructor text up to a placeholder or the end; tell which of them."""
        start = self.position
        match = re.compile(r"`\{|\]``").search(self.text, start)
        if match is None:
            raise self.error("The string constructor is not closed", start - 3, start)
        self.position = match.end()
        self._last = Lexeme(match.group(), None, *match.span())
        return self.text[start : match.start()].replace("\r\n", "\n"), match.group() == "`{"

    def skip(self, position: int) -> int:
        """Return the position after white space and comments."""
        while True:
            if match := _SPACE.match(self.text, position):
                position = match.end()
            if not self.text.startswith("(:", position):
                return position
            position = self._comment(position)

    def error(self, reason: str, start: int, end: int) -> FilterSyntaxError:
        """Return a syntax error for a range of the text."""
        return FilterSyntaxError(f"{reason} [XPST0003]", self.text, (start, end))

    def _comment(self, start: int) -> int:
        depth, position = 1, start + 2
        for match in re.compile(r"\(:|:\)").finditer(self.text, position):
            if match.start() < position:
                continue  # the colon of ``(:)`` belongs to the opening
            depth += 1 if match.group() == "(:" else -1
            position = match.end()
            if not depth:
                return position
        raise self.error("The comment is not closed", start, start + 2)

    def _scan(self, start: int) -> Lexeme:
        text = self.text
        if start >= len(text):
            return Lexeme("(end)", None, len(text), len(text))
        if text[start] in "'\"":
            return self._string(start)
        if text.startswith("Q{", start):
            return self._braced(start)
        if match := _NUMBER.match(text, start):
            return self._number(match)
        if _NAME.match(text, start):
            return self._name(start)
        if text.startswith("(#", start):
            raise UnsupportedFilter("Pragmas have no meaning in a filter", text, (start, start + 2))
        if match := _OPERATOR.match(text, start):
            return self._operator(match)
        raise self.error(f"The character {text[start]!r} has no meaning here", start, start + 1)

    def _operator(self, match: re.Match[str]) -> Lexeme:
        symbol = match.group()
        if symbol == ":" and self._joins_names(*match.span()):
            symbol = "(qname)"
        return Lexeme(symbol, None, *match.span())

    def _joins_names(self, start: int, end: int) -> bool:
        last = self._last
        if last.end != start or last.symbol not in ("(name)", "*"):
            return False
        if self._before.symbol == "(qname)":
            return False  # the second colon of a:b:c
        return bool(_NAME.match(self.text, end)) or self.text.startswith("*", end)

    def _string(self, start: int) -> Lexeme:
        quote = self.text[start]
        match = re.compile(f"{quote}((?:[^{quote}]|{quote}{quote})*){quote}").match(
            self.text, start
        )
        if match is None:
            raise self.error("The string is not closed", start, start + 1)
        content = decode(self.text, match.start(1), match.end(1), quote)
        return Lexeme("(string)", content, start, match.end())

    def _braced(self, start: int) -> Lexeme:
        end = self.text.find("}", start)
        if end < 0 or "{" in self.text[start + 2 : end]:
            raise self.error("The name is not closed with }", start, start + 2)
        uri = " ".join(decode(self.text, start + 2, end, "").split())
        return Lexeme("Q{", uri, start, end + 1)

    def _number(self, match: re.Match[str]) -> Lexeme:
        literal = match.group()
        if _NAME.match(self.text, match.end()):
            raise self.error("A number and a name need a space between them", *match.span())
        if "e" in literal.lower():
            return Lexeme("(float)", float(literal), *match.span())
        if "." in literal:
            return Lexeme("(decimal)", Decimal(literal), *match.span())
        if len(literal) > _LONGEST_INTEGER:
            raise self.error("The number is too long", *match.span())
        return Lexeme("(integer)", int(literal), *match.span())

    def _name(self, start: int) -> Lexeme:
        qualified = self._last.symbol in ("(qname)", "Q{") and self._last.end == start
        in_variable = self._in_variable and self._last.symbol in ("$", "(qname)", "Q{")
        pattern = _NAME if qualified or in_variable else _QNAME
        match = pattern.match(self.text, start)
        assert match is not None
        follow = self.skip(match.end())
        if not in_variable:
            symbol = self._keyword(match.group(), start, follow, qualified)
            if symbol:
                return Lexeme(symbol, match.group(), *match.span())
        simple = _NAME.match(self.text, start)
        assert simple is not None
        return Lexeme("(name)", simple.group(), *simple.span())

    def _keyword(self, name: str, start: int, follow: int, qualified: bool) -> str | None:
        text = self.text
        if qualified:
            return "(function)" if text[follow : follow + 1] in ("(", "#") else None
        if text.startswith("::", follow):
            return name if name in _AXES else None
        following = text[follow : follow + 1]
        if following == "(":
            return self._before_paren(name)
        if following == "#":
            return "(function)"
        if following == "{" and name in _BEFORE_BRACE:
            return _BEFORE_BRACE[name]
        if following == "$" and name in ("for", "let", "some", "every"):
            return name
        if _WINDOW.match(text, start):
            raise UnsupportedFilter(
                "Windows have no meaning in a filter; use for and where",
                text,
                (start, start + len(name)),
            )
        if name in _CONSTRUCTORS and following == "{":
            return "(constructor)"
        if name in _NAMED_CONSTRUCTORS and _COMPUTED.match(text, follow):
            return "(constructor)"
        return None

    def _before_paren(self, name: str) -> str | None:
        if name in KIND_TESTS:
            return f"{name}()"
        if name in _WORDS:
            return None
        return _BEFORE_PAREN.get(name, "(function)")
