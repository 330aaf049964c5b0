"""Values by exact names and by globs; of those that fit a name, the best one counts.

``*`` stands for any characters, ``/`` among them, and nothing else is special. An exact name goes
before each glob; of globs the one with the best score wins, which is the number of its literal
characters plus one; of equal scores the one registered first. Case matters.

Source: globset of the AGL application framework binder, which behaves likewise.
"""

from __future__ import annotations

from bisect import insort
from typing import Generic, TypeVar

from clacks_events.errors import NameTaken, NotRegistered

__all__ = ["GlobTable"]

Value = TypeVar("Value")

_STAR = "*"


class _Glob(Generic[Value]):
    __slots__ = ("_middle", "_prefix", "_suffix", "pattern", "score", "value")

    def __init__(self, pattern: str, value: Value) -> None:
        self._prefix, *self._middle, self._suffix = pattern.split(_STAR)
        self.pattern = pattern
        self.value = value
        self.score = len(pattern) - pattern.count(_STAR) + 1

    def matches(self, name: str) -> bool:
        at, end = len(self._prefix), len(name) - len(self._suffix)
        if at > end or not name.startswith(self._prefix) or not name.endswith(self._suffix):
            return False
        # The leftmost place leaves most room for the rest: there is no need to come back.
        for part in self._middle:
            at = name.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return True


class GlobTable(Generic[Value]):
    """Patterns with their values, and which of them is the best for a name.

    Changed by one thread at a time, asked by any number.
    """

    def __init__(self) -> None:
        self._exact: dict[str, Value] = {}
        self._globs: tuple[_Glob[Value], ...] = ()

    def __len__(self) -> int:
        return len(self._exact) + len(self._globs)

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns, in the order in which they are tried."""
        return (*self._exact, *(glob.pattern for glob in self._globs))

    def add(self, pattern: str, value: Value) -> None:
        """Register a value. Raises NameTaken when the pattern has one."""
        if pattern in self.patterns:
            raise NameTaken(f"the pattern {pattern!r} is registered already")
        if _STAR in pattern:
            globs = list(self._globs)
            insort(globs, _Glob(pattern, value), key=lambda glob: -glob.score)
            self._globs = tuple(globs)
        else:
            self._exact[pattern] = value

    def remove(self, pattern: str) -> Value:
        """Forget a pattern and return its value. Raises NotRegistered."""
        if pattern in self._exact:
            return self._exact.pop(pattern)
        for at, glob in enumerate(self._globs):
            if glob.pattern == pattern:
                self._globs = self._globs[:at] + self._globs[at + 1 :]
                return glob.value
        raise NotRegistered(f"the pattern {pattern!r} is not registered")

    def find(self, name: str) -> Value | None:
        """Return the value of the best pattern for a name; None if none fits."""
        # Asked once: another thread may be removing it.
        try:
            return self._exact[name]
        except KeyError:
            pass
        return next((glob.value for glob in self._globs if glob.matches(name)), None)
