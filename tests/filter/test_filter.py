"""The compiler: what becomes of a query, and that its bindings never lose an event."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clacks_events import (
    Catalog,
    EvaluationError,
    Event,
    FilterError,
    FilterSyntaxError,
    FilterTypeError,
    UnknownEventType,
    UnsupportedFilter,
    compile_filter,
)
from clacks_events.envelope import Stamp
from clacks_events.filter.xquery import parse_query
from clacks_events.topic import matches, routing_key

CASES = Path(__file__).parent / "cases" / "bindings.txt"
E = "http://www.gonicus.de/Events"
NAMESPACES = {"x": "urn:x"}
ACCOUNT = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:x"
    xmlns="urn:x" elementFormDefault="qualified">
  <xs:element name="Account" type="xs:string"/>
  <xs:element name="Added" type="xs:string" substitutionGroup="Account"/>
  <xs:element name="Removed" type="xs:string" substitutionGroup="Account"/>
</xs:schema>"""


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    directory = tmp_path_factory.mktemp("schemas")
    (directory / "accounts.xsd").write_text(ACCOUNT)
    return Catalog([directory])


def cases() -> Iterator[tuple[str, str]]:
    lines = (line for line in CASES.read_text().splitlines() if not line.startswith("#"))
    for is_empty, block in itertools.groupby(lines, lambda line: not line.strip()):
        if not is_empty:
            *query, expected = block
            yield "\n".join(query), expected.removeprefix("=> ")


@pytest.mark.parametrize(("query", "expected"), list(cases()))
def test_what_a_query_asks_for_becomes_bindings(
    catalog: Catalog, query: str, expected: str
) -> None:
    found = compile_filter(query, namespaces=NAMESPACES, catalog=catalog)
    assert " ".join(found.bindings) == expected.replace("none", "")


def test_a_base_type_stands_for_its_derived_types(catalog: Catalog) -> None:
    found = compile_filter(None, types=("Account",), source="n1", catalog=catalog)
    assert found.bindings == (
        "Event.#.Account.#.n1",
        "Event.#.Added.#.n1",
        "Event.#.Removed.#.n1",
    )
    added = Event.from_xml("<Added xmlns='urn:x'>a</Added>")
    assert found.matches(added.stamped(Stamp(id="1", source="n1", time="2026-01-01T00:00:00Z")))
    assert not found.matches(added.stamped(Stamp(id="1", source="n2", time="2026-01-01T00:00:00Z")))
    by_query = compile_filter(
        "./e:Event/schema-element(x:Account)", namespaces=NAMESPACES, catalog=catalog
    )
    assert by_query.matches(added)
    assert not by_query.matches(Event.from_xml("<Other xmlns='urn:x'/>"))


def test_types_and_query_must_both_match() -> None:
    found = compile_filter("./e:Event[*/e:Id='1']", types=(f"{{{E}}}NodeLeave",))
    assert found.bindings == ("Event.#.NodeLeave.#",)
    assert found.matches(Event.from_xml(f"<NodeLeave xmlns='{E}'><Id>1</Id></NodeLeave>"))
    assert not found.matches(Event.from_xml(f"<NodeLeave xmlns='{E}'><Id>2</Id></NodeLeave>"))
    assert not found.matches(Event.from_xml(f"<ClientLeave xmlns='{E}'><Id>1</Id></ClientLeave>"))


def test_a_misspelt_type_is_refused(catalog: Catalog) -> None:
    with pytest.raises(UnknownEventType, match="did you mean PhoneStatus"):
        compile_filter(None, types=("PhoneStatsu",), catalog=catalog)
    # A Clark name needs no schema here: the consumer may never have seen it.
    assert compile_filter(None, types=("{urn:y}Z",), catalog=catalog).bindings == ("Event.#.Z.#",)


def test_an_unknown_schema_element_is_refused(catalog: Catalog) -> None:
    with pytest.raises(FilterTypeError, match="No schema declares the element") as caught:
        compile_filter("./e:Event/schema-element(e:Nothing)", catalog=catalog)
    assert str(caught.value).endswith("^^^^^^^^^")


@pytest.mark.parametrize(
    ("query", "kind", "caret"),
    [
        ("", FilterSyntaxError, 0),
        ("./e:Event[", FilterSyntaxError, 9),
        ("./colour $=! 'blue'", FilterSyntaxError, 9),
        ("let $e := ./f:Event\nreturn $e/f:A", FilterTypeError, 12),
        ("doc('x')", UnsupportedFilter, 0),
        ("<a/>", UnsupportedFilter, 0),
    ],
)
def test_a_bad_query_is_refused_with_a_caret(
    query: str, kind: type[FilterError], caret: int
) -> None:
    with pytest.raises(kind) as caught:
        compile_filter(query)
    assert caught.value.text == query
    assert caught.value.span[0] in (caret, caret + 1)
    assert not query or str(caught.value).rstrip().endswith("^")


def test_headers_are_external_variables() -> None:
    found = compile_filter("declare variable $color external; $color = 'blue'")
    event = Event.from_xml("<a/>", headers={"color": "blue"})
    assert found.matches(event)
    assert not found.matches(event, {"color": "red"})
    assert not found.matches(event, {})


def test_a_query_that_fails_does_not_match() -> None:
    found = compile_filter("xs:integer(./e:Event/a) = 1 or true()")
    assert not found.matches(Event.from_xml("<a>one</a>"))


