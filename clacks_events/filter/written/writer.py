"""Expressions as XQuery text, parenthesised where the operator around them binds tighter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from clacks_events.filter import nodes
from clacks_events.filter.nodes import Node, Start
from clacks_events.filter.written.names import Level, Names, Text, literal

__all__ = ["Writer"]

_CONTEXT: Final = nodes.Path(Start.CONTEXT)
_DESCENDANTS: Final = nodes.Step("descendant-or-self", nodes.KindTest("node()"))


class Writer:
    """Writes expressions, with the prefixes that there are."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def external(self, external: nodes.External) -> str:
        """Return the declaration of a header."""
        default = "" if external.default is None else f" := {self._single(external.default)}"
        variable = f"{self._names.variable(external.name)}{_as(external.type)}"
        return f"declare variable {variable} external{default};"

    def at(self, node: Node, level: Level) -> str:
        """Return a node as an operand of something that binds as tightly as ``level``."""
        own, text = self._expression(node)
        return text if own >= level else f"({text})"

    def _single(self, node: Node) -> str:
        return self.at(node, Level.SINGLE)

    def _expression(self, node: Node) -> Text:
        match node:
            case nodes.Path():
                return self._path(node)
            case nodes.Each():
                return self._each(node)
            case nodes.Call():
                return (
                    Level.POSTFIX,
                    f"{self._names.function(node.name)}{self._list(node.arguments)}",
                )
            case nodes.Sequence():
                return Level.POSTFIX, self._list(node.items)
            case nodes.Variable():
                return Level.POSTFIX, self._names.variable(node.name)
            case nodes.Literal():
                return literal(node.value)
            case nodes.Opaque():
                return Level.TOP, node.text
            case nodes.If() | nodes.Switch() | nodes.TypeSwitch() | nodes.Try():
                return Level.SINGLE, self._choice(node)
            case nodes.Flwor(()):
                return self._expression(node.result)
            case nodes.Quantified() | nodes.Flwor():
                return Level.SINGLE, self._loop(node)
            case nodes.Or() | nodes.And() | nodes.Union():
                return self._joined(node)
            case (
                nodes.InstanceOf()
                | nodes.Treat()
                | nodes.Cast()
                | nodes.Castable()
                | nodes.Convert()
            ):
                return self._typed(node)
            case _:
                return self._binary(node)

    # Operators

    def _joined(self, node: nodes.Or | nodes.And | nodes.Union) -> Text:
        match node:
            case nodes.Or():
                level, word, empty = Level.OR, " or ", "false()"
            case nodes.And():
                level, word, empty = Level.AND, " and ", "true()"
            case nodes.Union():
                level, word, empty = Level.UNION, " | ", "()"
        parts = [self.at(part, _above(level)) for part in node.parts]
        return level if len(parts) > 1 else Level.POSTFIX, word.join(parts) or empty

    def _binary(
        self,
        node: nodes.Comparison
        | nodes.Arithmetic
        | nodes.Range
        | nodes.SetOperation
        | nodes.SimpleMap
        | nodes.Negation,
    ) -> Text:
        match node:
            case nodes.Comparison(operator, left, right):
                sides = self.at(left, Level.RANGE), self.at(right, Level.RANGE)
                return Level.COMPARISON, f"{sides[0]} {operator} {sides[1]}"
            case nodes.Range(left, right):
                sides = self.at(left, Level.ADDITIVE), self.at(right, Level.ADDITIVE)
                return Level.RANGE, f"{sides[0]} to {sides[1]}"
            case nodes.Arithmetic(operator, left, right):
                level = Level.ADDITIVE if operator in ("+", "-") else Level.MULTIPLICATIVE
            case nodes.SetOperation(operator, left, right):
                level = Level.INTERSECT
            case nodes.SimpleMap(left, right):
                level, operator = Level.MAP, "!"
            case nodes.Negation(sign, operand):
                return Level.UNARY, f"{sign}{self.at(operand, Level.MAP)}"
        return level, f"{self.at(left, level)} {operator} {self.at(right, _above(level))}"

    def _typed(
        self,
        node: nodes.InstanceOf | nodes.Treat | nodes.Cast | nodes.Castable | nodes.Convert,
    ) -> Text:
        match node:
            case nodes.Convert(value, type):
                text = f"function($x{_as(type)}) {{ $x }}({self._single(value)})"
                return Level.POSTFIX, text
            case nodes.Cast(value, name, True):
                return Level.POSTFIX, f"{self._names.name(name)}({self._single(value)})"
            case nodes.Cast(value, name, _):
                words = f"cast as {self._names.name(name)}"
            case nodes.Castable(value, name, allows_empty):
                words = f"castable as {self._names.name(name)}{'?' if allows_empty else ''}"
            case nodes.InstanceOf(value, type):
                words = f"instance of {type.text}"
            case nodes.Treat(value, type):
                words = f"treat as {type.text}"
        # The type takes a following + or * for itself: not next to an operator that binds tighter.
        return Level.COMPARISON, f"{self.at(value, Level.UNARY)} {words}"

    def _list(self, items: Iterable[Node]) -> str:
        return f"({', '.join(map(self._single, items))})"

    # Paths

    def _path(self, path: nodes.Path) -> Text:
        start, predicates = path.start, self._predicates(path.predicates)
        if start is Start.ROOT:
            if not path.steps:
                return (Level.POSTFIX, f"(/){predicates}") if predicates else (Level.TOP, "/")
            return (
                Level.PATH,
                f"{f'(/){predicates}' if predicates else ''}{self._steps(path.steps)}",
            )
        if start is Start.CONTEXT:
            before = f".{predicates}"
            if path.steps and path.steps[0] != _DESCENDANTS and not predicates:
                return Level.PATH, self._steps(path.steps).removeprefix("/")
        elif predicates and not (isinstance(start, nodes.Path) and start == _CONTEXT):
            before = f"{self._filtered(start)}{predicates}"
        else:
            before = f"{self.at(start, Level.PATH)}{predicates}"
        level = Level.PATH if path.steps else Level.POSTFIX
        return level, f"{before}{self._steps(path.steps)}"

    def _filtered(self, start: Node) -> str:
        if isinstance(start, nodes.Path):
            return f"({self.at(start, Level.TOP)})"
        return self.at(start, Level.POSTFIX)

    def _each(self, node: nodes.Each) -> Text:
        left = self.at(node.left, Level.PATH)
        if node.left == nodes.Path(Start.ROOT):
            left = ""
        return Level.PATH, f"{left}/{self.at(node.right, Level.POSTFIX)}"

    def _steps(self, steps: tuple[nodes.Step, ...]) -> str:
        return "".join(self._slashed(steps))

    def _slashed(self, steps: tuple[nodes.Step, ...]) -> Iterator[str]:
        slash = "/"
        for step in steps[:-1]:
            if step == _DESCENDANTS and slash == "/":
                slash = "//"
            else:
                yield f"{slash}{self._step(step)}"
                slash = "/"
        if steps:
            yield f"{slash}{self._step(steps[-1])}"

    def _step(self, step: nodes.Step) -> str:
        predicates = self._predicates(step.predicates)
        if step.axis == "parent" and step.test == nodes.KindTest("node()"):
            return f"..{predicates}"
        axis, test = f"{step.axis}::", self._names.test(step.test, step.axis)
        of_attributes = test.startswith(("attribute(", "schema-attribute("))
        if step.axis == ("attribute" if of_attributes else "child"):
            axis = ""
        elif step.axis == "attribute" and isinstance(step.test, nodes.NameTest):
            axis = "@"
        return f"{axis}{test}{predicates}"

    def _predicates(self, predicates: tuple[Node, ...]) -> str:
        return "".join(f"[{self.at(predicate, Level.TOP)}]" for predicate in predicates)

    # Choices and loops

    def _choice(self, node: nodes.If | nodes.Switch | nodes.TypeSwitch | nodes.Try) -> str:
        match node:
            case nodes.If(condition, then, otherwise):
                branches = f"then {self._single(then)} else {self._single(otherwise)}"
                return f"if ({self.at(condition, Level.TOP)}) {branches}"
            case nodes.Switch(operand, cases, default):
                words = " ".join(map(self._case, cases))
                start = f"switch ({self.at(operand, Level.TOP)}) {words}"
                return f"{start} default return {self._single(default)}"
            case nodes.TypeSwitch(operand, types):
                words = " ".join(map(self._type_case, types))
                return f"typeswitch ({self.at(operand, Level.TOP)}) {words}"
            case nodes.Try(body, catches):
                words = " ".join(map(self._catch, catches))
                return f"try {{ {self.at(body, Level.TOP)} }} {words}"

    def _case(self, case: nodes.SwitchCase) -> str:
        operands = " ".join(f"case {self._single(operand)}" for operand in case.operands)
        return f"{operands} return {self._single(case.result)}"

    def _type_case(self, case: nodes.TypeCase) -> str:
        variable = "" if case.variable is None else f" {self._names.variable(case.variable)}"
        types = " | ".join(type.text for type in case.types)
        if types:
            words = f"case{variable}{' as' if variable else ''} {types}"
        else:
            words = f"default{variable}"
        return f"{words} return {self._single(case.result)}"

    def _catch(self, catch: nodes.CatchClause) -> str:
        codes = " | ".join(self._names.code(*code) for code in catch.codes)
        return f"catch {codes} {{ {self.at(catch.result, Level.TOP)} }}"

    def _loop(self, node: nodes.Quantified | nodes.Flwor) -> str:
        if isinstance(node, nodes.Flwor):
            return self._flwor(node)
        bindings = ", ".join(self._clause(b).removeprefix("for ") for b in node.bindings)
        return f"{node.quantifier} {bindings} satisfies {self._single(node.condition)}"

    def _flwor(self, node: nodes.Flwor) -> str:
        first, *rest = node.clauses
        if isinstance(first, nodes.WhereClause):
            # A rule has taken away what stood before it.
            then = nodes.Flwor(tuple(rest), node.result)
            return self._choice(nodes.If(first.condition, then, nodes.Sequence(())))
        start = "let $_ := () " if isinstance(first, nodes.OrderClause) else ""
        clauses = " ".join(map(self._clause, node.clauses))
        return f"{start}{clauses} return {self._single(node.result)}"

    def _clause(self, clause: nodes.Clause) -> str:
        match clause:
            case nodes.ForClause(name, items, allows_empty, position, type):
                empty = " allowing empty" if allows_empty else ""
                at = "" if position is None else f" at {self._names.variable(position)}"
                variable = f"{self._names.variable(name)}{_as(type)}{empty}{at}"
                return f"for {variable} in {self._single(items)}"
            case nodes.LetClause(name, value, type):
                return f"let {self._names.variable(name)}{_as(type)} := {self._single(value)}"
            case nodes.WhereClause(condition):
                return f"where {self._single(condition)}"
            case nodes.OrderClause(keys):
                return f"order by {', '.join(map(self._key, keys))}"

    def _key(self, key: nodes.OrderKey) -> str:
        descending = " descending" if key.is_descending else ""
        greatest = " empty greatest" if key.is_empty_greatest else ""
        return f"{self._single(key.value)}{descending}{greatest}"


def _above(level: Level) -> Level:
    return Level(level + 1)


def _as(type: nodes.SequenceType | None) -> str:
    return "" if type is None else f" as {type.text}"
