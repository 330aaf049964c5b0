from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from lxml import etree

from clacks_events.catalog import Catalog
from clacks_events.catalog.json_pattern import expressible
from clacks_events.catalog.json_schema import json_schema
from clacks_events.catalog.typed_json import to_json
from clacks_events.errors import UnknownEventType
from clacks_events.event import Event
from tests.catalog.payload import DATA, declared, typed, xml
from tests.catalog.schemas import catalog, element, payload, xsd

BUILTIN = Catalog()
XSD = "http://www.w3.org/2001/XMLSchema"


def fault(schema: dict[str, Any], data: Any) -> str:
    """Return what JSON Schema has against data; empty if it is valid."""
    found = next(Draft202012Validator(schema).iter_errors(json.loads(json.dumps(data))), None)
    return "" if found is None else str(found)


def conforms(known: Any, text: str) -> Any:
    """Return the JSON form of a valid payload, sure that it conforms to the schema of its type."""
    payload = xml(text)
    assert known.is_valid(payload), text
    data = to_json(known, payload)
    assert fault(json_schema(known), data) == ""
    return data


def test_a_type_is_told_with_documentation_bounds_and_what_is_required() -> None:
    status = BUILTIN.json_schema("NodeStatus")
    assert status["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert status["title"] == "NodeStatus"
    assert status["description"].startswith("Sent by every agent about every 10 seconds")
    assert status["$ref"] == "#/$defs/NodeStatus"
    content = status["$defs"]["NodeStatus"]
    assert content["required"] == ["Load", "Latency", "Workers", "Id"]
    assert content["additionalProperties"] is False
    workers = content["properties"]["Workers"]
    assert workers["description"] == "Number of worker threads that the agent runs."
    assert workers["anyOf"][0] == {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}


@pytest.mark.parametrize("name", [known.name for known in BUILTIN.types])
def test_the_sample_of_each_built_in_type_conforms(name: str) -> None:
    schema = BUILTIN.json_schema(name)
    Draft202012Validator.check_schema(schema)
    assert fault(schema, BUILTIN.sample(name).json()["payload"]) == ""


@pytest.mark.parametrize(
    "data",
    [
        7,
        None,
        [],
        {},
        {"Load": 1, "Latency": 1, "Workers": 1},
        {"Load": 1, "Latency": 1, "Workers": 1.5, "Id": "x"},
        {"Load": 1, "Latency": 1, "Workers": 2**31, "Id": "x"},
        {"Load": "much", "Latency": 1, "Workers": 1, "Id": "x"},
        {"Load": 1, "Latency": 1, "Workers": 1, "Id": "x", "Indexed": "yes"},
        {"Load": 1, "Latency": 1, "Workers": 1, "Id": ["x"]},
        {"Load": 1, "Latency": 1, "Workers": 1, "Id": "x", "id": "x"},
    ],
)
def test_what_has_another_form_does_not_conform(data: Any) -> None:
    assert fault(BUILTIN.json_schema("NodeStatus"), data)


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(UnknownEventType, match="did you mean NodeStatus"):
        BUILTIN.json_schema("NodeStatsu")


TEXTS = {
    "xs:int": [" +7 ", "-0", "007"],
    "xs:integer": ["9" * 50, "-1"],
    "xs:nonNegativeInteger": ["0", "9" * 30],
    "xs:unsignedLong": ["18446744073709551615"],
    "xs:decimal": ["5.00", "0.1", ".5", "5.", "-0.10000000000000000001"],
    "xs:double": ["1", "1e999", "-1E-5", "INF", "-INF", "NaN", ".5"],
    "xs:float": ["0.1", "INF"],
    "xs:boolean": [" 1", "false"],
    "xs:dateTime": [
        " 2026-01-01T12:00:00Z ",
        "2026-01-01T24:00:00",
        "-0005-01-01T00:00:00.5+14:00",
    ],
    "xs:duration": ["-P1Y2M3DT4H5M6.7S"],
    "xs:gYear": ["2026"],
    "xs:string": [" a  b ", ""],
    "xs:token": [" a  b "],
    "xs:language": ["en-GB"],
    "xs:anyURI": ["http://example.org/ä", ""],
    "xs:NMTOKENS": [" a  b "],
    "xs:QName": ["t:x", "x"],
    "xs:hexBinary": ["0aFF", ""],
    "xs:base64Binary": ["aGVs bG8="],
    "xs:anySimpleType": ["7"],
    "xs:anyType": ["7", "<t:x><t:y a='1'/>text</t:x>"],
}


@pytest.mark.parametrize("name", TEXTS)
def test_values_of_each_built_in_simple_type_conform(name: str) -> None:
    for text in TEXTS[name]:
        conforms(typed(name), f"<t:E>{text}</t:E>")


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("xs:int", ["7", 7.5, True, None, [7], {"$": 7}]),
        ("xs:unsignedByte", [-1, 256]),
        ("xs:integer", ["x", 1.5, False]),
        ("xs:decimal", ["INF", "1e5", True]),
        ("xs:double", ["inf", "1,5", "nan"]),
        ("xs:boolean", [1, 0, "true"]),
        ("xs:string", [1, None, ["a"]]),
        ("xs:NMTOKENS", ["a", [], [1]]),
    ],
)
def test_values_of_another_kind_do_not_conform(name: str, wrong: list[Any]) -> None:
    schema = json_schema(typed(name))
    assert [value for value in wrong if not fault(schema, value)] == []


