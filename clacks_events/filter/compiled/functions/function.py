"""What the compiler knows of a built-in function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.xquery.atomic import Atomic

__all__ = ["Function", "Items"]

Items: TypeAlias = list[Atomic]
"""A sequence of atomic values; of nodes too where a function only moves items."""


@dataclass(frozen=True, slots=True)
class Function:
    """A built-in function of a number of arguments.

    ``call`` takes one list of atomized values for each argument and returns the items. With
    ``moves_items`` it returns some of the items of the argument number ``moved``, which need not
    be atomized (the others must be); the result is of that argument's kind. With ``needs_now`` a
    list with the current xs:dateTime comes before the arguments.

    ``plain`` is there for functions of strings whose result is always one item: it takes a str
    for each argument, '' for an empty one; those whose numbers are in ``required`` must not be
    empty. ``is_single`` promises exactly one item, ``is_optional`` at most one.
    """

    kind: Kind
    call: Callable[..., Items]
    plain: Callable[..., Atomic] | None = None
    required: frozenset[int] = frozenset()
    is_single: bool = False
    is_optional: bool = False
    moves_items: bool = False
    moved: int = 0
    needs_now: bool = False
