"""What explain says of a filter, and of an event that a filter turns down."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from clacks_events import Catalog, Event, compile_filter
from clacks_events.event import HeaderValue
from clacks_events.filter import Subject
from clacks_events.filter.explain import judge
from clacks_events.filter.rules import RULES

STATUS = "/e:Event/e:PhoneStatus/e:Status"
CALLERS = "/e:Event/e:PhoneStatus/e:CallerId"
HEADERS: Mapping[str, HeaderValue] = {"priority": 3, "urgent": True, "color": "blue"}


def call(status: str = "idle", callers: int = 2) -> Event:
    numbers = "".join(f"<CallerId>{number}</CallerId>" for number in range(100, 100 + callers))
    return Event.from_xml(
        "<Event xmlns='http://www.gonicus.de/Events' source='pbx'>"
        f"<PhoneStatus kind='sip'>{numbers}<Status>{status}</Status></PhoneStatus></Event>",
        headers=HEADERS,
    )


def stages(query: str, source: str | None = None) -> str:
    return "\n" + compile_filter(query, source=source).explain() + "\n"


def verdict(query: str, event: Event | None = None, source: str | None = None) -> str:
    """Return what explain says of an event, from the word "event" on."""
    text = compile_filter(query, source=source).explain(event or call())
    return text[text.index("\nevent  ") + 1 :]


def test_all_stages_are_shown() -> None:
    text = stages("  declare variable $p external := 1;\n$p = 1 and 'busy' = " + STATUS)
    labels = [line.split()[0] for line in text.splitlines() if line[:1].strip()]
    last = ["types", "sources", "headers", "bindings", "residual", "engine", "index"]
    assert list(dict.fromkeys(labels)) == ["query", "parsed", "rule", *last]
    assert "\nquery\n  declare variable $p external := 1;\n  $p = 1 and" in text
    assert f"\nparsed\n  $p = 1 and 'busy' = {STATUS}\n" in text
    assert "\ntypes     PhoneStatus\n" in text
    assert "\nsources   any\n" in text
    assert "\nheaders   $p := 1\n" in text
    assert "\nbindings  (decided by the broker)\n  Event.#.PhoneStatus.#\n" in text
    assert f"\nresidual  (decided at the consumer)\n  $p = 1 and {STATUS} = 'busy'\n" in text
    assert "\nengine    compiled\n" in text
    assert text.endswith(f"\nindex     (looked up, among many filters)\n  {STATUS} = 'busy'\n")


def test_each_rule_that_changed_something_is_named_with_its_result() -> None:
    text = stages(f"'busy' = {STATUS}")
    names = {rule.name for rule in RULES}
    found = [line.removeprefix("rule      ") for line in text.splitlines() if line[:4] == "rule"]
    assert found
    assert set(found) <= names
    assert f"\nrule      literal on the right\n  {STATUS} = 'busy'\n" in text


def test_a_query_in_canonical_form_is_not_repeated() -> None:
    text = stages(f"{STATUS}\n  = 'busy'")
    assert "\nparsed    as it is written\n" in text
    assert "\nrule" not in text


def test_a_long_conjunction_has_a_line_for_each_part() -> None:
    parts = [f"(/e:Event/e:PhoneStatus/e:Name{n} = 'something' or $x)" for n in range(3)]
    text = stages(f"declare variable $x external; {' and '.join(parts)}")
    assert "\n".join(("\nparsed", f"  {parts[0]}", *(f"  and {p}" for p in parts[1:]))) in text


def test_nothing_at_all_is_everything() -> None:
    text = compile_filter(None).explain()
    assert text.splitlines() == [
        "types     any",
        "sources   any",
        "bindings  (decided by the broker)",
        "  Event.#",
        "  nothing can be told from type or source: every event is delivered",
        "residual  (decided at the consumer)",
        "  nothing: every event matches",
    ]


def test_type_and_source_alone_leave_nothing_to_evaluate() -> None:
    text = stages("/e:Event/e:PhoneStatus", source="pbx")
    assert text.endswith("\n  type and source, by their full names\n")
    assert "engine" not in text


def test_a_query_that_cannot_match_says_so() -> None:
    text = stages("/e:Event/e:PhoneStatus and /e:Event/e:UserSession")
    assert "\ntypes     none\n" in text
    assert "\n  none: no event can match\n" in text


def test_the_construct_that_needs_elementpath_is_named() -> None:
    text = stages(f"{STATUS} = 'busy' and map{{'a': 1}}?a = 1")
    assert f"\nengine    compiled, for a first look\n  {STATUS} = 'busy'\n" in text
    assert "\nengine    elementpath, since this is not compiled: map{'a': 1}?a\n" in text


@pytest.mark.parametrize(
    ("query", "looked_up"),
    [
        (f"{STATUS} = 'busy' and not({CALLERS})", [f"{STATUS} = 'busy'"]),
        (f"{STATUS} = 'busy' or {CALLERS} > 5", [f"{STATUS} = 'busy'", f"{CALLERS} > 5"]),
        (f"{STATUS} = 'busy' or not({CALLERS})", []),
    ],
)
def test_the_conditions_that_an_index_looks_up_are_named(query: str, looked_up: list[str]) -> None:
    last = stages(query).rpartition("\nindex     (looked up, among many filters)\n")[2]
    nothing = "nothing: evaluated for each event of these types and sources"
    assert [line.strip() for line in last.splitlines()] == (looked_up or [nothing])


def test_prefixes_and_the_catalog_are_those_of_the_filter() -> None:
    namespaces = {"w": "urn:example:weather"}
    query = "declare default element namespace 'urn:d'; /e:Event/w:wind/speed > 40 and //@w:x"
    compiled = compile_filter(query, namespaces=namespaces)
    text = compiled.explain()
    assert "\n  /e:Event/w:wind/speed > 40 and" in text


def test_a_query_whose_schema_has_gone_is_explained_without_its_first_stages(
    tmp_path: Path,
) -> None:
    schema = tmp_path / "gone.xsd"
    schema.write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:g">'
        '<xs:element name="gone" type="xs:string"/></xs:schema>'
    )
    catalog = Catalog([tmp_path])
    query = "/e:Event/schema-element(g:gone)"
    compiled = compile_filter(query, namespaces={"g": "urn:g"}, catalog=catalog)
    assert "\nparsed\n  /e:Event/g:gone\n" in compiled.explain()
    schema.unlink()
    catalog.refresh()
    text = compiled.explain()
    assert "\nparsed    cannot be shown any more: line 1, column " in text
    assert "\ntypes     gone\n" in text


def test_an_event_that_matches() -> None:
    assert verdict(f"{STATUS} = 'idle'") == "event     matches"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("/e:Event/e:UserSession", "its type is PhoneStatus"),
        ("/e:Event/@source = 'x'", "its source is 'pbx'"),
        (
            "(/e:Event/e:UserSession and /e:Event/@source = 'pbx')"
            " or (/e:Event/e:PhoneStatus and /e:Event/@source = 'x')",
            "its type is not wanted from its source",
        ),
    ],
)
def test_type_and_source_are_looked_at_first(query: str, reason: str) -> None:
    assert verdict(query) == f"event     does not match: {reason}"


def test_an_event_without_a_source_says_so() -> None:
    event = Event.from_xml("<x/>")
    assert verdict(".", event, source="pbx").endswith(": its source is not given")


@pytest.mark.parametrize(
    ("query", "condition", "evidence"),
    [
        (f"{STATUS} = 'busy'", f"{STATUS} = 'busy'", f"{STATUS} was 'idle'"),
        (
            f"/e:Event/@source = 'pbx' and {STATUS} = 'busy' and {STATUS} = 'free'",
            f"{STATUS} = 'busy'",
            f"{STATUS} was 'idle'",
        ),
        (f"{CALLERS} > 500", f"{CALLERS} > 500", f"{CALLERS} was '100', '101'"),
        (f"not({STATUS})", f"not({STATUS})", f"{STATUS} was 'idle'"),
        ("$priority > 5", "$priority > 5", "$priority was 3"),
        ("not($urgent)", "not($urgent)", "$urgent was true"),
        ("$color = 'red'", "$color = 'red'", "$color was 'blue'"),
        ("/*/*/@kind = 'isdn'", None, "/e:Event/*/@kind was 'sip'"),
        ("/*/e:PhoneStatus/e:X/e:Y", None, "/e:Event/e:PhoneStatus/e:X was not there"),
        (f"{CALLERS}[3] = '102'", f"{CALLERS}[3] = '102'", f"{CALLERS} was there 2 times"),
        (f"{STATUS}[2]", f"{STATUS}[2]", f"{STATUS} was there once"),
        (f"{CALLERS}[. > 500]/@x", f"{CALLERS}[. > 500]/@x", f"{CALLERS} was '100', '101'"),
        (f"({CALLERS})[3]", None, f"{CALLERS} was there 2 times"),
        (f"count({CALLERS}) = 3", f"count({CALLERS}) = 3", f"{CALLERS} was '100', '101'"),
        (
            f"some $c in {CALLERS} satisfies starts-with($c, '2')",
            None,
            f"{CALLERS} was '100', '101'",
        ),
        (
            "for $c in /e:Event, $s in $c/e:PhoneStatus/e:Status"
            " where upper-case($s) = 'BUSY' order by $s return string($s) = 'busy'",
            None,
            f"{STATUS} was 'idle'",
        ),
        (
            f"let $s := {STATUS} where $s = ('idle', 'free') return upper-case($s) = 'BUSY'",
            f"upper-case({STATUS}) = 'BUSY'",
            f"{STATUS} was 'idle'",
        ),
    ],
)
def test_the_first_condition_that_is_false_is_named_with_what_was_there(
    query: str, condition: str | None, evidence: str
) -> None:
    names = [name for name in HEADERS if f"${name}" in query]
    prolog = "".join(f"declare variable ${name} external; " for name in names)
    head, named, *found = verdict(prolog + query).splitlines()
    assert head == "event     does not match: this is false"
    assert condition in (None, named.strip())
    assert evidence in [line.strip() for line in found]


def test_the_alternatives_of_which_none_is_true_are_all_named() -> None:
    assert verdict(f"{STATUS} = 'busy' or //e:CallerId < 50").splitlines() == [
        "event     does not match: none of these is true",
        f"  {STATUS} = 'busy'",
        f"    {STATUS} was 'idle'",
        "  /descendant::e:CallerId < 50",
        "    /descendant::e:CallerId was '100', '101'",
    ]


def test_a_condition_that_fails_is_named_with_the_error() -> None:
    head, *lines = verdict(f"{CALLERS} and xs:integer({STATUS}) > 1").splitlines()
    assert head.startswith("event     does not match: the query fails on it: ")
    assert head.endswith("[FORG0001]")
    assert [line.strip() for line in lines] == [f"xs:integer({STATUS}) > 1", f"{STATUS} was 'idle'"]


@pytest.mark.parametrize("type", ["", " as xs:integer"])
def test_a_header_that_is_missing_is_the_whole_reason(type: str) -> None:
    text = verdict(f"declare variable $nothing{type} external; {STATUS} = 'busy' or $nothing > 5")
    assert text == (
        "event     does not match: the query fails on it: the header nothing is missing [XPDY0002]"
    )


def test_a_condition_that_only_elementpath_knows_is_tried_too() -> None:
    query = f"{STATUS} = 'idle' and map{{'a': 'busy'}}?a = {STATUS}"
    head, condition, evidence = verdict(query).splitlines()
    assert head == "event     does not match: this is false"
    assert "map{'a': 'busy'}" in condition
    assert evidence.strip() == f"{STATUS} was 'idle'"


def test_many_values_and_long_values_are_cut() -> None:
    assert f"{CALLERS} was '100', '101', '102', '103' and 5 more" in verdict(
        f"{CALLERS} = '5'", call(callers=9)
    )
    evidence = verdict(f"{STATUS} = 'busy'", call("word &amp;\n " * 30)).splitlines()[-1]
    assert evidence.endswith("…'")
    assert len(evidence) < 140


def test_headers_may_be_given_beside_the_event() -> None:
    compiled = compile_filter("declare variable $priority external; $priority > 5")
    assert judge(compiled, Subject(call(), {"priority": 9})).matches
    found = judge(compiled, Subject(call(), {"priority": 4}))
    assert (found.matches, found.text.splitlines()[-1]) == (False, "    $priority was 4")


def test_a_filter_of_types_only_tells_of_an_event_too() -> None:
    compiled = compile_filter(None, types=("UserSession",))
    assert compiled.explain(call()).endswith("event     does not match: its type is PhoneStatus")
