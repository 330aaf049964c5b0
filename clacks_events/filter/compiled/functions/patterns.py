"""Functions with regular expressions (XPath and XQuery Functions 3.1 §5.6)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from clacks_events.errors import EvaluationError
from clacks_events.filter.compiled.functions.arguments import optional_text, text
from clacks_events.filter.compiled.functions.function import Function, Items
from clacks_events.filter.compiled.functions.strings import of_strings
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.xquery.lexical import collapsed
from clacks_events.filter.xquery.regex import compiled

__all__ = ["FUNCTIONS"]


def _matches(value: str, pattern: str, flags: str = "") -> bool:
    return compiled(pattern, flags).search(value) is not None


def _separator(pattern: str, flags: str) -> re.Pattern[str]:
    found = compiled(pattern, flags)
    if found.search(""):
        raise EvaluationError("the regular expression matches a text of no length", "FORX0003")
    return found


def _replace(value: str, pattern: str, replacement: str, flags: str = "") -> str:
    found = _separator(pattern, flags)
    if "q" in flags:
        return found.sub(lambda match: replacement, value)
    return found.sub(_replacement(replacement, found.groups), value)


_PIECE: Final = re.compile(r"[^\\$]+|\\[\\$]|\$[0-9]+")


@lru_cache(maxsize=256)
def _replacement(text: str, groups: int) -> Callable[[re.Match[str]], str]:
    pieces = _PIECE.findall(text)
    if "".join(pieces) != text:
        raise EvaluationError(r"\ and $ are written \\ and \$ in a replacement", "FORX0004")
    parts = [part for piece in pieces for part in _parts(piece, groups)]

    def replaced(match: re.Match[str]) -> str:
        return "".join(part if isinstance(part, str) else match[part] or "" for part in parts)

    return replaced


def _parts(piece: str, groups: int) -> tuple[str | int, ...]:
    if piece[0] == "\\":
        return (piece[1],)
    if piece[0] != "$":
        return (piece,)
    # As many digits as there are groups for; the others are text.
    digits = piece[1:]
    for length in range(len(digits), 0, -1):
        if int(digits[:length]) <= groups:
            return int(digits[:length]), digits[length:]
    return (digits[1:],)


def _tokenize(value: Items, pattern: Items | None = None, flags: Items | None = None) -> Items:
    given = optional_text(value)
    if pattern is None:
        return collapsed(given).split(" ") if given and collapsed(given) else []
    wanted = text(pattern), "" if flags is None else text(flags)
    return [] if given is None else _split(given, _separator(*wanted))


def _split(value: str, separator: re.Pattern[str]) -> list[str]:
    # re.split would return what groups matched, too.
    if not value:
        return []
    edges = [0, *(edge for match in separator.finditer(value) for edge in match.span()), len(value)]
    return [value[edges[i] : edges[i + 1]] for i in range(0, len(edges), 2)]


FUNCTIONS: Final[dict[tuple[str, int], Function]] = {
    ("matches", 2): of_strings(Kind.BOOLEAN, _matches, 1),
    ("matches", 3): of_strings(Kind.BOOLEAN, _matches, 1, 2),
    ("replace", 3): of_strings(Kind.STRING, _replace, 1, 2),
    ("replace", 4): of_strings(Kind.STRING, _replace, 1, 2, 3),
    **{("tokenize", arity): Function(Kind.STRING, _tokenize) for arity in (1, 2, 3)},
}
"""By local name and number of arguments."""
