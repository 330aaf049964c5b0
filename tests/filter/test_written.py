"""Nodes as text: what is written parses back to the same nodes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal

import pytest
from lxml import etree

from clacks_events import Event, compile_filter
from clacks_events.errors import EvaluationError, FilterError
from clacks_events.filter import nodes
from clacks_events.filter.nodes import FN, XS, Literal, Module, Node, Path, Start, Variable
from clacks_events.filter.written import written
from clacks_events.filter.xquery import Query, parse_query, to_module
from tests.filter.test_xquery import DOCUMENTS, HEADERS, SECTIONS

PREFIXES = {"e": "http://www.gonicus.de/Events", "xs": XS[1:-1], "w": "urn:example:weather"}
ERR = {"err": "http://www.w3.org/2005/xqt-errors"}
PREDECLARED = {"xs": XS[1:-1], "local": "http://www.w3.org/2005/xquery-local-functions", **ERR}
A, B = Variable("a"), Variable("b")


def parsed(text: str) -> Module:
    return to_module(parse_query(text, PREFIXES))


def bound(text: str) -> str:
    """Return a query in which the variables of an expression stand for headers."""
    return "".join(f"declare variable ${name} external; " for name in "abc") + text


CANONICAL = [
    ".",
    "/",
    "/*",
    "//*",
    ".//e:Status",
    "(/)[1]",
    ".[e:Event]",
    "(/) = 'x'",
    "/e:Event/e:PhoneStatus[e:Status = 'busy'][1]/@id",
    "/e:Event//e:Call/*:Type/..",
    "(//e:Call)[1]/e:Type",
    "(//e:Call)[1][2]",
    "e:Event/descendant::w:*/ancestor-or-self::Q{urn:x&amp;y}y",
    "//@*[. = 'x']/parent::*",
    "//processing-instruction()/following-sibling::text()",
    "/e:Event/(e:A | e:B)/e:C",
    "/e:Event/string()",
    "/e:Event/.",
    "$a/e:Event/$b",
    "$a[1][2]/e:C",
    "($a, $b)[2]",
    "count((1, 2, (3, 4)))",
    "()",
    "'don''t &amp; &#10;&#13;&#9;'",
    "1",
    "1.5",
    "1.5e0",
    "1e+16",
    "true()",
    "$a or $b and $c",
    "($a or $b) and $c",
    "$a or ($b or $c)",
    "($a and $b) and $c",
    "not($a) = ($b != $c)",
    "($a, $b) = 1 to 3",
    "$a << $b",
    "$a eq $b + 1",
    "$a - $b - $c",
    "$a - ($b - $c)",
    "$a * ($b + $c) mod 2",
    "-$a * $b",
    "-(-$a)",
    "-($a + $b)",
    "$a idiv $b",
    "($a to $b) ! (. + 1)",
    "$a ! $b ! $c",
    "$a ! ($b ! $c)",
    "e:A | e:B",
    "(e:A | e:B) intersect e:C",
    "e:A except (e:B except e:C)",
    "if ($a) then $b else if ($b) then $c else ()",
    "(if ($a) then $b else $c) or $b",
    "switch ($a) case 1 case 2 return $b case 3 return $c default return false()",
    "typeswitch ($a) case $x as xs:string return $x case xs:integer | xs:double return $b"
    " default $y return $y",
    "try { $a } catch e:X | *:Y | Q{urn:x}Z | W { $b } catch e:* { $c } catch * { (1, 2) }",
    "($a instance of xs:integer) + 1",
    "$a instance of element(e:X)* and $b treat as item()+",
    "$a cast as xs:integer",
    "xs:integer($a)",
    "$a castable as xs:integer? or $b castable as xs:double",
    "(xs:integer($a) cast as xs:string) = 'x'",
    "some $x in //e:A, $y as item() in $x/e:B satisfies $x = $y",
    "every $x in ($a, $b) satisfies $x",
    "for $x as xs:integer allowing empty at $p in $a return $x",
    "for $x at $p in $a let $y as xs:string := $x where $y = 'x' and $p > 1"
    " order by $x descending, $y empty greatest return $y",
    "for $x in $a return for $y in $x return $y",
    "(let $x := $a return $x) = 1",
    "concat('a', $b)",
    "Q{http://www.w3.org/2005/xpath-functions/math}sqrt(2)",
]


@pytest.mark.parametrize("text", CANONICAL)
def test_canonical_text_is_written_as_it_was(text: str) -> None:
    assert written(parsed(bound(text)).body, PREFIXES) == text


def transparent() -> Iterator[str]:
    """Yield the queries that are understood in full: what is Opaque may need its prolog."""
    for cases in SECTIONS.values():
        for case in cases:
            with suppress(FilterError):
                if "Opaque(" not in repr(to_module(parse_query(case.query))):
                    yield case.query


def test_most_queries_are_understood_in_full() -> None:
    assert len(list(transparent())) > 1000


@pytest.mark.parametrize("query", list(transparent()))
def test_text_parses_back_to_the_same_nodes(query: str) -> None:
    module = to_module(parse_query(query))
    text = written(module, PREDECLARED)
    again = to_module(parse_query(text, ERR))
    if "Convert(" in repr(module):
        assert results(text) == results(query)
    else:
        # 1, 1.0 and true() are equal to Python.
        assert (again, written(again)) == (module, written(module))


def results(query: str) -> list[bool | str]:
    return [_result(parse_query(query, ERR), etree.fromstring(xml)) for xml in DOCUMENTS.values()]


def _result(query: Query, root: etree._Element) -> bool | str:
    try:
        return query.evaluate(etree.ElementTree(root), HEADERS)
    except EvaluationError:
        return "fails"


def test_headers_are_declared() -> None:
    text = (
        "declare variable $priority as xs:integer external := 0;\n"
        "declare variable $qpid.subject external;\n"
        "$priority > 5 and $qpid.subject = 'x'"
    )
    assert written(parsed(text)) == text


def test_the_second_variable_of_a_name_has_another() -> None:
    query = "for $x in //e:A return for $x in $x/e:B return $x"
    expected = "for $x in //e:A return for $x.2 in $x/e:B return $x.2"
    assert written(parsed(query).body, PREFIXES) == expected
    assert written(parsed(expected).body, PREFIXES) == expected


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (Literal(-1), "-1"),
        (nodes.Arithmetic("-", A, Literal(-1.5)), "$a - -1.5e0"),
        (Path(Literal(-1), (), (A,)), "(-1)[$a]"),
        (Literal(Decimal("-1E+2")), "-100.0"),
        (Literal(float("nan")), f"Q{XS}double('NaN')"),
        (Literal(float("-inf")), f"Q{XS}double('-INF')"),
        (Literal(False), "false()"),
        (nodes.Or(()), "false()"),
        (nodes.And(()), "true()"),
        (nodes.Union(()), "()"),
        (nodes.Or((nodes.Or((A,)), B)), "$a or $b"),
        (Path(Start.ROOT, (), (A,)), "(/)[$a]"),
        (Path(Start.CONTEXT, (), (A, B)), ".[$a][$b]"),
        (nodes.Opaque("map { 1: $a }"), "map { 1: $a }"),
        (nodes.Call(f"{FN}exists", (nodes.Opaque("$a?b"),)), "exists(($a?b))"),
        (nodes.Sequence((Path(Start.ROOT), A)), "((/), $a)"),
        (Variable("{urn:x}y"), "$Q{urn:x}y"),
        (nodes.And((nodes.Flwor((), nodes.Or((A, B))), A)), "($a or $b) and $a"),
        (nodes.Flwor((nodes.WhereClause(A),), B), "if ($a) then $b else ()"),
        (
            nodes.Flwor((nodes.WhereClause(A), nodes.LetClause("b", A)), B),
            "if ($a) then let $b := $a return $b else ()",
        ),
        (
            nodes.Flwor((nodes.OrderClause((nodes.OrderKey(A),)),), B),
            "let $_ := () order by $a return $b",
        ),
    ],
)
def test_what_no_query_parses_to_is_written_too(node: Node, text: str) -> None:
    assert written(node) == text


@pytest.mark.parametrize("value", [-1, -2.5, Decimal("-0.5"), float("inf"), float("-inf")])
def test_numbers_keep_their_value_and_their_type(value: float | Decimal) -> None:
    kind = {int: "integer", float: "double", Decimal: "decimal"}[type(value)]
    text = written(Literal(value))
    event = Event.from_xml("<x/>")
    assert compile_filter(f"{text} instance of xs:{kind}").matches(event)
    assert compile_filter(f"{text} = xs:{kind}('{str(value).upper()}')").matches(event)


def test_names_of_the_default_namespace_have_no_prefix() -> None:
    default = {"": "urn:x"}
    path = Path(
        Start.ROOT,
        (
            nodes.Step("child", nodes.NameTest("urn:x", "a")),
            nodes.Step("child", nodes.NameTest("", "b")),
            nodes.Step("child", nodes.NameTest("urn:x", None)),
            nodes.Step("attribute", nodes.NameTest("", "c")),
        ),
    )
    assert written(path, default) == "/a/Q{}b/Q{urn:x}*/@c"
    assert written(path) == "/Q{urn:x}a/b/Q{urn:x}*/@c"


def test_an_element_that_a_schema_declares_is_all_that_can_stand_for_it() -> None:
    names = frozenset((f"{{{PREFIXES['e']}}}A", f"{{{PREFIXES['e']}}}B"))
    step = nodes.Step("child", nodes.SchemaElementTest(names), (A,))
    path = Path(Start.ROOT, (step,))
    assert written(path, PREFIXES) == "/*[self::e:A or self::e:B][$a]"
    one = nodes.Step("child", nodes.SchemaElementTest(frozenset(sorted(names)[:1])))
    assert written(Path(Start.ROOT, (one,)), PREFIXES) == "/e:A"
    typed = nodes.SchemaTypeTest(frozenset(), names, frozenset())
    step = nodes.Step("child", typed)
    assert written(Path(Start.ROOT, (step,)), PREFIXES) == "/element(*, e:A | e:B)"


def test_a_conversion_becomes_a_call_that_means_the_same() -> None:
    query = "declare function local:f($n as xs:double) { $n + 1 }; local:f(/*/@id) = 8"
    text = written(parsed(query))
    assert text == "(let $n := function($x as xs:double) { $x }(/*/@id) return $n + 1) = 8"
    for id, expected in (("7", True), ("8", False), ("x", False)):
        event = Event.from_xml(f"<e:Event xmlns:e='{PREFIXES['e']}' id='{id}'><x/></e:Event>")
        assert compile_filter(query).matches(event) is expected
        assert compile_filter(text).matches(event) is expected
