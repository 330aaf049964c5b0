"""What is refused by the text of an untrusted filter, before anything of it is parsed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from clacks_events.errors import UnsupportedFilter
from clacks_events.filter.bounded.functions import ADVICE, refusal
from clacks_events.filter.xquery.lexer import Lexeme, Scanner
from clacks_events.filter.xquery.safety import check_characters

__all__ = ["check_text", "lexemes"]

_LONGEST: Final = 4096
_MOST_TOKENS: Final = 1000
_DEEPEST: Final = 32
_OPENING: Final = frozenset("([{")
_CLOSING: Final = frozenset(")]}")
_ITEMS: Final = "have no bound on what they cost; write it with paths, comparisons, for and let"
_REFUSED: Final = {
    "function": f"Function items {_ITEMS}",
    "#": f"Function items {_ITEMS}",
    "map": f"Maps {_ITEMS}",
    "array": f"Arrays {_ITEMS}",
}


def check_text(text: str) -> None:
    """Refuse a filter that is too long, too deep, or uses what no bounded filter may.

    Nothing is evaluated; the time is linear in the text. Raises UnsupportedFilter, and
    FilterSyntaxError for what is not even made of tokens.
    """
    if len(text) > _LONGEST or len(text.encode("utf-8", "surrogatepass")) > _LONGEST:
        raise UnsupportedFilter(f"A bounded filter has at most {_LONGEST} bytes", text, (0, 1))
    check_characters(text)
    depth = 0
    for number, lexeme in enumerate(lexemes(text)):
        if number >= _MOST_TOKENS:
            reason = f"A bounded filter has at most {_MOST_TOKENS} words and signs"
            raise UnsupportedFilter(reason, text, lexeme.span())
        depth += _change(lexeme)
        if depth > _DEEPEST:
            reason = f"Brackets of a bounded filter are nested up to {_DEEPEST} levels deep"
            raise UnsupportedFilter(reason, text, lexeme.span())
        if (fault := _fault(lexeme)) is not None:
            raise UnsupportedFilter(fault, text, lexeme.span())


def lexemes(text: str) -> Iterator[Lexeme]:
    """Yield the tokens of a text, those inside of string constructors too."""
    scanner = Scanner(text)
    while (lexeme := scanner.next()).symbol != "(end)":
        yield lexeme
        if lexeme.symbol in ("``[", "}`"):
            scanner.chars()


def _change(lexeme: Lexeme) -> int:
    if lexeme.symbol in _OPENING or lexeme.symbol == "``[":
        return 1
    return -1 if lexeme.symbol in _CLOSING else 0


def _fault(lexeme: Lexeme) -> str | None:
    if lexeme.symbol == "(function)":
        local = str(lexeme.value).removeprefix("fn:")
        return refusal(local) if local in ADVICE else None
    return _REFUSED.get(lexeme.symbol)
