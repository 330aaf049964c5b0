"""A text for a regular expression of the simple kind that schemas use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from typing import Final

__all__ = ["matching"]

_FAVOURITES: Final = "Aa01x-+_. "
_CANDIDATES: Final = (*_FAVOURITES, *map(chr, range(0x21, 0x7F)), *map(chr, range(0xA0, 0x800)))
_QUANTIFIER: Final = re.compile(r"([*+?])|\{(\d+)(,?)(\d*)\}")
_CLASS: Final = re.compile(r"\[\^?(?:\\.|[^\]\\])*\]", re.DOTALL)
_LONGEST: Final = 1000
_NO_LIMIT: Final = 10**6


def matching(pattern: re.Pattern[str], *, shortest: int = 0) -> Iterator[str]:
    """Yield texts that match a pattern, the short ones first.

    The pattern is one that was translated from an XSD pattern facet: anchored, without
    references, assertions and lazy quantifiers. ``shortest`` is a length that longer texts
    shall reach.
    """
    for more, branch in product((0, 1, 2, shortest), (0, 1, 2)):
        text = _Writer(pattern.pattern, more, branch).text()
        if len(text) <= _LONGEST and pattern.match(text):
            yield text


class _Writer:
    """Reads a pattern and writes one text for it."""

    def __init__(self, pattern: str, more: int, branch: int) -> None:
        self.pattern = pattern.removeprefix("^").removesuffix(r"$(?!\n\Z)")
        self.more = more  # repetitions beyond the required ones
        self.branch = branch  # which alternative to take, where there are so many
        self.position = 0

    def text(self) -> str:
        """Return the text; empty where the pattern cannot be read."""
        branches = [""]
        while self.position < len(self.pattern) and self.pattern[self.position] != ")":
            if self.pattern[self.position] == "|":
                self.position += 1
                branches.append("")
                continue
            branches[-1] = (branches[-1] + self._atom() * self._times())[: _LONGEST + 1]
        return branches[min(self.branch, len(branches) - 1)]

    def _atom(self) -> str:
        start = self.position
        char = self.pattern[start]
        if char == "(":
            self.position += 3 if self.pattern.startswith("(?:", start) else 1
            text = self.text()
            self.position += 1
            return text
        found = _CLASS.match(self.pattern, start) if char == "[" else None
        end = found.end() if found else start + (2 if char == "\\" else 1)
        self.position = end
        atom = self.pattern[start:end]
        return _member(atom) if char in "[\\." else atom

    def _times(self) -> int:
        found = _QUANTIFIER.match(self.pattern, self.position)
        if found is None:
            return 1
        self.position = found.end()
        sign, least, comma, most = found.groups()
        low = int(least) if least else int(sign == "+")
        high = int(most) if most else low if least and not comma else _NO_LIMIT
        return min(low + self.more, 1 if sign == "?" else high)


def _member(atom: str) -> str:
    try:
        accepts = re.compile(atom).fullmatch
    except re.error:
        return ""
    return next((char for char in _CANDIDATES if accepts(char)), "")
