"""What a rule is, and where it may be applied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from clacks_events.filter.nodes import Node

__all__ = ["Position", "Rule"]


class Position(IntEnum):
    """What is asked of an expression; the higher, the more a rule may do to it."""

    VALUE = 0
    """Its items count, and its errors."""
    CONDITION = 1
    """Its effective boolean value counts, and its errors."""
    GOAL = 2
    """As ``CONDITION``, but an error is the same as false: no match."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to say the same more simply.

    ``apply`` gets nodes of the types ``on``, in ``position`` or a higher one, and returns the
    simpler node, or the very same one when it has nothing to say.
    """

    name: str
    apply: Callable[[Node], Node]
    on: tuple[type, ...]
    position: Position = Position.VALUE
