"""Small random decisions on top of hypothesis, which shrinks them towards the first option."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

__all__ = ["Choices"]

T = TypeVar("T")


@cache
def _below(count: int) -> SearchStrategy[int]:
    return st.integers(0, count - 1)


class Choices:
    """Decisions of one example."""

    def __init__(self, draw: DrawFn) -> None:
        self._draw = draw

    def below(self, count: int) -> int:
        """Return a number from 0 to ``count`` - 1."""
        return self._draw(_below(count)) if count > 1 else 0

    def one(self, options: Sequence[T]) -> T:
        """Return one of some options; the first is the simplest."""
        return options[self.below(len(options))]

    def happens(self, percent: int) -> bool:
        """Tell whether something happens that does so in so many of 100 cases."""
        return self.below(100) >= 100 - percent

    def some(self, options: Sequence[T], most: int) -> list[T]:
        """Return some different options in their order, at most so many."""
        wanted = self.below(min(most, len(options)) + 1)
        left = list(options)
        while len(left) > wanted:
            left.pop(self.below(len(left)))
        return left
