"""Walk through nodes: what they consist of, and the same with something else in its place.

An expression sees the context item, position and size of its *focus*. Predicates and the right
sides of ``/`` and ``!`` are evaluated in an inner focus, once for each item; all else sees the
focus of what it is part of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from itertools import repeat
from typing import Any, Final, TypeVar, cast, get_args

from clacks_events.filter import nodes
from clacks_events.filter.nodes import FN, Node, Start
from clacks_events.filter.nodes.facts import can_fail, kind
from clacks_events.filter.nodes.kinds import Kind

__all__ = [
    "asks_position",
    "can_fail",
    "children",
    "contains_opaque",
    "depends_on_focus",
    "depth",
    "free_variables",
    "is_repeated",
    "rebuilt",
    "refocused",
    "size",
    "substitute",
    "uses",
]

Change = Callable[[Node], Node]
_T = TypeVar("_T")

_NODES: Final[frozenset[type]] = frozenset(get_args(Node))
_PARTS: Final[tuple[type, ...]] = (
    nodes.Step,
    nodes.SwitchCase,
    nodes.TypeCase,
    nodes.CatchClause,
    nodes.ForClause,
    nodes.LetClause,
    nodes.WhereClause,
    nodes.OrderClause,
    nodes.OrderKey,
)
_HOLDING: Final = re.compile(r"Node|Step|Clause|Case|Key")
_FIELDS: Final[dict[type, tuple[tuple[str, bool], ...]]] = {
    known: tuple((field.name, bool(_HOLDING.search(str(field.type)))) for field in fields(known))
    for known in (*_NODES, *_PARTS)
}
"""The fields of each class, and whether they hold nodes."""


def children(node: Node) -> Iterator[Node]:
    """Yield the expressions that an expression directly consists of, in the order of the fields.

    Those in steps, clauses and cases are among them.
    """
    match node:
        case nodes.Literal() | nodes.Variable() | nodes.Opaque():
            return iter(())
        case nodes.Path() if not node.predicates and isinstance(node.start, Start):
            return iter([p for step in node.steps for p in step.predicates])
        case _:
            return _held(node)


def _held(holder: object) -> Iterator[Node]:
    for name, holds_nodes in _FIELDS[type(holder)]:
        if holds_nodes:
            yield from _in(getattr(holder, name))


def _in(value: object) -> Iterator[Node]:
    if type(value) in _NODES:
        yield cast(Node, value)
    elif type(value) is tuple:
        for item in value:
            yield from _in(item)
    elif type(value) in _PARTS:
        yield from _held(value)


def rebuilt(node: Node, change: Change, inner: Change | None = None) -> Node:
    """Return an expression with each child changed; the very same if none of them is.

    ``inner`` is for the children in an inner focus, if they want another change. The children are
    taken in the order of :func:`children`.
    """
    match node:
        case nodes.Literal() | nodes.Variable() | nodes.Opaque():
            return node
        case nodes.Path():
            return _rebuilt_path(node, change, inner or change)
        case nodes.Comparison(operator, left, right):
            sides = change(left), change(right)
            same = sides[0] is left and sides[1] is right
            return node if same else nodes.Comparison(operator, *sides)
        case nodes.And(parts) | nodes.Or(parts) | nodes.Sequence(parts) | nodes.Union(parts):
            new = tuple(map(change, parts))
            return node if all(map(_is, parts, new)) else type(node)(new)
        case nodes.Call(name, arguments):
            new = tuple(map(change, arguments))
            return node if all(map(_is, arguments, new)) else nodes.Call(name, new)
        case nodes.Each(left, right) | nodes.SimpleMap(left, right):
            sides = change(left), (inner or change)(right)
            return node if sides[0] is left and sides[1] is right else type(node)(*sides)
        case _:
            return _remade(node, change)


def _rebuilt_path(path: nodes.Path, change: Change, inner: Change) -> nodes.Path:
    start = path.start if isinstance(path.start, Start) else change(path.start)
    steps, predicates = path.steps, path.predicates
    for step in steps:
        if step.predicates:
            steps = _each(steps, inner)
            break
    if predicates:
        predicates = _each(predicates, inner)
    same = start is path.start and steps is path.steps and predicates is path.predicates
    return path if same else nodes.Path(start, steps, predicates)


def _each(items: tuple[_T, ...], change: Change) -> tuple[_T, ...]:
    new = tuple(map(_changed, items, repeat(change)))
    return items if all(map(_is, items, new)) else new


def _changed(value: Any, change: Change) -> Any:
    if type(value) in _NODES:
        return change(value)
    if type(value) is tuple:
        return _each(value, change)
    return _remade(value, change) if type(value) in _PARTS else value


def _remade(holder: _T, change: Change) -> _T:
    if isinstance(holder, nodes.Step) and not holder.predicates:
        return holder
    old = [getattr(holder, name) for name, _ in _FIELDS[type(holder)]]
    # map instead of a comprehension: it takes no frame of its own from what the stack holds.
    new = [*map(_changed, old, repeat(change))]
    return holder if all(map(_is, old, new)) else type(holder)(*new)


def _is(one: object, other: object) -> bool:
    return one is other


def depth(node: Node) -> int:
    """Return how deep expressions are nested; one without parts has depth 1."""
    return 1 + max(map(depth, children(node)), default=0)


def is_repeated(node: Node, name: str) -> bool:
    """Tell whether a variable occurs where an expression is evaluated once for each of many items.

    That is in predicates, behind ``/`` and ``!``, and behind ``for``, ``some`` and ``every``.
    """
    return any(uses(inner, name) for inner in _repeated(node)) or any(
        is_repeated(child, name) for child in children(node)
    )


def _repeated(node: Node) -> Iterator[Node]:
    match node:
        case nodes.Path(_, steps, predicates):
            yield from predicates
            yield from (predicate for step in steps for predicate in step.predicates)
        case nodes.Each(_, right) | nodes.SimpleMap(_, right):
            yield right
        case nodes.Quantified(quantifier, (_, *rest), condition):
            yield nodes.Quantified(quantifier, tuple(rest), condition) if rest else condition
        case nodes.Flwor(clauses, result):
            for place, clause in enumerate(clauses):
                if isinstance(clause, nodes.ForClause):
                    yield nodes.Flwor(clauses[place + 1 :], result)
                    return
        case _:
            return


def size(node: Node) -> int:
    """Return how many expressions and steps there are, the expression itself included."""
    if isinstance(node, nodes.Literal | nodes.Variable):
        return 1
    steps = len(node.steps) if isinstance(node, nodes.Path) else 0
    return 1 + steps + sum([size(child) for child in children(node)])


def contains_opaque(node: Node) -> bool:
    """Tell whether the compiler cannot look into a part of an expression."""
    return isinstance(node, nodes.Opaque) or any(map(contains_opaque, children(node)))


def free_variables(node: Node) -> frozenset[str]:
    """Return the variables that an expression uses and does not bind.

    Names are unique in a module, so that what is bound somewhere inside is free nowhere.
    """
    used: set[str] = set()
    bound: set[str] = set()
    _collect(node, used, bound)
    return frozenset(used - bound)


def _collect(node: Node, used: set[str], bound: set[str]) -> None:
    match node:
        case nodes.Variable(name):
            used.add(name)
        case nodes.Opaque(_, variables):
            used |= variables
        case nodes.Flwor(clauses=clauses) | nodes.Quantified(bindings=clauses):
            for clause in clauses:
                bound.update(_bound(clause))
        case nodes.TypeSwitch(_, cases):
            bound.update(case.variable for case in cases if case.variable is not None)
    for child in children(node):
        _collect(child, used, bound)


def _bound(clause: nodes.Clause) -> Iterator[str]:
    if isinstance(clause, nodes.ForClause | nodes.LetClause):
        yield clause.name
    if isinstance(clause, nodes.ForClause) and clause.position is not None:
        yield clause.position


def uses(node: Node, name: str) -> int:
    """Return how often a variable is used; what may be evaluated more than once counts twice."""
    match node:
        case nodes.Variable():
            return int(node.name == name)
        case nodes.Literal():
            return 0
        case nodes.Opaque():
            return int(name in node.variables)
        case nodes.Quantified(_, (first, *rest), condition):
            again = [*(binding.items for binding in rest), condition]
            return uses(first.items, name) + 2 * _sum_of_uses(again, name)
        case nodes.Flwor(clauses, result):
            return _uses_in_clauses(clauses, result, name)
        case nodes.Path(start, steps, predicates):
            again = [*predicates, *[p for step in steps for p in step.predicates]]
            once = 0 if isinstance(start, Start) else uses(start, name)
            return once + 2 * _sum_of_uses(again, name) if again else once
        case nodes.Each(left, right) | nodes.SimpleMap(left, right):
            return uses(left, name) + 2 * uses(right, name)
        case _:
            return _sum_of_uses(children(node), name)


def _sum_of_uses(parts: Iterable[Node], name: str) -> int:
    return sum([uses(part, name) for part in parts])


def _uses_in_clauses(clauses: tuple[nodes.Clause, ...], result: Node, name: str) -> int:
    total, factor = 0, 1
    for clause in clauses:
        total += factor * _sum_of_uses(_held(clause), name)
        if isinstance(clause, nodes.ForClause):
            factor = 2
    return total + factor * uses(result, name)


_OF_FOCUS: Final = frozenset((f"{FN}position", f"{FN}last"))
_OF_NODE: Final = frozenset((f"{FN}lang", f"{FN}id", f"{FN}idref", f"{FN}element-with-id"))
_OF_ITEM: Final = frozenset(
    FN + name
    for name in (
        *("base-uri", "data", "document-uri", "generate-id", "has-children", "last", "local-name"),
        *("name", "namespace-uri", "nilled", "node-name", "normalize-space", "number", "path"),
        *("position", "root", "string", "string-length"),
    )
)
"""The functions that are about the focus when they have no arguments."""


def depends_on_focus(node: Node) -> bool:
    """Tell whether an expression asks for the context item, its position or the size."""
    match node:
        case nodes.Opaque() | nodes.Path(Start.CONTEXT):
            return True
        case nodes.Call(name, arguments) if _is_of_focus(name, arguments):
            return True
        case _:
            return any(map(depends_on_focus, _own(node)))


def _is_of_focus(name: str, arguments: tuple[Node, ...]) -> bool:
    return name in _OF_NODE or (not arguments and name in _OF_ITEM)


def asks_position(node: Node) -> bool:
    """Tell whether an expression asks for its position or the size, or may do so."""
    match node:
        case nodes.Opaque():
            return True
        case nodes.Call(name) if name in _OF_FOCUS:
            return True
        case _:
            return any(map(asks_position, _own(node)))


def _own(node: Node) -> Iterator[Node]:
    """Yield the children that are not in an inner focus."""
    match node:
        case nodes.Path(start):
            return iter(() if isinstance(start, Start) else (start,))
        case nodes.Each(left, _) | nodes.SimpleMap(left, _):
            return iter((left,))
        case _:
            return children(node)


class _Immovable(Exception):
    """An expression cannot be moved to where it is wanted."""


def substitute(node: Node, name: str, value: Node) -> Node | None:
    """Return an expression with a value in place of a variable.

    None when that cannot be done: the variable occurs in an Opaque, or in an inner focus, where
    the value would mean something else. Whether the value may fail is for the caller to judge.
    """
    is_local = depends_on_focus(value)
    is_plain = isinstance(value, nodes.Literal)
    path = value if isinstance(value, nodes.Path) else None

    def put(child: Node) -> Node:
        match child:
            case nodes.Variable():
                return value if child.name == name else child
            case nodes.Opaque() if name in child.variables:
                raise _Immovable
            case nodes.Path(nodes.Variable(used), steps, ()) if used == name and path is not None:
                return _beginning(path, _each(steps, kept if is_local else put), ())
            case nodes.Path(start) if isinstance(start, Start) or kind(start) is Kind.NODES:
                return rebuilt(child, put, kept if is_local else put)
            case nodes.Each():
                return rebuilt(child, put, kept if is_local else put)
            case nodes.Path() | nodes.SimpleMap():
                # The items may be no nodes: even "/" would fail there.
                return rebuilt(child, put, put if is_plain else kept)
            case _:
                return rebuilt(child, put)

    def kept(child: Node) -> Node:
        if name in free_variables(child):
            raise _Immovable
        return child

    try:
        return put(node)
    except _Immovable:
        return None


def refocused(node: Node, item: nodes.Path) -> Node | None:
    """Return an expression with a path in place of its context item.

    None when that cannot be done, as it asks for its position or cannot be looked into.
    """

    def put(child: Node) -> Node:
        match child:
            case nodes.Path(Start.CONTEXT, steps, predicates):
                return _beginning(item, steps, predicates)
            case nodes.Opaque():
                raise _Immovable
            case nodes.Call(name, arguments) if _is_of_focus(name, arguments):
                raise _Immovable
            case _:
                return rebuilt(child, put, _same)

    try:
        return put(node)
    except _Immovable:
        return None


def _beginning(
    item: nodes.Path, steps: tuple[nodes.Step, ...], predicates: tuple[Node, ...]
) -> Node:
    if not predicates:
        return nodes.Path(item.start, (*item.steps, *steps), item.predicates)
    return nodes.Path(item, steps, predicates)


def _same(node: Node) -> Node:
    return node
