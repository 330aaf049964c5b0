"""Random queries in the shapes that rules are about, and events that tell them apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from hypothesis import strategies as st

from clacks_events.event import HeaderValue

__all__ = ["DOCUMENTS", "HEADERS", "QUERIES", "query"]

_START: Final = "<e:Event xmlns:e='http://www.gonicus.de/Events' xmlns:x='urn:x' "

DOCUMENTS: Final = tuple(
    f"{_START}{event}</e:Event>"
    for event in (
        "source='a' id='1'><e:P n='1'><e:A>1</e:A><e:B n='2'>a</e:B><e:B>b</e:B></e:P>",
        "source='b'><e:P><e:A n='1'>2</e:A><e:A n='x'>a</e:A><e:B><e:A>3</e:A></e:B></e:P>",
        ">\n<!--c--><e:Q n='2'><e:A/><e:B n='1'>1</e:B></e:Q><?p i?>\n",
        "source='a'><x:P><e:A>b</e:A>text<e:A>1</e:A><x:A>2</x:A></x:P>",
        "source='1' id='2'><e:P/>",
        "source=''><P n='1' id='a'><A>1</A><e:B n='1'><e:B n='1'>2</e:B>1</e:B></P>",
        "source='a'><e:P n=' 1 '><e:A>true</e:A><e:B>2</e:B><!--1--></e:P>",
    )
)
HEADERS: Final[Mapping[str, HeaderValue]] = {"h": "a", "i": 1}

_NAMES: Final = ("e:A", "e:B", "e:P", "*", "e:A", "e:B", "*:A", "x:A", "e:Event", "node()")
_STEPS: Final = (*_NAMES, "@n", "@source", "..", ".", "self::e:A", "text()", "self::*", "@*")
_TRUNKS: Final = (
    *("/e:Event/e:P", "./e:Event/e:P", "/e:Event", "./*:Event", "/*/*", "/e:Event/*"),
    *("/*/e:Q", "//e:A", "//e:B", ".", "/e:Event/e:P/e:A", "/e:Event/*/e:B", "/weather", "//@n"),
    *("/e:Event/e:P/..", "/*[1]/*[last()]", "/e:Event/(e:P | e:Q)", "/e:Event/e:P/@n", "//*"),
)
_OPERATORS: Final = (*("=", "=", "=", "!=", "<", ">="), *("eq", "ne", "gt", "le"))
_LITERALS: Final = ("'a'", "'b'", "1", "2", "'1'", "''", "('b', 'a', 'b')", "(2, 1)", "true()")
_FUNCTIONS: Final = (
    "declare function local:f($a as node()*, $b as xs:string) as xs:boolean { $a = $b }; "
    "declare function local:g($a as element()) as xs:boolean? { $a/@n eq '1' and $a/e:A }; "
    "declare function local:h($a as node()?) as xs:boolean { $a/@n eq '1' }; "
)
_TYPES: Final = (
    "element()",
    "node()*",
    "element(*)?",
    "item()*",
    "xs:string",
    "item()",
    "xs:boolean?",
)


class _Author:
    """Writes one query; ``below`` gives a number from 0 to less than its argument."""

    def __init__(self, below: Callable[[int], int]) -> None:
        self.below = below
        self._names = 0

    def one(self, options: tuple[str, ...]) -> str:
        return options[self.below(len(options))]

    def fresh(self) -> str:
        self._names += 1
        return f"$v{self._names}"

    def condition(self, depth: int, seen: tuple[str, ...] = (), inner: bool = False) -> str:
        """Write something that has an effective boolean value, most of the time."""
        if depth <= 0:
            return self.one((self.path(0, seen, inner), self.compared(0, seen, inner), "true()"))
        deeper = depth - 1
        here = (
            lambda: self.joined("and", deeper, seen, inner),
            lambda: self.joined("or", deeper, seen, inner),
            lambda: f"not({self.condition(deeper, seen, inner)})",
            lambda: self.path(depth, seen, inner),
            lambda: self.path(depth, seen, inner),
            lambda: self.compared(depth, seen, inner),
            lambda: self.compared(depth, seen, inner),
            lambda: self.called(depth, seen, inner),
            lambda: self.chosen(depth, seen, inner),
            lambda: self.bound(depth, seen, inner),
            lambda: self.bound(depth, seen, inner),
            lambda: self.quantified(depth, seen, inner),
            lambda: self.named(inner),
        )
        return here[self.below(len(here))]()

    def joined(self, word: str, depth: int, seen: tuple[str, ...], inner: bool) -> str:
        parts = [self.condition(depth, seen, inner) for _ in range(2)]
        return f"({f' {word} '.join(parts)})"

    def path(self, depth: int, seen: tuple[str, ...], inner: bool) -> str:
        starts = _TRUNKS if not inner else (*_STEPS, *_STEPS, *_TRUNKS)
        text = self.one((*starts, *seen * 4))
        for _ in range(self.below(3)):
            text += self.one(("/", "/", "/", "//")) + self.one(_STEPS)
            if depth > 0 and not self.below(2):
                text += f"[{self.predicate(depth - 1, seen)}]"
        if depth > 0 and not self.below(3):
            text = f"({text})" if not self.below(3) else text
            text += f"[{self.predicate(depth - 1, seen)}]"
        wrapped = (text, text, text, text, f"({text}, {self.one(_TRUNKS)})", f"({text} | //e:B)")
        return self.one(wrapped)

    def predicate(self, depth: int, seen: tuple[str, ...]) -> str:
        fixed = ("1", "last()", "position() = 2", "true()", ". = 'a'", "position() < 2", "false()")
        return self.condition(depth, seen, True) if self.below(5) else self.one(fixed)

    def value(self, depth: int, seen: tuple[str, ...], inner: bool) -> str:
        path = self.path(depth - 1, seen, inner)
        return self.one(
            (
                *(path, path, path, *_LITERALS, f"count({path})", f"string({path})", "$h", "$i"),
                *(f"data({path})", f"({path}) + 1", f"number({path})", f"local-name(({path})[1])"),
                *(f"string(({path})[1])", f"xs:integer({path})", f"({path}) ! string()"),
            )
        )

    def compared(self, depth: int, seen: tuple[str, ...], inner: bool) -> str:
        left, right = self.value(depth, seen, inner), self.one(_LITERALS)
        if not self.below(4):
            right = self.value(depth, seen, inner)
        pair = (left, right) if self.below(5) else (right, left)
        return f"{pair[0]} {self.one(_OPERATORS)} {pair[1]}"

    def called(self, depth: int, seen: tuple[str, ...], inner: bool) -> str:
        path, condition = self.path(depth, seen, inner), self.condition(depth - 1, seen, inner)
        return self.one(
            (
                *(f"exists({path})", f"empty({path})", f"boolean({path})", f"not(empty({path}))"),
                *(f"boolean({condition})", f"({condition}) = true()", f"count({path}) = 0"),
                *(f"count({path}) > 0", f"starts-with({path}, 'a')", f"contains(({path})[1], '1')"),
                *(f"{path} instance of {self.one(_TYPES)}", "error()", "false()", "$h = 'a'", "$i"),
                *(f"({path}) ! ({self.condition(depth - 1, seen, True)})", f"0 < count({path})"),
                *(f"(try {{ {condition} }} catch * {{ {path} }})", "xs:integer('x') = 1"),
            )
        )

    def chosen(self, depth: int, seen: tuple[str, ...], inner: bool) -> str:
        test = self.condition(depth - 1, seen, inner)
        results = [self.condition(depth - 1, seen, inner) for _ in range(2)]
        constants = ("true()", "false()", results[0], results[0])
        case = self.one(("element(e:P)", "schema-element(e:P)", "schema-element(e:A)"))
        return self.one(
            (
                f"(if ({test}) then {self.one(constants)} else {results[1]})",
                f"(if ({test}) then {results[1]} else {self.one(constants)})",
                f"(switch ({self.value(depth, seen, inner)}) case 'a' case 'b' return {results[0]}"
                f" case '1' return {results[1]} default return {self.one(constants)})",
                f"(typeswitch (/e:Event/*) case $t as {case} return $t/e:A"
                f" case schema-element(e:Q) return {results[0]} default return {results[1]})",
            )
        )

    def bound(self, depth: int, seen: tuple[str, ...], inner: bool) -> str:
        name, path = self.fresh(), self.path(depth - 1, seen, inner)
        within = (*seen, name)
        rest = self.condition(depth - 1, within, inner)
        test = self.condition(depth - 1, within, inner)
        value = self.one((path, self.value(depth, seen, inner), self.condition(1, seen, inner)))
        kind = self.one(("", "", "", f" as {self.one(_TYPES)}"))
        return self.one(
            (
                f"(let {name}{kind} := {value} return {rest})",
                f"(let {name}{kind} := {path} return {rest})",
                f"(let {name} := {path} where {test} return {rest})",
                f"(for {name} in {path} where {test} return {name}/{self.one(_STEPS)})",
                f"(for {name} in {path} where {test} order by {name}/@n return {name})",
                f"(for {name} in {path} return {rest})",
                f"(for {name} in {path} for $w{name[1:]} in {name}/* return $w{name[1:]})",
                f"(for {name} at $p{name[1:]} in {path} return {name}[$p{name[1:]} = 1])",
            )
        )

    def quantified(self, depth: int, seen: tuple[str, ...], inner: bool) -> str:
        name, path = self.fresh(), self.path(depth - 1, seen, inner)
        word, test = self.one(("some", "every")), self.condition(depth - 1, (*seen, name), inner)
        step, literal = self.one(_STEPS), self.one(_LITERALS)
        again = self.fresh()
        return self.one(
            (
                f"({word} {name} in {path} satisfies {test})",
                f"({word} {name} in {path} satisfies {name}/{step} = {literal})",
                f"({word} {name} in {path} satisfies {name} = {literal})",
                f"({word} {name} in {path}, {again} in {name}/{step} satisfies"
                f" {again} = {literal} and {name}/@n)",
            )
        )

    def named(self, inner: bool) -> str:
        return self.one(
            (
                *("//e:B = 'a' or @n = 'b' or //e:B = 'b'", "//e:A = 'b' or //e:A = ('a', '2')"),
                *("/* treat as element()", "(//e:A treat as node()*) = 1", "//e:A > -1"),
                *("local:f(//e:A, 'a')", "local:f(/*/*, 1)", "xs:string('a') = //e:B"),
                *("local:g(/*/e:P)", "local:g(//e:A)", "local:h(/*/*)"),
                "local-name(/*/*) = 'P'",
                "local-name(/*/*) = ('P', 'Q')",
                "namespace-uri(/*/*) = 'urn:x'",
                "//*[local-name() = 'A']",
                "/*/*[local-name() = 'P' and @n]",
                "/*/*[namespace-uri() = 'urn:x']/*:A",
                "string() = ''" if inner else "name(/*/*) = 'e:P'",
            )
        )


def query(seed: int) -> str:
    """Write a query; it may fail, also while it is parsed."""
    numbers = Random(seed)
    author = _Author(numbers.randrange)
    declared = "declare variable $h external; declare variable $i external; "
    body = author.condition(1 + numbers.randrange(3))
    return f"declare namespace x = 'urn:x'; {_FUNCTIONS}{declared}{body}"


# Most of what is drawn is thrown away, as a template needs one of its parts only: too much for
# hypothesis to shrink, but not for it to choose the seed.
QUERIES: Final = st.integers(0, 2**32 - 1).map(query)
