"""XSD patterns as regular expressions of JSON Schema, as far as both mean the same.

What is left: characters, classes of characters, groups, alternatives, quantifiers. Patterns over
which an engine that backtracks might take for ever are left out.

Source: XSD 1.0 part 2, appendix F; JSON Schema 2020-12 core, 6.4.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

__all__ = ["expressible"]

_SPECIAL: Final = frozenset("\\|.?*+(){}[]")
_ESCAPED: Final = _SPECIAL | frozenset("^$/")
_NUMBERED: Final = frozenset("\\[]^-&|~")  # inside of a class
_SINGLE: Final = {"n": "\n", "r": "\r", "t": "\t"}
_SPACE: Final = r"\x20\x09\x0a\x0d"
_QUANTIFIER: Final = re.compile(r"[*+?]|\{(\d{1,4})(?:(,)(\d{0,4}))?\}")
_MOST: Final = 1000  # repetitions that are written as a number
_DEEPEST: Final = 20


class _Inexpressible(Exception):
    """Something that means another thing, or nothing, outside of XSD."""


def expressible(pattern: str) -> str | None:
    """Return an anchored regular expression for an XSD pattern; None if there is no safe one."""
    try:
        reader = _Reader(pattern)
        text = reader.alternatives(0)[0]
        if reader.position < len(pattern):
            return None
        re.compile(text)
    except (_Inexpressible, re.error):
        return None
    return f"^(?:{text})$"


class _Reader:
    """Reads a pattern once, from the left."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self.position = 0

    def _peek(self) -> str:
        return self._pattern[self.position : self.position + 1]

    def _next(self) -> str:
        char = self._peek()
        if not char:
            raise _Inexpressible
        self.position += 1
        return char

    def alternatives(self, depth: int) -> tuple[str, bool]:
        """Return what stands here up to a closing bracket, and whether it repeats without end."""
        if depth > _DEEPEST:
            raise _Inexpressible
        written, repeats = "", False
        while self._peek() not in ("", ")"):
            if self._peek() == "|":
                written += self._next()
                continue
            atom, inner = self._atom(depth)
            times, unbounded = self._times()
            if times and inner:
                raise _Inexpressible  # repeated, and what it repeats may repeat as well
            written += atom + times
            repeats = repeats or inner or unbounded
        return written, repeats

    def _atom(self, depth: int) -> tuple[str, bool]:
        char = self._next()
        if char == "(":
            inside, repeats = self.alternatives(depth + 1)
            if self._next() != ")":
                raise _Inexpressible
            return f"(?:{inside})", repeats
        if char == "[":
            return self._members(), False
        if char == "\\":
            return self._escaped(_outside), False
        if char == ".":
            return r"[^\x0a\x0d]", False
        if char in _SPECIAL:
            raise _Inexpressible
        return _outside(char), False

    def _escaped(self, write: Callable[[str], str]) -> str:
        char = self._next()
        if char == "s":
            return _SPACE if write is _inside else f"[{_SPACE}]"
        if char in _SINGLE:
            return write(_SINGLE[char])
        if char.isalnum():
            raise _Inexpressible  # \d, \w, \i, \c, \p: of all of Unicode, and elsewhere not
        return write(char)

    def _members(self) -> str:
        written = "[^" if self._peek() == "^" else "["
        self.position += len(written) - 1
        start = self.position
        while (char := self._next()) != "]":
            is_range = char == "-" and start < self.position - 1 and self._peek() != "]"
            if char == "[":
                raise _Inexpressible  # a class that is subtracted
            if char == "\\":
                written += self._escaped(_inside)
            else:
                written += "-" if is_range else _inside(char)
        if self.position - 1 == start:
            raise _Inexpressible
        return written + "]"

    def _times(self) -> tuple[str, bool]:
        found = _QUANTIFIER.match(self._pattern, self.position)
        if found is None:
            return "", False
        self.position = found.end()
        least, comma, most = found.groups()
        if max(int(least or 0), int(most or 0)) > _MOST:
            raise _Inexpressible
        is_open = found[0] in ("*", "+") or (comma is not None and not most)
        return found[0], is_open


def _outside(char: str) -> str:
    return f"\\{char}" if char in _ESCAPED else _plain(char)


def _inside(char: str) -> str:
    return f"\\x{ord(char):02x}" if char in _NUMBERED else _plain(char)


def _plain(char: str) -> str:
    if ord(char) > 0xFFFF:
        raise _Inexpressible  # two characters to some engines
    return char if char >= " " else f"\\x{ord(char):02x}"
