"""What a query insists on, found without any rule: never too narrow, and exact where it decides."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from clacks_events import EvaluationError, Event
from clacks_events.filter.analysis.analyse import analyse
from clacks_events.filter.analysis.decide import is_decided
from clacks_events.filter.analysis.interest import Interest
from clacks_events.filter.nodes import Module
from clacks_events.filter.xquery import parse_query, to_module
from tests.filter.test_filter import NAMESPACES, E

GROUPS = {
    f"{{{E}}}A": frozenset((f"{{{E}}}A", "{urn:x}A")),
    "{urn:x}B": frozenset(("{urn:x}B", "B")),
}

Queries = st.SearchStrategy[str]

ROOTS = st.sampled_from(["./e:Event", "/e:Event", "/*", "/*:Event[@source='s.1']", "/node()"])
TESTS = st.sampled_from(
    ["e:A", "e:B", "x:A", "*:A", "*", "node()", "schema-element(e:A)", "element(x:B)", "text()"]
)
AXES = st.sampled_from(
    ["/", "//", "/self::node()/", "/*/../", "/*/self::", "/@source/../", "/descendant::"]
)
LEAVES = st.sampled_from(["/e:v", "/@source", "/v/..", "/*:v/*:w", "/following-sibling::*", ""])
CONSTANTS = st.sampled_from(
    ["''", "'1'", "'s.1'", "'s2'", "0", "1", "2.5", "true()", "false()", "()"]
)
OPERATORS = st.sampled_from(["=", "!=", "<", ">=", "eq", "ne", "gt"])
TEXTS = st.sampled_from(
    [
        "string",
        "normalize-space",
        "upper-case",
        "string-length",
        "name",
        "data",
        "head",
        "count",
        "number",
        "boolean",
        "not",
        "empty",
        "exists",
        "sum",
        "distinct-values",
        "reverse",
    ]
)
TYPES = st.sampled_from(
    [
        "schema-element(e:A)",
        "schema-element(x:B)+",
        "schema-element(e:A)?",
        "element(e:B)",
        "element()",
        "item()*",
        "node()*",
        "attribute()",
        "xs:string",
        "xs:boolean",
        "xs:integer?",
    ]
)


def paths() -> Queries:
    whole = st.builds("{}{}{}{}".format, ROOTS, AXES, TESTS, LEAVES)
    sources = st.sampled_from(["/*/@source", "/e:Event/@source", "/*/@*", "(.)", "(/)"])
    return whole | sources | st.builds("({}{})".format, ROOTS, LEAVES)


def combined(inner: Queries) -> Queries:
    build = st.builds
    return st.one_of(
        build("({} {} {})".format, inner, OPERATORS, inner),
        build("({} {} {})".format, inner, OPERATORS, CONSTANTS),
        build("({} {} {})".format, CONSTANTS, OPERATORS, inner),
        build("{}({})".format, TEXTS, inner),
        build("{}({}, {})".format, st.sampled_from(["contains", "starts-with"]), inner, CONSTANTS),
        build("concat({}, {})".format, inner, inner),
        build("string-join({}, '-')".format, inner),
        build("({} and {})".format, inner, inner),
        build("({} or {})".format, inner, inner),
        build("({}, {})".format, inner, inner),
        build("({} | {})".format, paths(), paths()),
        build("({} except {})".format, paths(), paths()),
        build("({} intersect {})".format, paths(), paths()),
        build("({} + {})".format, inner, inner),
        build("(-{})".format, inner),
        build("({} to {})".format, inner, CONSTANTS),
        build("({} ! {})".format, inner, inner),
        build("{}/({})".format, paths(), inner),
        build("({})[{}]".format, inner, inner),
        build("(if ({}) then {} else {})".format, inner, inner, inner),
        build("(try {{ {} }} catch * {{ {} }})".format, inner, inner),
        build("({} instance of {})".format, inner, TYPES),
        build("({} treat as {})".format, inner, TYPES),
        build("({} castable as xs:{})".format, inner, st.sampled_from(["integer", "string?"])),
        build("({} cast as xs:{})".format, inner, st.sampled_from(["string", "boolean?"])),
        build("(let $p := {} return ($p, {})[{} ! $p])".format, inner, inner, inner),
        build("(let $p as {} := {} return $p)".format, TYPES, inner),
        build("(for $p at $n in {} where {} return ($p = $n, $p))".format, inner, inner),
        build("(for $p as {} in {} order by string($p) return $p)".format, TYPES, inner),
        build("(for $p allowing empty in {} return not($p))".format, inner),
        build("(some $p in {}, $q in {} satisfies $p = $q)".format, inner, inner),
        build("(every $p in {} satisfies $p = {})".format, inner, CONSTANTS),
        build(
            "(switch ({}) case {} case {} return {} default return {})".format,
            inner,
            CONSTANTS,
            inner,
            inner,
            inner,
        ),
        build(
            "(typeswitch ({}) case $p as {} | {} return ({}, $p) default $p return {})".format,
            inner,
            TYPES,
            TYPES,
            inner,
            inner,
        ),
        build("(xs:string({}))".format, inner),
    )


def queries() -> Queries:
    return st.recursive(paths() | CONSTANTS, combined, max_leaves=8)


def events() -> st.SearchStrategy[Event]:
    payloads = st.builds(
        "<{0} xmlns='{1}' source='s2'>{2}</{0}>".format,
        st.sampled_from(["A", "B", "C"]),
        st.sampled_from([E, "urn:x", ""]),
        st.sampled_from(["", "<v>1</v>", "<v>0<w/></v>", "<A/>", "<v/><v>s2</v>", "1", "true"]),
    )
    sources = st.sampled_from([" source='s.1'", " source='s2'", " source='0'", ""])
    envelope = f"<e:Event xmlns:e='{E}'{{}}>{{}}<!--c--></e:Event>"
    return st.builds(envelope.format, sources, payloads).map(Event.from_xml)


def is_match(query: str, event: Event) -> bool:
    parsed = parse_query(query, NAMESPACES, lambda name: GROUPS.get(name, frozenset()))
    try:
        return parsed.evaluate(event.document, {})
    except EvaluationError:
        return False


def parsed(query: str) -> Module:
    return to_module(parse_query(query, NAMESPACES, lambda name: GROUPS.get(name, frozenset())))


@settings(max_examples=600, deadline=None)
@given(queries(), st.lists(events(), min_size=1, max_size=6))
def test_the_interest_is_never_too_narrow(query: str, sent: list[Event]) -> None:
    interest = analyse(parsed(query))
    for event in sent:
        if is_match(query, event):
            assert interest.admits(event.type, event.source)


def deciding() -> Queries:
    """Queries that type and source may decide."""
    names = st.sampled_from(["e:A", "*:A", "x:B", "B", "*", "schema-element(e:A)"])
    tests = st.sampled_from(["", "[@source='s.1']", "[@source=('s.1', 's2')]", "['s2' eq @source]"])
    sources = st.sampled_from(["'s.1'", "('s.1', 's2')", "()", "('s2')", "'0'"])
    payloads = st.builds("/e:Event{}/{}".format, tests, names)
    atoms = st.one_of(
        payloads,
        st.builds("/*{}".format, tests),
        st.builds("(/e:Event/@source {} {})".format, st.sampled_from(["=", "eq"]), sources),
        st.builds("exists({})".format, payloads),
        st.builds("(/e:Event{}/* instance of {})".format, tests, TYPES),
        st.builds("(let $p := {} return $p)".format, payloads),
        st.sampled_from(["true()", "false()", "'x'", "''", "."]),
    )
    return st.recursive(
        atoms,
        lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner),
        max_leaves=5,
    )


@settings(max_examples=500, deadline=None)
@given(deciding(), st.lists(events(), min_size=1, max_size=8))
def test_what_is_decided_is_exact(query: str, sent: list[Event]) -> None:
    module = parsed(query)
    interest: Interest = analyse(module)
    for event in sent if is_decided(module.body) and not interest.is_widened else ():
        assert interest.admits(event.type, event.source) is is_match(query, event)
