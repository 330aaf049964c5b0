"""Apply rules until none of them has anything to say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from clacks_events.filter.nodes import (
    FN,
    And,
    Call,
    Flwor,
    ForClause,
    If,
    Literal,
    Node,
    Opaque,
    Or,
    OrderClause,
    Path,
    Quantified,
    SimpleMap,
    Start,
    Switch,
    Try,
    TypeSwitch,
    Variable,
    WhereClause,
)
from clacks_events.filter.nodes.facts import is_position, kind
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.nodes.walk import depth, rebuilt, size
from clacks_events.filter.rules.rule import Position, Rule

__all__ = ["Table", "normalise", "table"]

_LARGEST: Final = 4000  # nodes; a text of 64 KiB must not keep anybody waiting
Table = Mapping[tuple[type, Position], tuple[Rule, ...]]
"""The rules for a type of nodes in a position."""

_DEEPEST = 60  # nested deeper than that, rules would need too much of the stack
_POSITIONED = (And, Or, Call, If, Switch, TypeSwitch, Try, Quantified, Flwor)
_BOOLEAN, _NOT = f"{FN}boolean", f"{FN}not"


def table(rules: Iterable[Rule]) -> Table:
    """Sort rules by what they are for; they keep their order."""
    given = tuple(rules)
    return {
        (known, position): tuple(r for r in given if known in r.on and r.position <= position)
        for known in {known for rule in given for known in rule.on}
        for position in Position
    }


def normalise(body: Node, rules: Table) -> Node:
    """Return what rules make of the body of a query; one that is very deep or large stays."""
    if depth(body) > _DEEPEST or size(body) > _LARGEST:
        return body
    return _Run(rules, 100 + 20 * size(body)).settled(_anchored(body), Position.GOAL)


def _anchored(node: Node) -> Node:
    """``./a`` is ``/a`` where the context item is the document."""
    if isinstance(node, Path) and node.start is Start.CONTEXT:
        return Path(Start.ROOT, node.steps, node.predicates)
    return rebuilt(node, _anchored, _same)


class _Run:
    """One use of the rules; ``fuel`` is how many changes it may make."""

    def __init__(self, rules: Table, fuel: int) -> None:
        self._rules = rules
        self._fuel = fuel
        self._done: dict[tuple[int, Position], Node] = {}

    def settled(self, node: Node, position: Position) -> Node:
        """Return a node on which no rule has anything to say any more."""
        if (id(node), position) in self._done:
            return node
        while True:
            node = self._changed(node, position)
            inner = self._within(node, position)
            if inner is node:
                break
            node = inner
        # The node is kept, so that its id stays its own.
        self._done[id(node), position] = node
        return node

    def _changed(self, node: Node, position: Position) -> Node:
        while self._fuel > 0:
            for rule in self._rules.get((type(node), position), ()):
                new = rule.apply(node)
                if new is not node:
                    break
            else:
                break
            self._fuel -= 1
            node = new
        return node

    def _within(self, node: Node, position: Position) -> Node:
        """Return a node with its children settled, each in its own position."""
        if isinstance(node, Literal | Variable | Opaque):
            return node
        if isinstance(node, Path):
            is_plain = isinstance(node.start, Start) or kind(node.start) is Kind.NODES
            return rebuilt(node, self._value, self._predicate if is_plain else _same)
        if isinstance(node, SimpleMap) and kind(node.left) is not Kind.NODES:
            # Rules take the context item for a node.
            return rebuilt(node, self._value, _same)
        if not isinstance(node, _POSITIONED):
            return rebuilt(node, self._value)
        positions = _positions(node, position)
        return rebuilt(node, lambda child: self.settled(child, next(positions, Position.VALUE)))

    def _value(self, node: Node) -> Node:
        return self.settled(node, Position.VALUE)

    def _predicate(self, node: Node) -> Node:
        return self.settled(node, Position.VALUE if is_position(node) else Position.CONDITION)


def _same(node: Node) -> Node:
    return node


def _positions(node: Node, own: Position) -> Iterator[Position]:
    """Yield the positions of the children; all that follow are values."""
    condition = max(own, Position.CONDITION)
    match node:
        case And(parts):
            yield from (condition for _ in parts)
        case Or(parts):
            # An error must not become false where the next part is asked.
            yield from (Position.CONDITION for _ in parts[1:])
            yield condition
        case Call(name) if name in (_BOOLEAN, _NOT):
            yield condition if name == _BOOLEAN else Position.CONDITION
        case If():
            yield from (Position.CONDITION, own, own)
        case Switch(_, cases):
            yield Position.VALUE
            for case in cases:
                yield from (Position.VALUE for _ in case.operands)
                yield own
            yield own
        case TypeSwitch(_, kinds):
            yield Position.VALUE
            yield from (own for _ in kinds)
        case Try(_, catches):
            # An error that has become false would not be caught.
            yield from (min(own, Position.CONDITION) for _ in (node, *catches))
        case Quantified(_, bindings):
            yield from (Position.VALUE for _ in bindings)
            yield Position.CONDITION
        case Flwor():
            yield from _positions_in_flwor(node, own)


def _positions_in_flwor(node: Flwor, own: Position) -> Iterator[Position]:
    for clause in node.clauses:
        match clause:
            case ForClause():
                own = Position.VALUE
                yield Position.VALUE
            case WhereClause():
                yield max(own, Position.CONDITION)
            case OrderClause(keys):
                yield from (Position.VALUE for _ in keys)
            case _:
                yield Position.VALUE
    yield own
