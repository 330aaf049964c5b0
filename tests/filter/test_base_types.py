"""Queries for base types: substitution groups and derived schema types, as the catalog has them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import xmlschema
from lxml import etree

from clacks_events import (
    Catalog,
    EvaluationError,
    Event,
    FilterTypeError,
    UnsupportedFilter,
    compile_filter,
)
from clacks_events.filter import Filter
from clacks_events.filter.xquery import parse_query
from clacks_events.topic import matches, routing_key

XSI = "http://www.w3.org/2001/XMLSchema-instance"
NAMESPACES = {"a": "urn:a", "p": "urn:p"}
BUILTIN = [
    f"{{http://www.w3.org/2001/XMLSchema}}{name}"
    for name in ("anyType", "anySimpleType", "decimal", "integer", "short", "string", "date")
]
SCHEMAS = Path(__file__).parent / "cases" / "base_types"
EVENTS = {
    "Added": "<a:Added><a:Name>n</a:Name></a:Added>",
    "Removed": "<a:Removed/>",
    "Locked": "<a:Locked><a:Name>n</a:Name><a:Until>2026-01-01</a:Until></a:Locked>",
    "Loose": "<a:Loose><a:Name>n</a:Name></a:Loose>",
    "Nil": '<a:Added xsi:nil="true"/>',
    "Open": "<a:Open>text</a:Open>",
    "OpenAsLocked": '<a:Open xsi:type="a:LockType"><a:Name>n</a:Name><a:Until>2026-01-01</a:Until>'
    "</a:Open>",
    "LooseAsLocked": '<a:Loose xsi:type="a:LockType"><a:Name>n</a:Name>'
    "<a:Until>2026-01-01</a:Until></a:Loose>",
    "LooseAsPerson": '<a:Loose xmlns="urn:p" xsi:type="PersonType"><a:Name>n</a:Name>'
    "<Mail>m</Mail></a:Loose>",
    "Report": "<a:Report><a:Added>5</a:Added></a:Report>",
    "PersonAdded": "<p:PersonAdded><a:Name>n</a:Name><p:Mail>m</p:Mail></p:PersonAdded>",
    "PersonSeen": "<p:PersonSeen><a:Name>n</a:Name><p:Mail>m</p:Mail></p:PersonSeen>",
    "Level": "<p:Level>3</p:Level>",
}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog([SCHEMAS], builtin=False)


@pytest.fixture(scope="module")
def events(catalog: Catalog) -> dict[str, Event]:
    bound = f' xmlns:a="urn:a" xmlns:p="urn:p" xmlns:xsi="{XSI}"'
    found = {}
    for name, text in EVENTS.items():
        end = min(at for at in map(text.find, " />") if at > 0)
        found[name] = Event.from_xml(text[:end] + bound + text[end:])
        catalog.validate(found[name])
    return found


def compiled(query: str, catalog: Catalog) -> Filter:
    return compile_filter(query, namespaces=NAMESPACES, catalog=catalog)


def by_elementpath(query: str, catalog: Catalog, event: Event) -> bool:
    """What the slow way says, without bindings, rules and closures."""
    parsed = parse_query(query, NAMESPACES, catalog.derived, catalog)
    try:
        return parsed.evaluate(event.document, {})
    except EvaluationError:
        return False


def cases() -> Iterator[tuple[str, str]]:
    lines = (SCHEMAS.parent / "base_types.txt").read_text().splitlines()
    blocks = (line for line in lines if not line.startswith("#"))
    for is_empty, block in itertools.groupby(blocks, lambda line: not line.strip()):
        if not is_empty:
            *query, expected = block
            yield "\n".join(query), expected.removeprefix("=>").strip()


@pytest.mark.parametrize(("query", "expected"), list(cases()))
def test_who_matches(catalog: Catalog, events: dict[str, Event], query: str, expected: str) -> None:
    found = compiled(query, catalog)
    assert [name for name, event in events.items() if found.matches(event)] == expected.split()
    slow = [name for name, event in events.items() if by_elementpath(query, catalog, event)]
    assert slow == expected.split()
    for name in expected.split():
        # A publisher with other schemas knows no lineage.
        key = routing_key((events[name].type,), events[name].source)
        assert any(matches(pattern, key) for pattern in found.bindings)


def type_of(schema: xmlschema.XMLSchema, payload: etree._Element) -> xmlschema.XsdType:
    """The type of a valid payload, as xmlschema sees it."""
    declared = schema.maps.elements[str(payload.tag)].type
    given = payload.get(f"{{{XSI}}}type")
    if given is None:
        return declared
    prefix, _, local = given.rpartition(":")
    return schema.maps.types[f"{{{payload.nsmap[prefix or None]}}}{local}"]


def test_types_as_xmlschema_sees_them(catalog: Catalog, events: dict[str, Event]) -> None:
    schema = xmlschema.XMLSchema(SCHEMAS / "person.xsd")
    # There a union is no base of its members, and a nilled element is like others.
    known = [
        wanted
        for name, wanted in schema.maps.types.items()
        if name.startswith(("{urn:a}", "{urn:p}", *BUILTIN)) and name != "{urn:p}Either"
    ]
    valid = [(name, event) for name, event in events.items() if name != "Nil"]
    for (name, event), wanted in itertools.product(valid, known):
        actual = type_of(schema, event.payload)
        is_derived = actual is wanted or actual.is_derived(wanted)
        query = f"/*/element(*, Q{wanted.name})"
        assert compiled(query, catalog).matches(event) is is_derived, (name, wanted.name)


def test_bindings_follow_the_lineage(catalog: Catalog) -> None:
    def bindings(query: str) -> str:
        patterns = compiled(query, catalog).bindings
        return " ".join(pattern.removeprefix("Event.#.").removesuffix(".#") for pattern in patterns)

    assert (
        bindings("/e:Event/schema-element(a:Account)") == "Account Added Locked PersonAdded Removed"
    )
    assert bindings("/e:Event/schema-element(a:Added)") == "Added PersonAdded"
    # Open and Loose may say that they are of such a type.
    lock = "Account Added Locked Loose Open"
    assert bindings("/e:Event/element(*, a:LockType)") == lock
    assert bindings("/e:Event/element(a:Open, a:LockType)") == "Open"
    assert bindings("/e:Event/* instance of element(*, a:LockType)") == lock
    assert bindings("/e:Event/element(p:Level, a:LockType)") == ""


@pytest.mark.parametrize(
    ("query", "caret"),
    [
        ("//element(*, a:AccountType)", "element(*, a:AccountType)"),
        ("/e:Event/*/element(*, a:AccountType)", "element(*, a:AccountType)"),
        ("/e:Event/a:Report[element(a:Added, a:AccountType)]", "element(a:Added, a:AccountType)"),
        (".//* instance of element(*, a:LockType)*", "element(*, a:LockType)"),
        ("/e:Event/attribute(*, a:AccountType)", "a:AccountType"),
        (
            "typeswitch (/e:Event/*/*) case element(*, a:LockType) return 1 default return ()",
            "element(*, a:LockType)",
        ),
        (
            "declare function local:f($x as element(*, a:LockType)) { true() };"
            " local:f(/e:Event/*) or local:f(//a:Added)",
            "element(*, a:LockType)",
        ),
        ("let $x as element(*, a:LockType)* := //* return $x", "element(*, a:LockType)"),
        ("for $x as element(*, a:LockType) in //* return $x", "element(*, a:LockType)"),
        ("//* treat as element(*, a:LockType)+", "element(*, a:LockType)"),
        (
            "/e:Event/*[. instance of element(*, a:LockType)]/element(*, a:BaseType)",
            "element(*, a:BaseType)",
        ),
        ("map { 1: /e:Event/element(*, a:LockType) }(1)", "element(*, a:LockType)"),
        ("/e:Event/* instance of array(element(*, a:LockType))", "element(*, a:LockType)"),
    ],
)
def test_the_type_of_what_may_be_local_is_not_guessed(
    catalog: Catalog, query: str, caret: str
) -> None:
    with pytest.raises(UnsupportedFilter) as caught:
        compiled(query, catalog)
    start, end = caught.value.span
    assert query[start:end] == caret


@pytest.mark.parametrize(
    ("query", "text", "caret"),
    [
        ("/*/element(*, a:AccuontType)", "did you mean AccountType", "a:AccuontType"),
        ("/*/element(*, a:Zzz)", "No schema declares the type {urn:a}Zzz", "a:Zzz"),
        ("/*/element(*, xs:strnig)", "No schema declares the type", "xs:strnig"),
        ("/*/schema-element(a:Acount)", "No schema declares the element", "a:Acount"),
    ],
)
def test_an_unknown_type_is_refused(catalog: Catalog, query: str, text: str, caret: str) -> None:
    with pytest.raises(FilterTypeError, match=text) as caught:
        compiled(query, catalog)
    assert "XPST0008" in str(caught.value)
    assert query[slice(*caught.value.span)] == caret


def test_without_a_catalog_there_are_no_types() -> None:
    with pytest.raises(UnsupportedFilter, match="need a catalog"):
        compile_filter("/*/element(*, a:AccountType)", namespaces=NAMESPACES)
    # Untyped data are of no built-in type either.
    added = Event.from_xml("<Level xmlns='urn:p'>3</Level>")
    assert not compile_filter("/*/element(*, xs:integer)").matches(added)
    assert compile_filter("/*/element(*, xs:untyped)").matches(added)


def test_a_type_that_depends_on_the_content_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xsd").write_text(
        """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:a"
            xmlns:vc="http://www.w3.org/2007/XMLSchema-versioning" vc:minVersion="1.1"
            targetNamespace="urn:a">
          <xs:complexType name="Base"><xs:attribute name="n"/></xs:complexType>
          <xs:complexType name="Child"><xs:complexContent><xs:extension base="Base"/>
            </xs:complexContent></xs:complexType>
          <xs:element name="A" type="Base"><xs:alternative test="@n = 1" type="Child"/></xs:element>
          <xs:element name="B" type="Child"/>
        </xs:schema>"""
    )
    known = Catalog([tmp_path], builtin=False)
    with pytest.raises(UnsupportedFilter, match="The type of A depends on its content"):
        compiled("/*/element(*, a:Child)", known)
    assert compiled("/*/element(a:B, a:Child)", known).matches(Event.from_xml("<B xmlns='urn:a'/>"))
    assert compiled("/*/element(*, a:Base)", known).matches(Event.from_xml("<A xmlns='urn:a'/>"))
