"""The parsed form of a query, as far as the compiler understands it.

Frozen values that compare by content. Whatever has no node of its own is an ``Opaque``: nothing
is known about it, and it is left to elementpath.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import TypeAlias

__all__ = [
    "And",
    "Call",
    "Comparison",
    "Each",
    "Flwor",
    "ForClause",
    "If",
    "KindTest",
    "LetClause",
    "Literal",
    "NameTest",
    "Node",
    "Opaque",
    "Or",
    "Path",
    "Quantified",
    "SchemaElementTest",
    "Sequence",
    "Start",
    "Step",
    "Test",
    "Union",
    "Variable",
    "WhereClause",
]


class Start(Enum):
    """Where a path begins when it does not begin with an expression."""

    ROOT = "/"
    CONTEXT = "."


@dataclass(frozen=True, slots=True)
class Opaque:
    """An expression that the compiler does not look into."""

    text: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant."""

    value: str | int | float | Decimal | bool


@dataclass(frozen=True, slots=True)
class Variable:
    """A reference to a variable, by its expanded name."""

    name: str


@dataclass(frozen=True, slots=True)
class NameTest:
    """``p:local``, ``*:local`` (namespace None), ``p:*`` (local None) or ``*`` (both None)."""

    namespace: str | None
    local: str | None


@dataclass(frozen=True, slots=True)
class SchemaElementTest:
    """``schema-element(name)``: the Clark names that it stands for."""

    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class KindTest:
    """Any other test: ``node()``, ``text()``, ``element(*, T)``."""

    text: str


Test: TypeAlias = NameTest | SchemaElementTest | KindTest


@dataclass(frozen=True, slots=True)
class Step:
    """``axis::test[predicate]…``"""

    axis: str
    test: Test
    predicates: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Path:
    """Steps from a start; predicates right behind the start filter its items."""

    start: Start | Node
    steps: tuple[Step, ...] = ()
    predicates: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Each:
    """``left/right`` where the right side is more than a step."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Or:
    """``a or b or …``"""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class And:
    """``a and b and …``"""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A general (``=``) or value (``eq``) comparison."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a built-in function, by Clark name."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Sequence:
    """``(a, b, …)``"""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Union:
    """``a | b``"""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class If:
    """``if (condition) then … else …``"""

    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True)
class Quantified:
    """``some|every $x in … satisfies …``"""

    quantifier: str
    bindings: tuple[tuple[str, Node], ...]
    condition: Node


@dataclass(frozen=True, slots=True)
class ForClause:
    """``for $name in items``"""

    name: str
    items: Node
    allows_empty: bool = False


@dataclass(frozen=True, slots=True)
class LetClause:
    """``let $name := value``"""

    name: str
    value: Node


@dataclass(frozen=True, slots=True)
class WhereClause:
    """``where condition``"""

    condition: Node


@dataclass(frozen=True, slots=True)
class Flwor:
    """Clauses and what they return; ``order by`` changes no membership and is left out."""

    clauses: tuple[ForClause | LetClause | WhereClause, ...]
    result: Node


Node: TypeAlias = (
    Opaque
    | Literal
    | Variable
    | Path
    | Each
    | Or
    | And
    | Comparison
    | Call
    | Sequence
    | Union
    | If
    | Quantified
    | Flwor
)
