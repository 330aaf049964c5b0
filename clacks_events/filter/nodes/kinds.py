"""What is known of the items of an expression before it runs."""

from __future__ import annotations

from enum import Enum

__all__ = ["Kind"]


class Kind(Enum):
    """The kind of all items of an expression."""

    NODES = "nodes"
    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    ATOMIC = "atomic"
    """Atomic values of other types, of several or of unknown ones."""
    ANY = "any"
    """Nodes and atomic values."""
