"""Which filters are taken from strangers, and what the others are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from clacks_events import Catalog, Event, Filter, UnsupportedFilter, compile_filter
from tests.filter.test_hostile import queries, shown

ORDINARY = [query for _, query in queries("bounded.txt")]
ORDER = Event.from_xml(
    "<Order><item sku='A1'><price>9</price><limit>10</limit><note>exit code 7</note></item>"
    "<item sku='B2'><price>30</price><limit>20</limit></item></Order>"
)


def refusal(query: str) -> UnsupportedFilter:
    with pytest.raises(UnsupportedFilter) as caught:
        compile_filter(query, trusted=False)
    return caught.value


def caret(query: str) -> str:
    start, end = refusal(query).span
    return query[start:end]


@pytest.mark.parametrize("query", ORDINARY, ids=shown)
def test_ordinary_filters_are_taken_from_strangers(query: str) -> None:
    strict, trusting = compile_filter(query, trusted=False), compile_filter(query)
    assert strict.bindings == trusting.bindings
    assert strict.matches(ORDER) == trusting.matches(ORDER)


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("//item[number(price) < number(limit)]/@sku = 'A1'", True),
        ("//item[number(price) < number(limit)]/@sku = 'B2'", False),
        ("matches(//note, '^exit code \\d+$')", True),
        ("let $most := max(//price) return //item[price = $most]/@sku = 'B2'", True),
        ("sum(//price) = 39", True),
    ],
)
def test_strangers_get_the_same_answers(query: str, holds: bool) -> None:
    assert compile_filter(query, trusted=False).matches(ORDER) is holds


def test_who_is_trusted_may_use_everything() -> None:
    for query in ("//item[//price = limit]", "some $x in 1 to 9 satisfies //price = $x"):
        assert compile_filter(query).matches(ORDER) is (query.startswith("some"))
        refusal(query)


# Where the caret is


@pytest.mark.parametrize(
    ("query", "marked"),
    [
        ("//a[//b]", "//"),
        ("//x = 'y' and //a[count(//b) > 1]", "//"),
        ("1 to 9", "to"),
        ("//a < //b", "<"),
        ("//a[following-sibling::b]", "following-sibling"),
        ("//a[../b = 'x']", "b"),
        ("matches(/, '(a+)+$')", "matches"),
        ("//x[matches(., 'ok')] or matches(/, '(a+)+$')", "matches"),
        ("//a ! serialize(.)", "serialize"),
        ("map { 1: 2 }?a", "map"),
        ("let $m := . return $m?a", "$m?a"),
        ("let $a := string(/) return concat($a, $a, $a, $a, $a, $a, $a, $a, $a, $a, $a, $a, $a,"
         " $a, $a, $a, $a)", "concat"),
        ("round(5.5, -99999)", "round"),
        ("  [1, 2]?1  ", "[1, 2]?1"),
    ],
)  # fmt: skip
def test_the_caret_is_under_the_construct(query: str, marked: str) -> None:
    assert caret(query) == marked


def test_of_several_alike_the_right_one_is_marked() -> None:
    query = "//x[matches(., 'ok')] or matches(/, '(a+)+$')"
    assert refusal(query).span[0] == query.rindex("matches")
    query = "//a/b = 'x' and //a[//b = 'x']"
    assert refusal(query).span[0] == query.rindex("//")


def test_the_whole_query_is_marked_where_no_place_is_known() -> None:
    query = "declare function local:f($x) { //a[$x] }; //c[local:f(//b)]"
    start, end = compile_or_refuse(query)
    assert 0 <= start < end <= len(query)


def compile_or_refuse(query: str) -> tuple[int, int]:
    with pytest.raises(ValueError, match="line 1") as caught:
        compile_filter(query, trusted=False)
    span: tuple[int, int] = caught.value.span  # type: ignore[attr-defined]
    return span


# Limits


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("'" + "x" * 4094 + "'", None),
        ("'" + "x" * 4095 + "'", "4096 bytes"),
        ("'" + "ä" * 2047 + "'", None),
        ("'" + "ä" * 2048 + "'", "4096 bytes"),
        ("(" * 32 + "1" + ")" * 32, None),
        ("(" * 33 + "1" + ")" * 33, "nested"),
        ("1 = (" + ",".join("1" * 400) + ")", None),
        ("1 = (" + ",".join("1" * 600) + ")", "1000 words"),
        ("not(" * 30 + "1" + ")" * 30, None),
        ("if (1) then " * 60 + "1" + " else 0" * 60, "nested"),
        ("``[" + "`{ 1 }`" * 20 + "]``", None),
        ("//a[" + " or ".join(["b = 'x'"] * 20) + "]", None),
        ("//a[" + " or ".join(["b = 'x'"] * 90) + "]", "too much work"),
    ],
    ids=lambda value: shown(value or "taken"),
)
def test_sizes_have_limits(query: str, reason: str | None) -> None:
    if reason is None:
        assert compile_filter(query, trusted=False).text == query
    else:
        assert reason in refusal(query).reason


# Work


@pytest.mark.parametrize(
    "query",
    [
        # What is near each of many nodes is there once in all of them.
        "//a[b = 'x']",
        "//a[b/c = 'x']",
        "for $x in //a, $y in $x/b, $z in $y/c return $z = 'x'",
        "//a/b/c/d/e",
        "//a[b = c]",
        # No payload is inside of another, nor are its children.
        "/e:Event/order[.//item]",
        "/e:Event/order/item[.//b[c = 'x']]",
        "for $x in /e:Event/order/item return $x//b",
        # One of many is not many.
        "(//a)[1]//b",
        "let $a := head(//a) return $a//b",
        "//a[b[1] < c[1]]",
        "let $x as element()? := //a return $x//b",
        "//a ! (let $b := b return $b = 'x')",
        # What is worked out once may be large.
        "let $b := //b return count($b) > count(//a)",
        "let $n := count(//b) return //a[c = $n]",
        "//a = //b",
    ],
)
def test_linear_work_is_seen_to_be_linear(query: str) -> None:
    assert compile_filter(query, trusted=False).text == query


@pytest.mark.parametrize(
    "query",
    [
        "for $x in //a, $y in $x/b return $x/b = $y",
        "for $x in //a return for $y in $x/b return $y/../b",
        "for $x in //a return $x/..//b",
        "//a[b < c]",
        "//a[.//b]",
        "/e:Event/order//item[.//b]",
        "//a[../b]",
        "(//a, //a/b)//c",
        "for $x in (//a, //b) return //c = $x",
        "let $f := //b return for $x in //a return $f[1]/.. /c",
        "for $x in //a return for $y in //b[1] return $y",
        "//a[for $x in b return ../b]",
        "try { () } catch * { for $x in //a return $err:value ! string(.) }",
        "typeswitch (//a) case $x as item()* return $x[//b] default return 1",
        "//a[string-length(string(/)) > 5]",
        "//a[normalize-space(/) = .]",
        "for $x in tokenize(/, ',') return contains(string(/), $x)",
        "for $c in string-to-codepoints(/) return count(//a) = $c",
    ],
)
def test_what_is_not_linear_is_refused(query: str) -> None:
    refusal(query)


def test_types_of_a_schema_are_for_the_payload(tmp_path: Path) -> None:
    (tmp_path / "t.xsd").write_text(
        "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' targetNamespace='urn:x'"
        " xmlns='urn:x'><xs:complexType name='T'/><xs:element name='t' type='T'/></xs:schema>"
    )
    catalog, prefixes = Catalog([tmp_path]), {"x": "urn:x"}

    def compiled(query: str) -> Filter:
        return compile_filter(query, namespaces=prefixes, catalog=catalog, trusted=False)

    for query in ("./e:Event/element(*, x:T)", "/e:Event/schema-element(x:t)", "//x:t"):
        assert compiled(query).matches(Event.from_xml("<t xmlns='urn:x'/>"))


# Patterns


@pytest.mark.parametrize(
    "pattern",
    [
        "abc",
        "a.c",
        "[a-z]\\d",
        "a|b|c",
        "(a|b)c",
        "ab*",
        "ab*c*",
        "^a*",
        "^a*b$",
        "^a+b+c+$",
        "^[^,]*,[^,]*,",
        "^.*x",
        "^.*x.*",
        "^\\d+,.*x$",
        "^\\w+x$",
        "^(a|b)c+$",
        "a{3}",
        "a{2,5}b",
        "a?b?c?d?",
        "^\\p{L}+$",
        "(ab)?c",
        "(a|bc){2}d",
        "",
        "x{0}",
        "^a|b$",
        "\\.xml$",
        "^[a-z-[aeiou]]+1$",
        "^[\\d]+[a-z]$",
        "^[^\\d]+[0-9]$",
        "^a*?b",
    ],
)
def test_patterns_that_cannot_backtrack_far_are_taken(pattern: str) -> None:
    compile_filter(f"matches(/, '{pattern}')", trusted=False)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a*b", "begin with ^"),
        (".*b", "begin with ^"),
        ("a+$", "begin with ^"),
        ("^a|b*c", "begin with ^"),
        ("x^a*b", "begin with ^"),
        ("^.*a.*b", "once only"),
        ("^.*a.*$", "once only"),
        ("^a*a*b", "once only"),
        ("^\\w*\\d*x", "once only"),
        ("^[\\W]+[^\\w]*x$", "once only"),
        ("^[^\\w]*[a-z]*1$", "once only"),
        ("(a)*b", "group"),
        ("^(a|b)*c", "group"),
        ("^(a+b)c", "group"),
        ("((((((((((a))))))))))", "deeply"),
        ("a?" * 12 + "a" * 12, "too many ways"),
        ("(a|b|c)" * 7, "too many ways"),
        ("(a|b){12}", "too many ways"),
        ("(a?){20}", "too many ways"),
        ("a{1000}{1000}", "repeats nothing"),
        ("a**", "repeats nothing"),
        ("[ab]{1,999}c[ab]{1,999}", "too many ways"),
        ("(a)\\1", "refer back"),
        ("(?=a)b", "groups"),
        ("a{", "{"),
        ("a{99999}", "too often"),
        ("[a", "too early"),
        ("a)", ")"),
        ("(a", ")"),
        ("a\\", "too early"),
    ],
)
def test_patterns_that_may_backtrack_are_refused(pattern: str, reason: str) -> None:
    assert reason in refusal(f"matches(/, '{pattern}')").reason


def test_flags_change_what_a_pattern_costs() -> None:
    compile_filter("matches(/, '^a+b', 's')", trusted=False)
    compile_filter("matches(/, '(a+)+$', 'q')", trusted=False)
    compile_filter("matches(/, '^A+b', 'i')", trusted=False)
    assert "begin with ^" in refusal("matches(/, '^a+b', 'm')").reason
    assert "once only" in refusal("matches(/, '^A*a*b', 'i')").reason
    assert "flags" in refusal("matches(/, 'a b', 'x')").reason
