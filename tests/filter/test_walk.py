"""Walking through nodes."""

from __future__ import annotations

import pytest

from clacks_events.filter import nodes
from clacks_events.filter.nodes import Literal, Node, Opaque, Path, Start, Variable
from clacks_events.filter.nodes.walk import (
    asks_position,
    can_fail,
    children,
    contains_opaque,
    depends_on_focus,
    free_variables,
    rebuilt,
    refocused,
    size,
    substitute,
    uses,
)
from clacks_events.filter.written import written
from clacks_events.filter.xquery import parse_query, to_module

PREFIXES = {"e": "http://www.gonicus.de/Events", "xs": "http://www.w3.org/2001/XMLSchema"}
DOCUMENT = Path(Start.ROOT)

WHOLES = [
    "//e:A[e:B][1]/e:C[2]",
    "($a)[1]/e:B",
    "/e:Event/($a | $b)",
    "$a ! (. = 'x')",
    "$a and $b or $c",
    "$a = $b",
    "-$a + $b",
    "$a to $b",
    "concat($a, $b, 'c')",
    "($a, $b, ())",
    "$a intersect $b",
    "if ($a) then $b else $c",
    "switch ($a) case 'x' case 'y' return $b default return $c",
    "typeswitch ($a) case element() return $b default return $c",
    "try { $a } catch * { $b }",
    "$a instance of node()",
    "$a treat as node()",
    "$a cast as xs:integer",
    "$a castable as xs:integer",
    "some $v in $a, $w in $b satisfies $c",
    "for $v in $a let $w := $b where $c order by $a, $b descending return $v",
]


def body(text: str) -> Node:
    declared = "".join(f"declare variable ${name} external; " for name in "abc")
    return to_module(parse_query(declared + text, PREFIXES)).body


def text(node: Node | None) -> str | None:
    return None if node is None else written(node, PREFIXES)


# Structure


def test_children_are_in_the_order_of_the_text() -> None:
    query = "for $v in 1 let $w := 2 where 3 order by 4, 5 return (try { 6 } catch * { 7 })"
    flwor = body(query)
    found = [child for child in children(flwor) if isinstance(child, Literal)]
    assert [literal.value for literal in found] == [1, 2, 3, 4, 5]
    assert isinstance([*children(flwor)][-1], nodes.Try)


def test_children_are_also_those_in_steps_and_cases() -> None:
    assert len([*children(body("($a)[1]/e:A[2]/e:B[3][4]"))]) == 5
    assert len([*children(body("switch (1) case 2 case 3 return 4 default return 5"))]) == 5


@pytest.mark.parametrize("query", WHOLES)
def test_nothing_changed_is_the_same_object(query: str) -> None:
    node = body(query)
    assert rebuilt(node, lambda child: child) is node
    assert rebuilt(node, lambda child: child, lambda child: child) is node


@pytest.mark.parametrize("query", WHOLES)
def test_each_child_is_changed_once(query: str) -> None:
    node = body(query)
    seen: list[Node] = []

    def change(child: Node) -> Node:
        seen.append(child)
        return Literal(f"changed {len(seen)}")

    new = rebuilt(node, change)
    assert seen == [*children(node)]
    assert [*children(new)] == [Literal(f"changed {n + 1}") for n in range(len(seen))]
    assert type(new) is type(node)


def test_children_in_an_inner_focus_get_their_own_change() -> None:
    node = body("(e:A, 'x')[e:B]/e:C[e:D]")
    new = rebuilt(node, lambda child: child, lambda _: Literal(True))
    assert text(new) == "(e:A, 'x')[true()]/e:C[true()]"


def test_size_counts_expressions_and_steps() -> None:
    assert size(body("'x'")) == 1
    assert size(body("/e:Event/e:P = 'x'")) == 5
    assert size(body("/e:Event/e:P[e:A]")) == 5


def test_opaque_is_found_at_any_depth() -> None:
    assert contains_opaque(body("not(/e:Event[map { 'a': 1 }?a = 1])"))
    assert not contains_opaque(body("not(/e:Event)"))


# Variables


@pytest.mark.parametrize(
    ("query", "free"),
    [
        ("$a = $b", "ab"),
        ("let $v := $a return $v", "a"),
        ("for $v at $w in $a where $w = 1 return $v", "a"),
        ("some $v in //e:A satisfies $v/e:B[. = $c]", "c"),
        ("typeswitch ($a) case $v as node() return $v default $v return ($v, $b)", "ab"),
        ("map { 'x': $a }?x", "a"),
    ],
)
def test_free_variables(query: str, free: str) -> None:
    assert free_variables(body(query)) == frozenset(free)


@pytest.mark.parametrize(
    ("query", "times"),
    [
        ("$a", 1),
        ("$a = $a", 2),
        ("//e:A[$a]", 2),
        ("$a/e:A", 1),
        ("some $v in $a satisfies true()", 1),
        ("some $v in //e:A satisfies $a", 2),
        ("let $v := 1 return $a", 1),
        ("for $v in $a return 1", 1),
        ("for $v in //e:A return $a", 2),
        ("//e:A ! $a", 2),
        ("map { 'x': $a }", 1),
        ("$b", 0),
    ],
)
def test_uses(query: str, times: int) -> None:
    assert uses(body(query), "a") == times


