"""The parsed form of a query: frozen values that compare by content and know no engine.

Each variable has a name of its own: a binding that reuses a name is renamed while translating,
so a rule may move an expression without asking what a name means there. Functions that a query
declares are written out where they are called. What a filter hardly ever needs (maps, arrays,
function items) is ``Opaque``: it is left to elementpath.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import TypeAlias

from clacks_events.filter.nodes.clauses import (
    CatchClause,
    Clause,
    ForClause,
    LetClause,
    OrderClause,
    OrderKey,
    SwitchCase,
    TypeCase,
    WhereClause,
)
from clacks_events.filter.nodes.node_tests import (
    KindTest,
    NameTest,
    SchemaElementTest,
    SchemaTypeTest,
    SequenceType,
    Test,
)

__all__ = [
    "FN",
    "XS",
    "And",
    "Arithmetic",
    "Call",
    "Cast",
    "Castable",
    "CatchClause",
    "Clause",
    "Comparison",
    "Convert",
    "Each",
    "External",
    "Flwor",
    "ForClause",
    "If",
    "InstanceOf",
    "KindTest",
    "LetClause",
    "Literal",
    "Module",
    "NameTest",
    "Negation",
    "Node",
    "Opaque",
    "Or",
    "OrderClause",
    "OrderKey",
    "Path",
    "Quantified",
    "Range",
    "SchemaElementTest",
    "SchemaTypeTest",
    "Sequence",
    "SequenceType",
    "SetOperation",
    "SimpleMap",
    "Start",
    "Step",
    "Switch",
    "SwitchCase",
    "Test",
    "Treat",
    "Try",
    "TypeCase",
    "TypeSwitch",
    "Union",
    "Variable",
    "WhereClause",
]

FN = "{http://www.w3.org/2005/xpath-functions}"
XS = "{http://www.w3.org/2001/XMLSchema}"


class Start(Enum):
    """Where a path begins when it does not begin with an expression."""

    ROOT = "/"
    CONTEXT = "."


@dataclass(frozen=True, slots=True, eq=False)
class Opaque:
    """An expression that the compiler does not look into; ``variables`` occur in it, free.

    None is equal to another: what a text means depends on the prolog in front of it. Most are of
    a kind that has no node; one that ``is_too_deep`` is not looked into for what it consists of.
    """

    text: str
    variables: frozenset[str] = frozenset()
    is_too_deep: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Literal:
    """A constant; ``1``, ``1.0``, ``1e0`` and ``true()`` are four different ones."""

    value: str | int | float | Decimal | bool

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Literal):
            return NotImplemented
        return type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


@dataclass(frozen=True, slots=True)
class Variable:
    """A reference to a variable."""

    name: str


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
class SimpleMap:
    """``left ! right``"""

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
    """A general (``=``), value (``eq``) or node (``is``, ``<<``) comparison."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``+``, ``-``, ``*``, ``div``, ``idiv`` or ``mod``."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Negation:
    """``-a`` or ``+a``"""

    sign: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Range:
    """``low to high``"""

    low: Node
    high: Node


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a built-in function, by Clark name; ``a || b`` is ``concat(a, b)``."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Convert:
    """A value under the function conversion rules (XPath 3.1 §3.1.5.2)."""

    value: Node
    type: SequenceType


@dataclass(frozen=True, slots=True)
class Sequence:
    """``(a, b, …)``"""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Union:
    """``a | b``"""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class SetOperation:
    """``intersect`` or ``except``."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class If:
    """``if (condition) then … else …``"""

    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True)
class Switch:
    """``switch (operand) case … default return …``"""

    operand: Node
    cases: tuple[SwitchCase, ...]
    default: Node


@dataclass(frozen=True, slots=True)
class TypeSwitch:
    """``typeswitch (operand) case … default return …``; the last case is the default."""

    operand: Node
    cases: tuple[TypeCase, ...]


@dataclass(frozen=True, slots=True)
class Try:
    """``try { … } catch * { … }``"""

    body: Node
    catches: tuple[CatchClause, ...]


@dataclass(frozen=True, slots=True)
class InstanceOf:
    """``value instance of type``"""

    value: Node
    type: SequenceType


@dataclass(frozen=True, slots=True)
class Treat:
    """``value treat as type``"""

    value: Node
    type: SequenceType


@dataclass(frozen=True, slots=True)
class Cast:
    """``value cast as type``, an atomic one by Clark name, also as ``xs:type(value)``."""

    value: Node
    type: str
    allows_empty: bool = False


@dataclass(frozen=True, slots=True)
class Castable:
    """``value castable as type``"""

    value: Node
    type: str
    allows_empty: bool = False


@dataclass(frozen=True, slots=True)
class Quantified:
    """``some|every $x in … satisfies …``"""

    quantifier: str
    bindings: tuple[ForClause, ...]
    condition: Node


@dataclass(frozen=True, slots=True)
class Flwor:
    """Clauses and what they return."""

    clauses: tuple[Clause, ...]
    result: Node


Node: TypeAlias = (
    Opaque
    | Literal
    | Variable
    | Path
    | Each
    | SimpleMap
    | Or
    | And
    | Comparison
    | Arithmetic
    | Negation
    | Range
    | Call
    | Convert
    | Sequence
    | Union
    | SetOperation
    | If
    | Switch
    | TypeSwitch
    | Try
    | InstanceOf
    | Treat
    | Cast
    | Castable
    | Quantified
    | Flwor
)


@dataclass(frozen=True, slots=True)
class External:
    """A variable that takes its value from the header of the same name."""

    name: str
    type: SequenceType | None
    default: Node | None


@dataclass(frozen=True, slots=True)
class Module:
    """A whole query: its external variables, in their order, and its body."""

    externals: tuple[External, ...]
    body: Node
