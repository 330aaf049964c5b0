"""Generated queries: text that fits the generated schemas, from simple to wild."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.filter.fuzz.choices import Choices
from tests.filter.fuzz.samples import Header, QuerySample
from tests.filter.fuzz.schemas import NAMESPACES
from tests.filter.fuzz.slots import SLOTS
from tests.filter.fuzz.vocabulary import Vocabulary
from tests.filter.fuzz.writer import Function, Writer

__all__ = ["queries"]

_DEEPEST: Final = 4
_HEADERS: Final = (
    Header("color", None, None, "busy", "string"),
    Header("color", "xs:string", None, "a", "string"),
    Header("number", "xs:integer", None, 5, "integer"),
    Header("number", None, None, 10, "integer"),
    Header("ratio", "xs:double", None, 2.5, "double"),
    Header("ratio", None, None, 1000.0, "double"),
    Header("urgent", "xs:boolean", None, True, "boolean"),
    Header("urgent", None, None, False, "boolean"),
    Header("absent", "xs:string", "'busy'", None, "string"),
    Header("absent", None, "5", None, "integer"),
    Header("given", "xs:integer?", "1", 2, "integer"),
    Header("missing", None, None, None, "string"),
    Header("wrong", "xs:integer", None, "x", "integer"),
    Header("anything", "item()", None, "a", "string"),
)
_SIGNATURES: Final = (
    ("boolean", ("nodes",), "$p0", " as xs:boolean"),
    ("boolean", ("string", "string"), "$p0 as xs:string, $p1", " as xs:boolean?"),
    ("integer", ("nodes",), "$p0 as node()*", ""),
    ("integer", ("integer", "integer"), "$p0 as xs:integer, $p1 as xs:double", ""),
    ("string", ("node",), "$p0 as xs:string?", " as xs:string"),
    ("string", ("atomic",), "$p0", ""),
    ("boolean", ("node",), "$p0 as xs:double?", ""),
)


class _Author:
    """Writes one query."""

    def __init__(self, choices: Choices, vocabulary: Vocabulary) -> None:
        self.choices = choices
        level = choices.below(_DEEPEST + 1)
        self.writer = Writer(choices, vocabulary, SLOTS, level)

    def sample(self) -> QuerySample:
        choices = self.choices
        prolog = " ".join(self.prolog()) if choices.happens(35) else ""
        headers = choices.some(_HEADERS, 3) if choices.happens(30) else []
        chosen = tuple({header.name: header for header in headers}.values())
        seen = tuple((h.name, h.kind) for h in chosen if h.name not in ("missing", "wrong"))
        self.writer = replace(
            self.writer, headers=chosen, variables=(*self.writer.variables, *seen)
        )
        tests = self.writer.vocabulary.schema_tests
        return QuerySample(prolog, self.writer.write("boolean"), chosen, tests)

    def prolog(self) -> Iterator[str]:
        choices = self.choices
        if choices.happens(10):
            yield "xquery version '3.1';"
        if choices.happens(30):
            yield f"declare namespace x = '{NAMESPACES['a']}';"
        if choices.happens(10):
            yield f"declare default element namespace '{choices.one(tuple(NAMESPACES.values()))}';"
        if choices.happens(10):
            yield "declare default order empty greatest;"
        if choices.happens(50):
            yield self.variable()
        if choices.happens(60):
            yield self.function()

    def variable(self) -> str:
        kind = self.choices.one(("string", "integer", "nodes", "number"))
        value = replace(self.writer, level=1).write(kind)
        variables = (*self.writer.variables, ("g", kind))
        self.writer = replace(self.writer, variables=variables)
        return f"declare variable $g := {value};"

    def function(self) -> str:
        kind, parameters, declared, result = self.choices.one(_SIGNATURES)
        seen = tuple((f"p{number}", kind) for number, kind in enumerate(parameters))
        inner = replace(
            self.writer, level=2, focus="none", variables=(*self.writer.variables, *seen)
        )
        body = inner.write(kind)
        functions = (*self.writer.functions, Function("local:f", kind, parameters))
        self.writer = replace(self.writer, functions=functions)
        return f"declare function local:f({declared}){result} {{ {body} }};"


@st.composite
def queries(draw: DrawFn, vocabulary: Vocabulary) -> QuerySample:
    """Draw a query over the words of some schemas."""
    return _Author(Choices(draw), vocabulary).sample()