def test_explain_shows_who_decides_what() -> None:
    text = compile_filter("./e:Event/e:PhoneStatus[e:Status='busy']").explain()
    assert "Event.#.PhoneStatus.#" in text
    assert "engine    compiled" in text
    assert "every event is delivered" in compile_filter("not(./e:Event/e:A)").explain()
    assert "no event can match" in compile_filter("false()").explain()
    assert "$color" in compile_filter("declare variable $color external; $color").explain()


# Law 1: bindings may select too much, never too little.

NAMES = st.sampled_from(["e:A", "e:B", "x:A", "*:A", "e:*", "*", "B"])
LEAVES = st.sampled_from(["e:v", "*:v", "@source", "@id", "v", "text()", ".", "e:v/e:w"])
VALUES = st.sampled_from(["'1'", "1", "'s.1'", "'s2'", "('s.1','s2')", "()"])
OPERATORS = st.sampled_from(["=", "!=", ">", "eq"])


def queries() -> st.SearchStrategy[str]:
    roots = st.sampled_from(["./e:Event", "/e:Event", "./*:Event", "/*", "./*[@source='s.1']"])
    predicates = st.one_of(
        st.just(""),
        st.builds("[{}]".format, LEAVES),
        st.builds("[{}{}{}]".format, LEAVES, OPERATORS.map(lambda o: f" {o} "), VALUES),
        st.sampled_from(["[1]", "[last()]", "[position() > 1]", "[not(*)]", "[self::e:A]"]),
    )
    paths = st.builds(
        lambda root, axis, name, where: f"{root}{axis}{name}{where}",
        roots,
        st.sampled_from(["/", "//", "/./", "/*/../"]),
        NAMES,
        predicates,
    ) | st.builds("{}{}".format, roots, predicates)
    atoms = st.one_of(
        paths,
        st.builds("({}/{} {} {})".format, paths, LEAVES, OPERATORS, VALUES),
        st.builds("exists({})".format, paths),
        st.sampled_from(["true()", "false()", "()", "'x'", "''"]),
    )
    return st.recursive(atoms, combined, max_leaves=5)


def combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} or {})".format, inner, inner),
        st.builds("({} and {})".format, inner, inner),
        st.builds("not({})".format, inner),
        st.builds("boolean({})".format, inner),
        st.builds("({}, {})".format, inner, inner),
        st.builds("(if ({}) then {} else {})".format, inner, inner, inner),
        st.builds("(let $p := {} return $p)".format, inner),
        st.builds("(let $p := {} return ($p or {}))".format, inner, inner),
        st.builds("(for $p in {} where {} return $p)".format, inner, inner),
        st.builds("(for $p in {} order by string($p) return {})".format, inner, inner),
        st.builds("(some $p in {} satisfies $p = {})".format, inner, VALUES),
        st.builds("(every $p in {} satisfies $p = {})".format, inner, VALUES),
        st.builds("({} | {})".format, inner, inner),
    )


def events() -> st.SearchStrategy[Event]:
    content = st.sampled_from(["", "<v>1</v>", "<v>1<w/></v>", "<A/>", "<B><v>2</v></B>", "1"])
    payloads = st.builds(
        "<{0} xmlns='{1}' source='s2'>{2}</{0}>".format,
        st.sampled_from(["A", "B", "C"]),
        st.sampled_from([E, "urn:x", ""]),
        content,
    )
    envelope = f"<e:Event xmlns:e='{E}'{{}}>{{}}</e:Event>"
    sources = st.sampled_from([" source='s.1'", " source='s2'", " source='A'", ""])
    return st.builds(envelope.format, sources, payloads).map(Event.from_xml)


@settings(max_examples=1500, deadline=None)
@given(queries(), st.lists(events(), min_size=1, max_size=6), st.sampled_from([(), ("Base",)]))
def test_bindings_never_lose_an_event(
    query: str, sent: list[Event], bases: tuple[str, ...]
) -> None:
    found = compile_filter(query, namespaces=NAMESPACES)
    alone = parse_query(query, NAMESPACES)
    for event in sent:
        try:
            is_match = alone.evaluate(event.document, {})
        except EvaluationError:
            continue  # it may have been true without looking at what fails (XPath 3.1 §2.3.4)
        assert found.matches(event) == is_match
        key = routing_key((*bases, event.type), event.source)
        assert not is_match or any(matches(pattern, key) for pattern in found.bindings), key


@pytest.mark.parametrize(
    "query",
    [
        ".",
        "/e:Event",
        "./e:Event/e:A",
        "let $e := ./e:Event return $e/e:A or $e/x:B",
        "./*:Event/*:A",
        "./e:Event[@source = ('a', 'b')]/e:A",
        "./e:Event/@source = 'a' and ./e:Event/e:A",
        "./e:Event/e:A[1]",
        "./e:Event/*",
        "./e:Event[e:A]",
    ],
)
def test_what_type_and_source_decide_needs_no_evaluation(query: str) -> None:
    assert "\nengine " not in compile_filter(query, namespaces=NAMESPACES).explain()


@pytest.mark.parametrize(
    "query",
    [
        "./e:Event/e:A/e:v",
        "not(./e:Event/e:A)",
        "declare variable $h external; ./e:Event/e:A",
        " or ".join(f"./e:Event/e:T{number}" for number in range(80)),
    ],
)
def test_everything_else_is_evaluated(query: str) -> None:
    assert "\nengine " in compile_filter(query, namespaces=NAMESPACES).explain()
