"""Where in the text a node comes from, as far as its tokens tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from clacks_events.filter import nodes
from clacks_events.filter.bounded.judge import StepOf
from clacks_events.filter.bounded.text import lexemes
from clacks_events.filter.nodes import FN
from clacks_events.filter.xquery.lexer import Lexeme

__all__ = ["span"]


def span(text: str, module: nodes.Module, cause: object) -> tuple[int, int]:
    """Return the characters that a node was written with, or those of the whole query.

    Nodes do not know their place. The operator, axis or function of the cause is looked for; if
    it stands there several times, it is the one at the same place among its like in the module.
    """
    whole = len(text) - len(text.lstrip()), max(len(text.rstrip()), 1)
    if isinstance(cause, nodes.Opaque) and text.count(cause.text) == 1:
        start = text.index(cause.text)
        return start, start + len(cause.text)
    sign = _sign(cause)
    if sign is None:
        return whole
    found = [lexeme.span() for lexeme in lexemes(text) if _is_sign(lexeme, sign)]
    alike = [node for node in _in_order(module) if _sign(node) == sign]
    if len(found) == 1:
        return found[0]
    if len(found) != len(alike):
        return whole
    return next((p for p, node in zip(found, alike, strict=True) if _is(node, cause)), whole)


def _is(node: object, cause: object) -> bool:
    if isinstance(node, StepOf) and isinstance(cause, StepOf):
        return node.path is cause.path and node.number == cause.number
    return node is cause


def _sign(node: object) -> str | None:
    match node:
        case nodes.Call(name):
            return "||" if name == f"{FN}concat" else f"{name.rpartition('}')[2]}()"
        case nodes.Comparison(operator) | nodes.Arithmetic(operator):
            return operator
        case nodes.SetOperation(operator):
            return operator
        case nodes.Range():
            return "to"
        case StepOf(path, number):
            return _step_sign(path.steps[number])
        case nodes.Cast(_, type) | nodes.Castable(_, type):
            return f"{type.rpartition('}')[2]}()"
        case nodes.Variable(name):
            return name.rpartition("}")[2]
        case _:
            return None


def _step_sign(step: nodes.Step) -> str | None:
    match step:
        case nodes.Step("descendant-or-self", nodes.KindTest("node()"), ()):
            return "//"
        case nodes.Step("parent", nodes.KindTest("node()"), ()):
            return ".."
        case nodes.Step(axis) if axis not in ("child", "attribute"):
            return f"{axis}::"
        case nodes.Step(_, nodes.NameTest(_, local)):
            return local
        case _:
            return None


def _is_sign(lexeme: Lexeme, sign: str) -> bool:
    value = str(lexeme.value).rpartition(":")[2]
    if lexeme.symbol == "(function)":
        return f"{value}()" == sign or (sign == "||" and value == "concat")
    if lexeme.symbol == "(name)":
        return value == sign
    return sign in (lexeme.symbol, f"{lexeme.symbol}::")


def _in_order(holder: object) -> Iterator[object]:
    """Yield all nodes and steps in about the order of the text."""
    if isinstance(holder, tuple):
        for item in holder:
            yield from _in_order(item)
    elif isinstance(holder, nodes.Path):
        yield holder
        yield from _in_order((holder.start, holder.predicates))
        for number, step in enumerate(holder.steps):
            yield StepOf(holder, number)
            yield from _in_order(step.predicates)
    elif isinstance(holder, (nodes.Comparison, nodes.Arithmetic, nodes.SetOperation, nodes.Range)):
        left, right = (f.name for f in fields(holder) if f.name != "operator")
        yield from _in_order(getattr(holder, left))
        yield holder
        yield from _in_order(getattr(holder, right))
    elif is_dataclass(holder):
        yield holder
        for field in fields(holder):
            yield from _in_order(getattr(holder, field.name))