@pytest.mark.parametrize(
    ("query", "value", "expected"),
    [
        ("$a = 'x'", "/e:Event/e:P", "/e:Event/e:P = 'x'"),
        ("$a/e:B[1]", "/e:Event/e:P[e:A]", "/e:Event/e:P[e:A]/e:B[1]"),
        ("//e:B[. = $a]", "/e:Event/e:P", "//e:B[. = /e:Event/e:P]"),
        ("//e:B[. = $a]", "e:P", None),
        ("//e:B ! $a", "/e:Event", None),
        ("('x', 'y')[. = $a]", "/e:Event", None),
        ("('x', 'y')[. = $a]", "'x'", "('x', 'y')[. = 'x']"),
        ("some $v in //e:A satisfies $v = $a", "e:P", "some $v in //e:A satisfies $v = e:P"),
        ("map { 'x': $a }", "'x'", None),
        ("position() = $a", "last()", "position() = last()"),
        ("//e:A[$a]", "last()", None),
    ],
)
def test_substitute(query: str, value: str, expected: str | None) -> None:
    assert text(substitute(body(query), "a", body(value))) == expected


def test_substitute_without_the_variable_is_the_same_object() -> None:
    node = body("$b = //e:A[$c]")
    assert substitute(node, "a", Literal("x")) is node


def test_substitute_passes_by_what_does_not_use_the_variable() -> None:
    opaque = Opaque("$b?x", frozenset("b"))
    new = substitute(nodes.And((opaque, Variable("a"))), "a", Literal("x"))
    assert new == nodes.And((opaque, Literal("x")))


# Focus


@pytest.mark.parametrize(
    ("query", "depends", "position"),
    [
        (".", True, False),
        ("e:A/e:B", True, False),
        ("/e:A[e:B]", False, False),
        ("//e:A[position() = 1]", False, False),
        ("position() = 1", True, True),
        ("string()", True, False),
        ("string('x')", False, False),
        ("error()", False, False),
        ("lang('en')", True, False),
        ("$a ! .", False, False),
        ("map { }", True, True),
    ],
)
def test_focus(query: str, depends: bool, position: bool) -> None:
    node = body(query)
    assert (depends_on_focus(node), asks_position(node)) == (depends, position)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (". = 'x'", "/e:Event = 'x'"),
        ("e:A[e:B]/e:C", "/e:Event/e:A[e:B]/e:C"),
        ("//e:A[. = 'x']", "//e:A[. = 'x']"),
        ("position() = 1", None),
        ("string() = 'x'", None),
        ("map { }", None),
    ],
)
def test_refocused(query: str, expected: str | None) -> None:
    event = body("/e:Event")
    assert isinstance(event, Path)
    assert text(refocused(body(query), event)) == expected


# Failure


@pytest.mark.parametrize(
    "query",
    [
        "'x'",
        "$a",
        "/e:Event/e:P/@id",
        "//e:A[e:B = 'x'][2][last()]",
        "//e:A = 'x'",
        "//e:A != //e:B",
        "/e:Event/@source eq 'x'",
        "count(//e:A) > 3",
        "not(//e:A) and (//e:B or true())",
        "starts-with(/e:Event/@source, 'x')",
        "concat('a', /e:Event/@source, 'b')",
        "string(/e:Event/e:P)",
        "//e:A[contains(., 'x')]",
        "if (//e:A) then //e:B else 'x'",
        "//e:A | //e:B",
        "/e:Event/(e:A | e:B)",
        "//e:A instance of node()",
        "(//e:A, 'x')",
    ],
)
def test_what_cannot_fail(query: str) -> None:
    assert not can_fail(body(query))


@pytest.mark.parametrize(
    "query",
    [
        "$a = 'x'",
        "$a/e:B",
        "//e:A = 1",
        "//e:A eq 'x'",
        "/e:Event/@source eq 1",
        "'x' = 1",
        "string(//e:A)",
        "starts-with(//e:A, 'x')",
        "contains(count(//e:A), '1')",
        "xs:integer(/e:Event/@id)",
        "1 div 0",
        "error()",
        "not(('x', 'y'))",
        "not($a)",
        "//e:A[('x', 'y')]",
        "//e:A[e:B = 1]",
        "('x', 'y')[e:B]",
        "//e:A and error()",
        "//e:A treat as element()",
        "matches('x', $a)",
        "let $v := error() return 1",
        "map { }",
    ],
)
def test_what_can_fail(query: str) -> None:
    assert can_fail(body(query))


def test_a_variable_by_itself_does_not_depend_on_anything() -> None:
    assert not depends_on_focus(Variable("a"))
    assert depends_on_focus(Opaque("."))
    assert refocused(Variable("a"), DOCUMENT) == Variable("a")
