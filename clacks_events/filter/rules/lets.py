"""``let``, and ``where`` that belongs to no loop."""

from __future__ import annotations

from itertools import takewhile
from typing import Final

from clacks_events.filter.nodes import (
    And,
    Comparison,
    Convert,
    Flwor,
    ForClause,
    If,
    LetClause,
    Literal,
    Node,
    Or,
    OrderClause,
    Path,
    Start,
    Variable,
    WhereClause,
)
from clacks_events.filter.nodes.facts import at_most_one, can_fail, kind, truth_can_fail
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.nodes.walk import depth, is_repeated, size, substitute, uses
from clacks_events.filter.rules.making import EMPTY, all_of
from clacks_events.filter.rules.rule import Position, Rule
from clacks_events.filter.rules.types import fits

__all__ = ["RULES"]

_MOST_CLAUSES: Final = 24  # each may be put into all behind it: the work grows with their cube
_LARGEST: Final = 64  # as many nodes may be made by putting a value in several places
_LARGEST_ONCE: Final = 256
_DEEPEST: Final = 20


def _one(node: Node) -> Node:
    """Clauses that only return clauses are one expression; without any, only the result is."""
    match node:
        case Flwor((), result):
            return result
        case Flwor(clauses, Flwor(inner, result)) if len(clauses) + len(inner) <= _MOST_CLAUSES:
            return Flwor((*clauses, *inner), result)
        case _:
            return node


def _let(node: Node) -> Node:
    """Put the value in place of the variable if it cannot fail and is small or used once."""
    match node:
        case Flwor(clauses, result) if len(clauses) <= _MOST_CLAUSES:
            for place, clause in enumerate(clauses):
                if isinstance(clause, LetClause) and _is_free(clause):
                    rest = Flwor(clauses[place + 1 :], result)
                    if (inner := _inlined(clause, rest)) is not None:
                        return Flwor((*clauses[:place], *inner.clauses), inner.result)
    return node


def _is_free(clause: LetClause) -> bool:
    met = clause.type is None or fits(clause.value, clause.type)
    return met and not can_fail(clause.value)


def _inlined(clause: LetClause, rest: Flwor) -> Flwor | None:
    times = uses(rest, clause.name)
    if times * size(clause.value) > (_LARGEST if times > 1 else _LARGEST_ONCE):
        return None
    if depth(clause.value) > _DEEPEST:
        return None
    if not _is_cheap(clause.value) and is_repeated(rest, clause.name):
        return None
    inner = substitute(rest, clause.name, clause.value)
    return inner if isinstance(inner, Flwor) else None


def _is_cheap(value: Node) -> bool:
    """Tell whether a value may as well be asked for again for each of many items."""
    if isinstance(value, Path):
        return at_most_one(value) and not any(step.predicates for step in value.steps)
    return isinstance(value, Literal | Variable)


def _risky_let(node: Node) -> Node:
    """A value that may fail is put where it is sure to be asked for, or nothing matches."""
    match node:
        case Flwor((LetClause(name, value, None), *rest), result) if at_most_one(value):
            inner = Flwor(tuple(rest), result)
            if uses(inner, name) == 1 and _is_asked(inner, name) and not is_repeated(inner, name):
                return substitute(inner, name, value) or node
    return node


def _is_asked(node: Node, name: str) -> bool:
    """Tell whether an expression is false or fails unless it has asked for a variable."""
    match node:
        case Variable(used):
            return used == name
        case And(parts):
            return any(_is_asked(part, name) for part in parts)
        case Or(parts):
            return _is_asked(parts[0], name)
        case Flwor((), result):
            return _is_asked(result, name)
        case Flwor((LetClause(value=inner) | WhereClause(inner), *rest), result):
            return _is_asked(inner, name) or _is_asked(Flwor(tuple(rest), result), name)
        case Comparison(_, left, right):
            return _is_asked(left, name) or _is_asked(right, name)
        case Path(start) if not isinstance(start, Start):
            return _is_asked(start, name)
        case _:
            return False


def _required(node: Node) -> Node:
    """A value of exactly one node, as a function asks for, is a condition."""
    match node:
        case Flwor((LetClause(name, Convert(value, declared), None), *rest), result):
            pass
        case Flwor((LetClause(name, value, declared), *rest), result) if declared is not None:
            pass
        case _:
            return node
    is_single = kind(value) is Kind.NODES and at_most_one(value) and not can_fail(value)
    if declared.occurrence not in ("", "+") or declared.atomic is not None or not is_single:
        return node
    if not fits(value, declared, maybe_empty=False):
        return node
    return Flwor((WhereClause(value), LetClause(name, value), *rest), result)


def _where(node: Node) -> Node:
    """``where c return r`` is ``if (c) then r else ()``."""
    match node:
        case Flwor((WhereClause(), *_) as clauses, result):
            conditions = [*takewhile(lambda clause: isinstance(clause, WhereClause), clauses)]
            tests = all_of(c.condition for c in conditions if isinstance(c, WhereClause))
            return If(tests, Flwor(clauses[len(conditions) :], result), EMPTY)
        case _:
            return node


def _single_item(node: Node) -> Node:
    """``for $x in P`` of a single node is ``let $x := P where exists(P)``."""
    match node:
        case Flwor(clauses, result):
            for place, clause in enumerate(clauses):
                if isinstance(clause, ForClause) and _is_single(clause):
                    let = LetClause(clause.name, clause.items)
                    where = () if clause.allows_empty else (WhereClause(clause.items),)
                    before, after = clauses[:place], clauses[place + 1 :]
                    return Flwor((*before, *where, let, *after), result)
    return node


def _is_single(clause: ForClause) -> bool:
    items = clause.items
    is_plain = clause.position is None and clause.type is None and isinstance(items, Path)
    return is_plain and at_most_one(items) and not truth_can_fail(items)


def _order(node: Node) -> Node:
    """``order by`` is nothing to a single item."""
    match node:
        case Flwor((OrderClause(keys), *rest), result):
            if not any(can_fail(key.value) or not at_most_one(key.value) for key in keys):
                return Flwor(tuple(rest), result)
    return node


RULES: Final = (
    Rule("clauses in clauses", _one, (Flwor,)),
    Rule("single item", _single_item, (Flwor,)),
    Rule("let", _let, (Flwor,)),
    Rule("required node", _required, (Flwor,), Position.GOAL),
    Rule("let that may fail", _risky_let, (Flwor,), Position.GOAL),
    Rule("where", _where, (Flwor,)),
    Rule("order of one", _order, (Flwor,)),
)
