"""The built-in functions on atomic values, and those that only move items.

Each takes one list of items for each argument: atomized values, unless it moves items. They
raise EvaluationError with the W3C code, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from clacks_events.filter.compiled.functions import (
    mathematics,
    numbers,
    patterns,
    sequences,
    strings,
    times,
)
from clacks_events.filter.compiled.functions.function import Function
from clacks_events.filter.nodes.kinds import Kind

__all__ = ["FUNCTIONS", "Function", "function"]

FUNCTIONS: Final[Mapping[tuple[str, int], Function]] = MappingProxyType(
    {
        ("true", 0): Function(Kind.BOOLEAN, lambda: [True], is_single=True),
        ("false", 0): Function(Kind.BOOLEAN, lambda: [False], is_single=True),
        **strings.FUNCTIONS,
        **patterns.FUNCTIONS,
        **numbers.FUNCTIONS,
        **mathematics.FUNCTIONS,
        **sequences.FUNCTIONS,
        **times.FUNCTIONS,
    }
)
"""By local name (in the namespace ``math``: ``math:sqrt``) and number of arguments; no concat."""


def function(local: str, arity: int) -> Function | None:
    """Return a function of ``fn:`` by its local name, of ``math:`` as ``math:sqrt``."""
    if local == "concat":
        return strings.concat(arity) if arity > 1 else None
    return FUNCTIONS.get((local, arity))