FACETS = [
    ("xs:string", '<xs:length value="2"/>', ["ab", "äß"], ["a", "abc"]),
    ("xs:string", '<xs:minLength value="2"/><xs:maxLength value="3"/>', ["ab"], ["a", "abcd"]),
    ("xs:token", '<xs:enumeration value="a b"/><xs:enumeration value="c"/>', [" a  b "], ["ab"]),
    ("xs:integer", '<xs:enumeration value="1"/><xs:enumeration value="02"/>', ["01", "2"], [3]),
    ("xs:decimal", '<xs:enumeration value="1.50"/>', ["1.5", "01.500"], [1, "1.50"]),
    ("xs:decimal", '<xs:minExclusive value="0.1"/>', ["0.2", "7"], [0.1, 0]),
    ("xs:int", '<xs:minInclusive value="0"/><xs:maxExclusive value="10"/>', ["0", "9"], [-1, 10]),
    ("xs:double", '<xs:maxInclusive value="0.5"/>', ["0.5", "-INF"], [0.6]),
    ("xs:string", '<xs:pattern value="[A-Z]{2}-[0-9]+"/>', ["AB-1"], ["AB1", "AB-", "xAB-1"]),
    ("xs:string", '<xs:pattern value="a|b"/><xs:pattern value="c"/>', ["b", "c"], ["ab", "d"]),
    ("xs:date", '<xs:minInclusive value="2026-01-01"/>', ["2026-01-01Z"], [1]),
    ("xs:time", '<xs:enumeration value="12:00:00Z"/>', ["13:00:00+01:00"], [1]),
    ("xs:float", '<xs:minInclusive value="0.1"/>', ["0.5"], ["x"]),
    ("xs:hexBinary", '<xs:length value="2"/>', ["00ff"], [0]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "facets", "right", "wrong"), FACETS)
def test_facets_are_told_where_json_can(
    name: str, facets: str, right: list[str], wrong: list[Any]
) -> None:
    known = typed(name, facets)
    for text in right:
        conforms(known, f"<t:E>{text}</t:E>")
    assert [value for value in wrong if not fault(json_schema(known), value)] == []


NUMBERS = st.decimals(-1000, 1000, places=3, allow_nan=False).map(lambda number: f"{number:f}")


