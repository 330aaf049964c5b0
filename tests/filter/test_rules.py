"""The rules: what they make of queries, and that these mean what they meant before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from lxml import etree

from clacks_events.errors import EvaluationError, FilterError
from clacks_events.filter.nodes import Module, Opaque
from clacks_events.filter.nodes.walk import size
from clacks_events.filter.rules import RULES, Rule, normalised
from clacks_events.filter.rules.fixpoint import normalise, table
from clacks_events.filter.written import written
from clacks_events.filter.xquery import Query, parse_query, to_module, wrap
from tests.bench.queries import REALISTIC, SEEN
from tests.filter.rule_queries import DOCUMENTS, HEADERS, QUERIES

CASES = Path(__file__).parent / "cases" / "rules"
PREFIXES = {
    "e": "http://www.gonicus.de/Events",
    "x": "urn:x",
    "xs": "http://www.w3.org/2001/XMLSchema",
}
WRAPPED = [wrap(etree.ElementTree(etree.fromstring(xml))) for xml in DOCUMENTS]


@dataclass(frozen=True)
class Case:
    query: str
    expected: str


def cases(name: str) -> Iterator[Case]:
    """Read the cases of a file: a query, and behind an arrow what becomes of it."""
    query = ""
    for line in (CASES / name).read_text("utf-8").splitlines():
        if line.startswith("=> "):
            yield Case(query, line[3:])
        elif not line.startswith("#"):
            query = line


def file_of(rule: Rule) -> str:
    return f"{rule.name.replace(',', '').replace(' ', '-')}.txt"


def module_of(query: str) -> Module:
    declared = "declare variable $h external; " if "$h" in query else ""
    return to_module(parse_query(declared + query, PREFIXES, lambda name: [name]))


def test_each_rule_has_cases() -> None:
    assert {file_of(rule) for rule in RULES} == {path.name for path in CASES.iterdir()}


@pytest.mark.parametrize("rule", RULES, ids=file_of)
def test_cases(rule: Rule) -> None:
    wrong = []
    for case in cases(file_of(rule)):
        result = written(normalised(module_of(case.query).body), PREFIXES)
        if result != case.expected:
            wrong.append((case.query, result, case.expected))
    assert wrong == []


@pytest.mark.parametrize("rule", RULES, ids=file_of)
def test_cases_need_their_rule(rule: Rule) -> None:
    others = table(other for other in RULES if other is not rule)
    bodies = [module_of(case.query).body for case in cases(file_of(rule))]
    assert [normalise(body, others) for body in bodies] != [*map(normalised, bodies)]


@pytest.mark.parametrize("rule", RULES, ids=file_of)
def test_what_has_been_normalised_stays_the_same(rule: Rule) -> None:
    for case in cases(file_of(rule)):
        body = normalised(module_of(case.query).body)
        assert repr(normalised(body)) == repr(body)
        again = normalised(module_of(case.expected).body)
        assert written(again, PREFIXES) == case.expected


@pytest.mark.parametrize("query", [case.query for case in (*SEEN, *REALISTIC)])
def test_queries_as_people_write_them(query: str) -> None:
    body = normalised(to_module(parse_query(query)).body)
    assert repr(normalised(body)) == repr(body)


# Meaning


def verdicts(query: Query) -> str:
    """Return for each event whether a query is true, false, or fails."""
    return "".join(verdict(query, number) for number in range(len(WRAPPED)))


def verdict(query: Query, number: int) -> str:
    try:
        return "FT"[query.evaluate_wrapped(WRAPPED[number], HEADERS)]
    except EvaluationError:
        return "E"


def is_kept(old: str, new: str) -> bool:
    """Tell whether all that was true or false still is; an error may become false."""
    allowed = ("TT", "FF", "EE", "EF")
    return all(before + after in allowed for before, after in zip(old, new, strict=True))


@given(QUERIES)
@settings(max_examples=400, deadline=None)
def test_rules_keep_the_meaning(text: str) -> None:
    try:
        query = parse_query(text, derived=lambda name: [name])
    except FilterError:
        assume(False)
    module = to_module(query)
    body = normalised(module.body)
    new = written(Module(module.externals, body), PREFIXES)
    again = parse_query(new, PREFIXES, lambda name: [name])
    assert is_kept(verdicts(query), verdicts(again)), new
    assert repr(normalised(body)) == repr(body)


@pytest.mark.parametrize("rule", RULES, ids=file_of)
def test_cases_keep_their_meaning(rule: Rule) -> None:
    for case in cases(file_of(rule)):
        declared = "declare variable $h external; " if "$h" in case.query else ""
        old = parse_query(declared + case.query, PREFIXES, lambda name: [name])
        new = parse_query(declared + case.expected, PREFIXES)
        assert is_kept(verdicts(old), verdicts(new)), case


# Limits


def test_a_value_is_not_multiplied() -> None:
    lets = "".join(f"let $v{n + 1} := ($v{n}, $v{n}, //e:A) " for n in range(30))
    body = to_module(parse_query(f"let $v0 := //e:A {lets} return $v30 = 'x'")).body
    assert size(normalised(body)) < 50 * size(body)


def test_a_long_query_is_normalised_in_full() -> None:
    parts = " or ".join(f"not(not(//e:A = 'v{n}'))" for n in range(300))
    body = normalised(to_module(parse_query(parts)).body)
    listed = ", ".join(sorted(f"'v{n}'" for n in range(300)))
    assert written(body, PREFIXES) == f"/descendant::e:A = ({listed})"


def chained(text: str, count: int, joint: str = "") -> str:
    """Return a text again and again, with a number in place of the #."""
    return joint.join(text.replace("#", str(number)) for number in range(count))


CHAINS = {
    "predicates": chained("//e:A[@n and e:B", 60) + "]" * 60,
    "choices": chained("if (//e:A = 'x') then //e:B else ", 100) + "//e:C",
    "cases": f"switch (/e:Event/@id) {chained('case 1 return //e:A ', 100)} default return //e:B",
    "variables": f"some {chained('$v# in //e:A', 100, ', ')} satisfies "
    + chained("contains($v#, 'x')", 100, " and "),
    "lets": f"{chained('let $v# := //e:A let $w# := ($v#, $v#) ', 90)} return $w7 = 'x'",
    "wheres": f"let $v := 1 {chained('where //e:A = 1 let $w# := error() ', 80)} return $v",
    "loops": f"{chained('for $v# in /e:Event/e:P ', 100)} return $v7",
    "tests": "not(count(" * 60 + "//e:A" + "))" * 60,
}


@pytest.mark.parametrize("query", CHAINS.values(), ids=CHAINS)
def test_long_chains_do_not_need_too_much_stack(query: str) -> None:
    body = to_module(parse_query(query)).body
    assert size(normalised(body)) < 50 * size(body)


def test_what_is_opaque_stays() -> None:
    body = Opaque("map { 'a': 1 }?a = 1")
    assert normalised(body) is body


def test_what_stands_beside_something_opaque_is_normalised() -> None:
    module = to_module(parse_query("not(not(./e:Event/e:P)) and map { 'a': 1 }?a = 1"))
    assert written(normalised(module.body), PREFIXES).startswith("/e:Event/e:P and ")


def test_rules_take_the_context_item_for_a_node_only_where_it_is_one() -> None:
    text = "(1, 2)[not(not(. = 1 or ./e:A))]"
    body = normalised(to_module(parse_query(text)).body)
    assert written(body, PREFIXES) == "(1, 2)[not(not(. = 1 or e:A))]"
