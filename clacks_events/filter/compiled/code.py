"""What an expression is lowered to: closures, and what is known of their results beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Any, Final, TypeAlias, cast

from clacks_events.errors import EvaluationError
from clacks_events.filter.items import Document, Item, in_document_order
from clacks_events.filter.items import Order as NodeOrder
from clacks_events.filter.nodes.kinds import Kind

__all__ = [
    "EVENT",
    "NOW",
    "RESERVED",
    "Binding",
    "Code",
    "Count",
    "Focus",
    "Frame",
    "NotLowerable",
    "One",
    "Order",
    "Place",
    "Run",
    "Scope",
    "Test",
    "merged",
    "ordered",
    "sorted_nodes",
    "too_many",
]

Frame: TypeAlias = list[Any]
"""The state of one evaluation: the event, what is made once for it, then the variables' slots."""

EVENT: Final = 0
NOW: Final = 1
ORDER: Final = 2
RESERVED: Final = 3

Run: TypeAlias = Callable[[Item, Frame], Iterable[Item]]
"""From the context item to the items of an expression; may be used up once only."""

Test: TypeAlias = Callable[[Item, Frame], bool]
One: TypeAlias = Callable[[Item, Frame], Item]


class NotLowerable(Exception):
    """Raised while lowering, for what is left to elementpath; says what it is."""


class Count(Enum):
    """How many items there can be."""

    ONE = "one"
    OPTIONAL = "optional"
    MANY = "many"


class Place(Enum):
    """Which kind of node, as far as it is known."""

    DOCUMENT = "document"
    ENVELOPE = "envelope"
    ELEMENT = "element"
    ATTRIBUTE = "attribute"
    TEXT = "text"
    ANY = "any"


class Order(IntEnum):
    """What is known of the order of nodes."""

    FLAT = 0
    """In document order, without duplicates, and none inside of another."""
    SORTED = 1
    """In document order, without duplicates."""
    LOOSE = 2
    """Anyhow, with duplicates; to be sorted where order or number matter."""
    RAW = 3
    """As an expression has put them together: to be left so."""


@dataclass(frozen=True, slots=True)
class Code:
    """A lowered expression.

    ``one`` gives the item itself, or None if there is none, where there is at most one; ``test``
    the effective boolean value, where there is a shorter way than by the items.
    """

    items: Run
    kind: Kind
    count: Count = Count.MANY
    place: Place = Place.ANY
    order: Order = Order.FLAT
    test: Test | None = None
    one: One | None = None
    constant: Item | None = None
    payload: str | None = None
    """The name that the payload must have, or nothing, for the code that is just the payload."""

    @property
    def is_nodes(self) -> bool:
        """Whether all items are nodes."""
        return self.kind is Kind.NODES


@dataclass(frozen=True, slots=True)
class Focus:
    """What is known of the context item, and where its position is kept."""

    kind: Kind
    place: Place = Place.ANY
    position: int | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Binding:
    """What is known of a variable: its slot, and the code that reads it."""

    slot: int
    code: Code


@dataclass(frozen=True, slots=True)
class Scope:
    """The context item and the variables in sight."""

    focus: Focus
    variables: Mapping[str, Binding]

    def at(self, focus: Focus) -> Scope:
        """Return the scope with another context item."""
        return replace(self, focus=focus)

    def with_variable(self, name: str, binding: Binding) -> Scope:
        """Return the scope with one more variable."""
        return replace(self, variables=MappingProxyType({**self.variables, name: binding}))


def ordered(code: Code) -> Run:
    """Return the items of an expression in document order, without duplicates."""
    items = code.items
    if not code.is_nodes or code.order is not Order.LOOSE:
        return items

    return lambda item, frame: sorted_nodes(items(item, frame), frame)


def sorted_nodes(nodes: Iterable[Item], frame: Frame) -> list[Item]:
    """Return nodes without duplicates, in the order of the document."""

    def order() -> NodeOrder:
        if frame[ORDER] is None:
            frame[ORDER] = Document(frame[EVENT].envelope).order()
        return cast(NodeOrder, frame[ORDER])

    return in_document_order(nodes, order)


def merged(kinds: Iterable[Kind]) -> Kind:
    """Return the kind of items of which each is of one of the kinds."""
    distinct = set(kinds)
    if len(distinct) == 1:
        return distinct.pop()
    return Kind.ANY if distinct & {Kind.NODES, Kind.ANY} else Kind.ATOMIC


def too_many(what: str) -> EvaluationError:
    """Return the error for more than one item where one was expected."""
    return EvaluationError(f"{what} is more than one item", "XPTY0004")