@given(bound=NUMBERS, value=NUMBERS, name=st.sampled_from(["xs:decimal", "xs:double"]))
@settings(max_examples=40, deadline=None)
def test_bounds_never_refuse_what_is_valid(bound: str, value: str, name: str) -> None:
    for facet in ("minInclusive", "minExclusive", "maxInclusive", "maxExclusive"):
        known = typed(name, f'<xs:{facet} value="{bound}"/>')
        found = xml(f"<t:E>{value}</t:E>")
        is_valid = known.is_valid(found)
        assert (fault(json_schema(known), to_json(known, found)) == "") is is_valid


BODIES = [
    (
        '<xs:element name="E"><xs:complexType><xs:sequence><xs:element name="a" type="xs:int"/>'
        '<xs:element name="b" type="xs:int" minOccurs="0" maxOccurs="3"/></xs:sequence>'
        '<xs:attribute name="id" type="xs:int" use="required"/></xs:complexType></xs:element>',
        ['<t:E id="1"><t:a>1</t:a><t:b>1</t:b></t:E>', '<t:E id="1"><t:a>1</t:a></t:E>'],
        [{"a": 1}, {"@id": 1}, {"@id": 1, "a": 1, "b": 1}, {"@id": 1, "a": 1, "b": [1] * 4}],
    ),
    (
        '<xs:element name="E"><xs:complexType><xs:choice maxOccurs="unbounded">'
        '<xs:element name="a" type="xs:int"/><xs:element name="b" type="xs:int"/>'
        "</xs:choice></xs:complexType></xs:element>",
        ["<t:E><t:a>1</t:a></t:E>", "<t:E><t:b>1</t:b><t:a>2</t:a><t:b>3</t:b></t:E>"],
        [{"a": 1}, {"c": [1]}],
    ),
    (
        '<xs:element name="E"><xs:complexType><xs:simpleContent><xs:extension base="xs:decimal">'
        '<xs:attribute name="currency" type="xs:string" fixed="EUR"/></xs:extension>'
        "</xs:simpleContent></xs:complexType></xs:element>",
        ['<t:E currency="EUR">9.5</t:E>', "<t:E>9.5</t:E>"],
        [9.5, {"$": 9.5, "@currency": "USD"}, {"@currency": "EUR"}],
    ),
    (
        '<xs:element name="E" nillable="true"><xs:complexType><xs:sequence>'
        '<xs:element name="a" nillable="true" type="xs:int"/></xs:sequence>'
        '<xs:attribute name="why"/></xs:complexType></xs:element>',
        ['<t:E xsi:nil="true"/>', '<t:E xsi:nil="1" why="x"/>', '<t:E><t:a xsi:nil="1"/></t:E>'],
        [{"why": None}, {"a": "x"}],
    ),
    (
        '<xs:element name="E" type="t:Base"/><xs:complexType name="Base"><xs:sequence>'
        '<xs:element name="a" type="xs:anySimpleType"/></xs:sequence></xs:complexType>'
        '<xs:complexType name="More"><xs:complexContent><xs:extension base="t:Base"><xs:sequence>'
        '<xs:element name="b" type="xs:int"/></xs:sequence></xs:extension></xs:complexContent>'
        "</xs:complexType>",
        [
            '<t:E xsi:type="t:More"><t:a xsi:type="xs:int">1</t:a><t:b>2</t:b></t:E>',
            '<t:E xsi:type="t:Base"><t:a>1</t:a></t:E>',
        ],
        [{"a": "1", "b": 2}, {"@xsi:type": "More", "a": "1"}, {"@xsi:type": "Less", "a": "1"}],
    ),
    (
        '<xs:element name="E"><xs:complexType mixed="true"><xs:choice minOccurs="0" maxOccurs="9">'
        '<xs:element name="b" type="xs:int"/><xs:element ref="t:E"/></xs:choice>'
        "</xs:complexType></xs:element>",
        ["<t:E>one <t:b>1</t:b> and <t:E><t:E/>x</t:E></t:E>", "<t:E> <t:b>1</t:b></t:E>"],
        [{"#text": "one"}, {"E": [{"E": [{"b": ["x"]}]}]}],
    ),
    (
        '<xs:element name="E"><xs:complexType><xs:sequence><xs:element name="a" type="xs:int"/>'
        '<xs:any processContents="lax" minOccurs="0" maxOccurs="unbounded"/></xs:sequence>'
        '<xs:anyAttribute processContents="lax"/></xs:complexType></xs:element>',
        ['<t:E x="1"><t:a>1</t:a><t:a>2</t:a><t:u><t:v/></t:u></t:E>', "<t:E><t:a>1</t:a></t:E>"],
        [[]],
    ),
    (
        '<xs:element name="E"><xs:complexType><xs:sequence>'
        '<xs:element ref="t:shape" maxOccurs="2"/></xs:sequence></xs:complexType></xs:element>'
        '<xs:element name="shape" abstract="true" type="xs:int"/>'
        '<xs:element name="circle" substitutionGroup="t:shape" type="xs:int"/>',
        ["<t:E><t:circle>1</t:circle></t:E>"],
        [{"shape": [1]}, {"circle": 1}, {"circle": [1, 2, 3]}],
    ),
    (
        '<xs:element name="E"><xs:complexType><xs:choice>'
        '<xs:sequence><xs:element name="a" type="xs:int" fixed="1"/></xs:sequence>'
        '<xs:sequence><xs:element name="b"/><xs:element name="a" type="xs:int" nillable="true"/>'
        "</xs:sequence></xs:choice></xs:complexType></xs:element>",
        ["<t:E><t:a>1</t:a></t:E>", '<t:E><t:b/><t:a xsi:nil="true"/></t:E>'],
        [{}, {"a": "x"}],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("body", "right", "wrong"), BODIES)
def test_content_of_each_kind_conforms(body: str, right: list[str], wrong: list[Any]) -> None:
    known = declared(body)
    for text in right:
        conforms(known, text)
    assert [data for data in wrong if not fault(json_schema(known), data)] == []


def test_xsd_1_1_alternatives_conform() -> None:
    known = declared(
        '<xs:element name="E" type="t:Any"><xs:alternative test="@kind = \'n\'" type="t:Number"/>'
        '</xs:element><xs:complexType name="Any"><xs:sequence><xs:element name="a" minOccurs="0"/>'
        '</xs:sequence><xs:attribute name="kind"/></xs:complexType><xs:complexType name="Number">'
        '<xs:complexContent><xs:extension base="t:Any"><xs:sequence><xs:element name="n" '
        'type="xs:int"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>',
        new=True,
    )
    conforms(known, "<t:E kind='n'><t:n>1</t:n></t:E>")
    conforms(known, "<t:E><t:a/></t:E>")
    assert fault(json_schema(known), {"b": 1})


def test_xsd_1_1_open_content_conforms() -> None:
    known = declared(
        '<xs:element name="E"><xs:complexType><xs:openContent><xs:any processContents="lax"/>'
        '</xs:openContent><xs:sequence><xs:element name="a" type="xs:int"/></xs:sequence>'
        "</xs:complexType></xs:element>",
        new=True,
    )
    conforms(known, "<t:E><t:a>1</t:a><t:more>2</t:more></t:E>")
    assert fault(json_schema(known), {"more": 1})


def test_a_type_of_one_name_does_not_hide_that_of_another() -> None:
    known = declared(
        '<xs:element name="E"><xs:complexType><xs:sequence><xs:element name="E">'
        '<xs:complexType><xs:attribute name="n" type="xs:int"/></xs:complexType></xs:element>'
        "</xs:sequence></xs:complexType></xs:element>"
    )
    assert set(json_schema(known)["$defs"]) == {"E", "E.2"}
    conforms(known, '<t:E><t:E n="1"/></t:E>')


def test_what_other_files_add_to_a_type_conforms(tmp_path: Path) -> None:
    base = '<xs:complexType name="B"><xs:sequence><xs:element ref="t:head"/></xs:sequence>' + (
        "</xs:complexType>" + element("head", "xs:anyType", 'abstract="true"') + element("E", "t:B")
    )
    more = '<xs:include schemaLocation="base.xsd"/>' + (
        '<xs:complexType name="M"><xs:complexContent><xs:extension base="t:B"><xs:attribute '
        'name="n" type="xs:int"/></xs:extension></xs:complexContent></xs:complexType>'
        + element("member", "xs:int", 'substitutionGroup="t:head"')
    )
    known = catalog(tmp_path, {"base.xsd": xsd(base), "more.xsd": xsd(more)})
    schema = known.json_schema("{urn:t}E")
    for text in (
        "<t:E><t:member>1</t:member></t:E>",
        '<t:E xsi:type="t:M" n="1"><t:member>1</t:member></t:E>',
    ):
        found = payload(text)
        known.validate(found)
        assert fault(schema, known.to_json(found)) == ""


@pytest.mark.parametrize(
    ("pattern", "right", "wrong"),
    [
        ("[A-Z]{2}", "AB", "ABC"),
        ("a|bc", "bc", "ac"),
        (r"\s+x", " \t x", "x"),
        (r"a\-b\.c", "a-b.c", "a-bxc"),
        ("[^a-c]", "d", "b"),
        ("[+\\-]?[0-9]{1,3}", "-12", "--1"),
        ("[a-]", "-", "b"),
        ("^$/", "^$/", ""),
        (".", "x", "\n"),
        ("(a(b|c))+", "abac", "aba"),
        ("[&&|~-]x", "~x", "x"),
    ],
)
def test_patterns_keep_their_meaning(pattern: str, right: str, wrong: str) -> None:
    found = expressible(pattern)
    assert found is not None
    assert re.search(found, right)
    assert not re.search(found, wrong)


INEXPRESSIBLE = r"\d \w+ [\p{L}] \i\c* [a-z-[aeiou]] (a+)+ ((a|b*)c)* a{9999} ( [ a) ] [] \ * a{2"


@pytest.mark.parametrize("pattern", [*INEXPRESSIBLE.split(), "(" * 50 + ")" * 50, "\U0001f600"])
def test_patterns_that_mean_another_thing_elsewhere_are_left_out(pattern: str) -> None:
    assert expressible(pattern) is None


ALPHABET = "ab-^.[]\\|+*?(){}s \n$&~_ä"


@given(pattern=st.text(ALPHABET, max_size=8), text=st.text("ab-^. \n$&~_ä", max_size=5))
@settings(max_examples=400, deadline=None)
def test_a_pattern_never_refuses_what_xsd_accepts(pattern: str, text: str) -> None:
    found = expressible(pattern)
    escaped = pattern.replace("&", "&amp;").replace("\n", "&#10;")
    schema = (
        f'<xs:schema xmlns:xs="{XSD}"><xs:element name="E"><xs:simpleType>'
        f'<xs:restriction base="xs:string"><xs:pattern value="{escaped}"/></xs:restriction>'
        "</xs:simpleType></xs:element></xs:schema>"
    )
    try:
        judge = etree.XMLSchema(etree.fromstring(schema))
    except etree.XMLSchemaParseError:
        return  # not a pattern
    document = etree.Element("E")
    document.text = text
    if found is not None and judge.validate(document):
        assert re.search(found, text)


@pytest.mark.skipif(not DATA.is_dir(), reason="no real schemas here")
@pytest.mark.parametrize("family", ["cap", "iso20022", "kml"])
def test_real_payloads_conform(family: str) -> None:
    known = Catalog([DATA / family / "schemas"], builtin=False)
    schemas: dict[str, Any] = {}
    for path in sorted((DATA / family / "samples").glob("*")):
        event = Event.from_xml(path.read_bytes(), decoder=known)
        if event.type not in schemas:
            schemas[event.type] = known.json_schema(event.type)
            Draft202012Validator.check_schema(schemas[event.type])
        assert fault(schemas[event.type], event.json()["payload"]) == "", path
