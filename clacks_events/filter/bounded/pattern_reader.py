"""Regular expressions as pieces of which each matches one of some characters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

__all__ = ["ANY", "BEGIN", "END", "NONE", "Backtracks", "Branch", "Letters", "Piece", "Reader"]

_DEEPEST: Final = 8
_ALL: Final = (1 << 128) - 1


class Backtracks(Exception):
    """Raised for a pattern that may take more than linear time; says why."""


@dataclass(frozen=True, slots=True)
class Letters:
    """The characters that an atom matches: a bit for each of ASCII, and whether any other."""

    ascii: int
    others: bool

    def __or__(self, more: Letters) -> Letters:
        return Letters(self.ascii | more.ascii, self.others or more.others)

    def meets(self, more: Letters) -> bool:
        """Tell whether some character is in both."""
        return bool(self.ascii & more.ascii) or (self.others and more.others)

    def inverted(self) -> Letters:
        """Return at least the characters that are not among these."""
        return Letters(_ALL & ~self.ascii, True)


@dataclass(frozen=True, slots=True)
class Piece:
    """An atom and how often it may stand there; ``high`` None is without end."""

    atom: Letters | tuple[Branch, ...]
    low: int = 1
    high: int | None = 1


Branch: TypeAlias = tuple[Piece, ...]
"""What stands between two ``|``."""


NONE: Final = Letters(0, False)
ANY: Final = Letters(_ALL, True)


def _some(characters: str, others: bool = False) -> Letters:
    return Letters(sum(1 << ord(char) for char in set(characters)), others)


_DIGITS: Final = _some("0123456789", True)
_SPACES: Final = _some(" \t\n\r")
_PLAIN: Final = {"n": _some("\n"), "r": _some("\r"), "t": _some("\t")}
_CLASSES: Final = {
    "d": _DIGITS,
    "D": Letters(_ALL & ~_DIGITS.ascii, True),
    "s": _SPACES,
    "S": _SPACES.inverted(),
    "w": Letters(_ALL, True),
    "W": Letters(_ALL, True),
    "i": ANY,
    "I": ANY,
    "c": ANY,
    "C": ANY,
}
BEGIN: Final = Piece(NONE, 0, 0)
END: Final = Piece(NONE, 0, 0)


class Reader:
    """Reads a pattern."""

    def __init__(self, pattern: str, folds: bool) -> None:
        self._text = pattern
        self._place = 0
        self._folds = folds
        self._is_exact = True

    def branches(self, depth: int = 0) -> tuple[Branch, ...]:
        """Read branches to the end or to the closing parenthesis."""
        if depth > _DEEPEST:
            raise Backtracks("is nested too deeply")
        found = [tuple(self._pieces(depth))]
        while self._take("|"):
            found.append(tuple(self._pieces(depth)))
        if depth == 0 and self._place < len(self._text):
            raise Backtracks("has a ) too many")
        return tuple(found)

    def _pieces(self, depth: int) -> Iterator[Piece]:
        while self._place < len(self._text) and self._text[self._place] not in "|)":
            char = self._next()
            if char == "^":
                yield BEGIN
            elif char == "$":
                yield END
            else:
                yield self._repeated(self._atom(char, depth))

    def _atom(self, char: str, depth: int) -> Letters | tuple[Branch, ...]:
        if char == "(":
            if self._take("?") and not self._take(":"):
                raise Backtracks("may have no groups but (…) and (?:…)")
            inner = self.branches(depth + 1)
            if not self._take(")"):
                raise Backtracks("lacks a )")
            return inner
        if char == "[":
            return self._class(depth)
        if char in "*+?{}":
            raise Backtracks(f"has a {char} that repeats nothing")
        if char == ".":
            return ANY
        return self._escape() if char == "\\" else self._letter(char)

    def _repeated(self, atom: Letters | tuple[Branch, ...]) -> Piece:
        low, high = self._quantifier()
        if (low, high) != (1, 1):
            self._take("?")
        return Piece(atom, low, high)

    def _quantifier(self) -> tuple[int, int | None]:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(sign):
                return bounds
        if not self._take("{"):
            return 1, 1
        end = self._text.find("}", self._place)
        low, comma, high = self._text[self._place : max(end, self._place)].partition(",")
        self._place = end + 1
        if end < 0 or not all(part.isascii() and part.isdigit() for part in (low, high or low)):
            raise Backtracks("has a { without a number and }")
        if len(low) > 4 or len(high) > 4:
            raise Backtracks("repeats too often")
        return int(low), int(high) if high else None if comma else int(low)

    def _class(self, depth: int) -> Letters:
        if depth > _DEEPEST:
            raise Backtracks("is nested too deeply")
        inverted, found, last = self._take("^"), NONE, ""
        self._is_exact = True
        while not self._take("]"):
            char = self._next()
            if char == "-" and self._take("["):
                self._class(depth + 1)  # what is taken away only makes the class smaller
            elif char == "-" and last and self._peek() not in "]":
                found |= self._range(last, self._next())
            else:
                found |= self._escape() if char == "\\" else self._letter(char)
            last = char
        if not inverted:
            return found
        return found.inverted() if self._is_exact else ANY

    def _range(self, low: str, high: str) -> Letters:
        if "\\" in (low, high):
            self._is_exact = False
            return ANY if high != "\\" else ANY | self._escape()
        ends = range(ord(low), min(ord(high), 127) + 1)
        found = Letters(sum(1 << code for code in ends), ord(high) > 127)
        return self._folded(found)

    def _escape(self) -> Letters:
        char = self._next()
        if char in "pPwWiIcC":
            self._is_exact = False
        if char in "pP":
            self._place = self._text.find("}", self._place) + 1 or len(self._text)
            return ANY
        if char.isdigit():
            raise Backtracks("may not refer back to a group")
        if char in _CLASSES:
            return _CLASSES[char]
        return _PLAIN.get(char) or self._letter(char)

    def _letter(self, char: str) -> Letters:
        if ord(char) > 127:
            return Letters(0, True) if not self._folds else ANY
        return self._folded(Letters(1 << ord(char), False))

    def _folded(self, letters: Letters) -> Letters:
        if not self._folds:
            return letters
        members = "".join(chr(code) for code in range(128) if letters.ascii >> code & 1)
        both = members.lower() + members.upper()
        # A few characters outside of ASCII are the same as these without case.
        return _some(both, letters.others or bool(set("iks") & set(both)))

    def _peek(self) -> str:
        return self._text[self._place : self._place + 1]

    def _take(self, char: str) -> bool:
        if self._peek() != char:
            return False
        self._place += 1
        return True

    def _next(self) -> str:
        if self._place >= len(self._text):
            raise Backtracks("ends too early")
        self._place += 1
        return self._text[self._place - 1]
