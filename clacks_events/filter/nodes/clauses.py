"""The clauses and cases that expressions consist of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from clacks_events.filter.nodes.node_tests import SequenceType

if TYPE_CHECKING:
    from clacks_events.filter.nodes import Node

__all__ = [
    "CatchClause",
    "Clause",
    "ForClause",
    "LetClause",
    "OrderClause",
    "OrderKey",
    "SwitchCase",
    "TypeCase",
    "WhereClause",
]


@dataclass(frozen=True, slots=True)
class SwitchCase:
    """``case … case … return …``"""

    operands: tuple[Node, ...]
    result: Node


@dataclass(frozen=True, slots=True)
class TypeCase:
    """``case $variable as T | U return …``; no types is the default."""

    types: tuple[SequenceType, ...]
    variable: str | None
    result: Node


@dataclass(frozen=True, slots=True)
class CatchClause:
    """``catch codes { … }``: namespace and local name of each; None is any."""

    codes: tuple[tuple[str | None, str | None], ...]
    result: Node


@dataclass(frozen=True, slots=True)
class ForClause:
    """``for $name as type at $position in items``; also a binding of ``some`` and ``every``."""

    name: str
    items: Node
    allows_empty: bool = False
    position: str | None = None
    type: SequenceType | None = None


@dataclass(frozen=True, slots=True)
class LetClause:
    """``let $name as type := value``"""

    name: str
    value: Node
    type: SequenceType | None = None


@dataclass(frozen=True, slots=True)
class WhereClause:
    """``where condition``"""

    condition: Node


@dataclass(frozen=True, slots=True)
class OrderKey:
    """One key of ``order by``."""

    value: Node
    is_descending: bool = False
    is_empty_greatest: bool = False


@dataclass(frozen=True, slots=True)
class OrderClause:
    """``order by``; always stable."""

    keys: tuple[OrderKey, ...]


Clause: TypeAlias = ForClause | LetClause | WhereClause | OrderClause
