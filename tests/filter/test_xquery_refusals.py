"""Queries that are refused: with the right error, at the right place, and always in time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from clacks_events import errors
from clacks_events.errors import FilterError, UnsupportedFilter
from clacks_events.filter.xquery import parse_query

CASES = Path(__file__).parent / "cases"


def evaluated(text: str) -> bool:
    tree = etree.ElementTree(etree.fromstring("<a><b>x</b></a>"))
    return parse_query(text).evaluate(tree, {})


def refusals() -> Iterator[Any]:
    text = (CASES / "xquery_errors.txt").read_text("utf-8")
    for block in text.split("\n\n")[1:]:
        head, *lines = block.strip("\n").split("\n")
        kind, _, reason = head.partition(": ")
        query = [line for line in lines if line.strip(" ^")]
        marker = next(i for i, line in enumerate(lines) if not line.strip(" ^"))
        start = sum(len(line) + 1 for line in lines[: marker - 1]) + lines[marker].index("^")
        span = start, start + lines[marker].count("^")
        yield pytest.param(kind, reason, "\n".join(query), span, id=query[-1][:50])


@pytest.mark.parametrize(("kind", "reason", "text", "span"), list(refusals()))
def test_refusals_point_at_the_fault(
    kind: str, reason: str, text: str, span: tuple[int, int]
) -> None:
    with pytest.raises(FilterError) as caught:
        parse_query(text)
    assert type(caught.value) is getattr(errors, kind)
    assert reason in caught.value.reason
    assert (caught.value.text, caught.value.span) == (text, span)
    assert "line 1" not in caught.value.reason


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "(: :)", "(: (: :) :)  "])
def test_a_query_needs_a_body(text: str) -> None:
    with pytest.raises(errors.FilterSyntaxError):
        parse_query(text)


SOUP = re.findall(
    r"\S+",
    "for let where order by return in at as some every satisfies if then else switch case default "
    "typeswitch try catch * ( ) [ ] { } , ; := = < eq + - div to union instance of treat cast as "
    "xs:integer element() text() $x $y $z a b @id . .. / // :: child:: 1 2.5 'a' \" ' & count( "
    "concat( function( map{ array{ ? ! => # || `` ``[ `{ }` ]`` (: :) (# <a declare variable "
    "namespace function local:f( external e: e:x *: Q{u}x Q{ () empty err: p: xquery version",
)


def refused(text: str) -> FilterError | None:
    try:
        parse_query(text)
    except FilterError as refusal:
        return refusal
    return None


@given(st.lists(st.sampled_from(SOUP), max_size=14))
@settings(max_examples=400, deadline=None)
def test_any_text_is_parsed_or_refused_with_a_place(words: list[str]) -> None:
    text = " ".join(words)
    refusal = refused(text)
    if refusal is not None:
        start, end = refusal.span
        assert 0 <= start <= end <= max(len(text), 1)
        assert refusal.text == text
        assert "^" in str(refusal) or not text


# Limits

NESTED = {
    "parentheses": ("(", "1", ")"),
    "predicates": ("a[", "1", "]"),
    "calls": ("not(", "1", ")"),
    "conditions": ("if (1) then ", "1", " else 0"),
    "let": ("let $x := 1 return ", "$x", ""),
    "quantified": ("some $x in 1 satisfies ", "1", ""),
    "functions": ("function() { ", "1", " }"),
    "maps": ("map { 1: ", "1", " }"),
    "arrays": ("[", "1", "]"),
    "minus": ("-", "1", ""),
    "text": ("``[`{ ", "1", " }`]``"),
    "try": ("try { ", "1", " } catch * { 0 }"),
    "sums": ("1 + ", "1", ""),
    "steps": ("a/", "b", ""),
    "texts": ("'a' || ", "'b'", ""),
    "clauses": ("let $x := 1 ", "return $x", ""),
}


@pytest.mark.parametrize("shape", NESTED)
def test_deep_queries_are_refused(shape: str) -> None:
    before, middle, after = NESTED[shape]
    depth = 60_000 // len(before + after)
    with pytest.raises(UnsupportedFilter, match="nested"):
        parse_query(before * depth + middle + after * depth)


@pytest.mark.parametrize("shape", NESTED)
def test_queries_of_some_depth_run(shape: str) -> None:
    before, middle, after = NESTED[shape]
    text = before * 60 + middle + after * 60
    assert evaluated(f"exists(({text})) or true()")


def test_deep_types_are_refused() -> None:
    assert evaluated(f"1 instance of {'(' * 60}item(){')' * 60}")
    with pytest.raises(UnsupportedFilter, match="nested"):
        parse_query(f"1 instance of {'(' * 20_000}item(){')' * 20_000}")


@pytest.mark.parametrize("operator", [" or ", " and ", ", "])
def test_long_queries_are_not_deep(operator: str) -> None:
    text = operator.join(["//b = 'x'"] * 4000)
    assert evaluated(f"exists(({text}))")


def test_a_query_has_at_most_64_kib() -> None:
    assert evaluated("1" + " " * 65_535)
    with pytest.raises(UnsupportedFilter, match="65536"):
        parse_query("1" + " " * 65_536)
    with pytest.raises(UnsupportedFilter, match="65536"):
        parse_query("'" + "ä" * 40_000 + "'")


def test_functions_that_call_each_other_do_not_exhaust_the_stack() -> None:
    chain = [
        f"declare function local:f{i}($x) {{ {'(' * 50}local:f{i + 1}($x){')' * 50} }};"
        for i in range(15)
    ]
    with pytest.raises(UnsupportedFilter, match="nested"):
        parse_query(" ".join(chain) + "declare function local:f15($x) { $x }; local:f0(1)")
