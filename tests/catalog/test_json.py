from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from clacks_events.catalog.build import from_json
from clacks_events.catalog.typed_json import to_json
from clacks_events.errors import InvalidEvent
from tests.catalog.payload import DATA, NS, declared, names, there_and_back, typed, xml

BOOK = """
<xs:element name="E"><xs:complexType><xs:sequence>
  <xs:element name="title" type="xs:string"/>
  <xs:element name="pages" type="xs:int" minOccurs="0"/>
  <xs:element name="author" type="xs:string" minOccurs="0" maxOccurs="unbounded"/>
</xs:sequence><xs:attribute name="id" type="xs:int"/></xs:complexType></xs:element>
"""
CHOICE = """
<xs:element name="E"><xs:complexType><xs:choice minOccurs="0" maxOccurs="unbounded">
  <xs:element name="a" type="xs:int"/><xs:element name="b" type="xs:int"/>
</xs:choice></xs:complexType></xs:element>
"""
PAIRS = """
<xs:element name="E"><xs:complexType><xs:sequence maxOccurs="unbounded">
  <xs:element name="n" type="xs:int"/><xs:element name="v" type="xs:int" {v}/>
</xs:sequence></xs:complexType></xs:element>
"""


@pytest.mark.parametrize(
    ("type_name", "text", "value"),
    [
        ("xs:int", " +7 ", 7),
        ("xs:unsignedLong", "18446744073709551615", 18446744073709551615),
        ("xs:integer", "9" * 5000, "9" * 5000),
        ("xs:decimal", "5.00", 5),
        ("xs:decimal", "0.1", 0.1),
        ("xs:decimal", "0.10000000000000000001", "0.10000000000000000001"),
        ("xs:double", "1", 1.0),
        ("xs:double", "1e999", "1e999"),
        ("xs:float", "INF", "INF"),
        ("xs:float", "-INF", "-INF"),
        ("xs:double", "NaN", "NaN"),
        ("xs:boolean", " 1", True),
        ("xs:boolean", "false", False),
        ("xs:dateTime", " 2026-01-01T12:00:00Z ", "2026-01-01T12:00:00Z"),
        ("xs:string", " a  b ", " a  b "),
        ("xs:token", " a  b ", "a b"),
        ("xs:NMTOKENS", " a  b ", ["a", "b"]),
        ("xs:QName", "t:x", "{urn:test}x"),
        ("xs:QName", "x", "x"),
        ("xs:anySimpleType", "7", "7"),
        ("xs:anyType", "7", "7"),
        ("xs:int", "seven", "seven"),
        ("xs:decimal", "1/2", "1/2"),
        ("xs:double", "", ""),
        ("xs:boolean", "maybe", "maybe"),
    ],
)
def test_a_value_has_the_json_type_of_its_schema(type_name: str, text: str, value: object) -> None:
    data = to_json(typed(type_name), xml(f"<t:E>{text}</t:E>"))
    assert (type(data), data) == (type(value), value)
    json.dumps(data, allow_nan=False)


def test_a_float_counts_as_a_number_in_json_only_if_it_is_one() -> None:
    assert isinstance(to_json(typed("xs:double"), xml("<t:E>1</t:E>")), float)
    assert isinstance(to_json(typed("xs:decimal"), xml("<t:E>1.0</t:E>")), int)


def test_a_union_takes_the_first_member_that_fits() -> None:
    union = declared(
        '<xs:element name="E"><xs:simpleType><xs:list><xs:simpleType>'
        '<xs:union memberTypes="t:small xs:boolean xs:date xs:string"/></xs:simpleType></xs:list>'
        '</xs:simpleType></xs:element><xs:simpleType name="small"><xs:restriction base="xs:int">'
        '<xs:maxInclusive value="9"/></xs:restriction></xs:simpleType>'
    )
    data = there_and_back(union, xml("<t:E>5 50 true 2026-01-01 else</t:E>"))
    assert data == [5, "50", True, "2026-01-01", "else"]


def test_children_go_by_local_name_and_lists_by_the_schema() -> None:
    data = there_and_back(
        declared(BOOK), xml('<t:E id="3"><t:title>T</t:title><t:author>A</t:author></t:E>')
    )
    assert data == {"@id": 3, "title": "T", "author": ["A"]}


def test_simple_content_keeps_its_shape_without_attributes() -> None:
    price = declared(
        '<xs:element name="E"><xs:complexType><xs:simpleContent><xs:extension base="xs:decimal">'
        '<xs:attribute name="currency" type="xs:string"/></xs:extension></xs:simpleContent>'
        "</xs:complexType></xs:element>"
    )
    assert there_and_back(price, xml('<t:E currency="EUR">9.5</t:E>')) == {
        "@currency": "EUR",
        "$": 9.5,
    }
    assert there_and_back(price, xml("<t:E>9.5</t:E>")) == {"$": 9.5}
    assert from_json(price, 9.5).text == "9.5"


def test_nil_is_none() -> None:
    nillable = declared(
        '<xs:element name="E"><xs:complexType><xs:sequence>'
        '<xs:element name="a" nillable="true" type="xs:int"/>'
        '<xs:element name="b" nillable="true" maxOccurs="9"><xs:complexType>'
        '<xs:attribute name="why"/></xs:complexType></xs:element>'
        "</xs:sequence></xs:complexType></xs:element>"
    )
    data = there_and_back(
        nillable,
        xml('<t:E><t:a xsi:nil="true"/><t:b xsi:nil="1" why="x"/><t:b why="y"/><t:b/></t:E>'),
    )
    assert data == {"a": None, "b": [{"@why": "x", "$": None}, {"@why": "y"}, {}]}


def test_an_element_that_is_empty_has_its_default() -> None:
    element = declared('<xs:element name="E" type="xs:int" default="5"/>')
    assert to_json(element, xml("<t:E/>")) == 5


def test_a_repeated_choice_keeps_its_order() -> None:
    element = declared(CHOICE)
    data = there_and_back(element, xml("<t:E><t:b>1</t:b><t:a>2</t:a><t:b>3</t:b></t:E>"))
    assert data == {"b": [1, 3], "a": [2], "#order": ["b", "a", "b"]}
    assert there_and_back(element, xml("<t:E><t:b>1</t:b><t:a>2</t:a></t:E>")) == {
        "b": [1],
        "a": [2],
    }


def test_repeated_groups_come_back_from_the_model_alone() -> None:
    element = declared(PAIRS.format(v=""))
    payload = xml("<t:E><t:n>1</t:n><t:v>2</t:v><t:n>3</t:n><t:v>4</t:v></t:E>")
    assert there_and_back(element, payload) == {"n": [1, 3], "v": [2, 4]}


def test_an_optional_part_of_a_repeated_group_stays_with_its_group() -> None:
    element = declared(PAIRS.format(v='minOccurs="0"'))
    data = there_and_back(element, xml("<t:E><t:n>1</t:n><t:n>3</t:n><t:v>4</t:v></t:E>"))
    assert data == {"n": [1, 3], "v": [4]}
    data = there_and_back(element, xml("<t:E><t:n>1</t:n><t:v>4</t:v><t:n>3</t:n></t:E>"))
    assert data == {"n": [1, 3], "v": [4], "#order": ["n", "v", "n"]}


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(-9, 9)), max_size=12))
@settings(max_examples=60, deadline=None)
def test_any_order_of_a_choice_survives(children: list[tuple[str, int]]) -> None:
    inside = "".join(f"<t:{name}>{value}</t:{name}>" for name, value in children)
    payload = xml(f"<t:E>{inside}</t:E>")
    data = there_and_back(CHOICE_ELEMENT, payload)
    assert etree.tostring(from_json(CHOICE_ELEMENT, data)).count(b":a>") == inside.count(":a>")
    assert [int(each.text or "") for each in from_json(CHOICE_ELEMENT, data)] == [
        value for _, value in children
    ]


CHOICE_ELEMENT = declared(CHOICE)


def test_locals_are_qualified_as_the_schema_says() -> None:
    element = declared(
        '<xs:element name="E"><xs:complexType><xs:all>'
        '<xs:element name="plain" form="unqualified" type="xs:int"/><xs:element name="own" '
        'type="xs:int"/><xs:element ref="t:shared"/></xs:all></xs:complexType></xs:element>'
        '<xs:element name="shared" type="xs:int"/>'
    )
    built = from_json(element, {"shared": 1, "own": 2, "plain": 3})
    assert [each.tag for each in built] == [f"{{{NS}}}shared", f"{{{NS}}}own", "plain"]
    assert None not in built.nsmap
    there_and_back(
        element, xml("<t:E><plain>1</plain><t:shared>2</t:shared><t:own>3</t:own></t:E>")
    )


def test_two_namespaces_with_one_local_name() -> None:
    element = declared(
        '<xs:element name="E"><xs:complexType><xs:sequence><xs:element name="x" type="xs:int"/>'
        '<xs:any namespace="##other ##local" processContents="lax" maxOccurs="9"/>'
        "</xs:sequence></xs:complexType></xs:element>".replace("##other ##local", "urn:o ##local")
    )
    payload = xml('<t:E><t:x>1</t:x><o:x xmlns:o="urn:o">2</o:x><x>3</x></t:E>')
    assert there_and_back(element, payload) == {"x": 1, "{urn:o}x": "2", "{}x": "3"}


def test_substitution_group_members_have_their_own_names() -> None:
    element = declared(
        '<xs:element name="E"><xs:complexType><xs:sequence>'
        '<xs:element ref="t:shape" maxOccurs="unbounded"/></xs:sequence></xs:complexType>'
        '</xs:element><xs:element name="shape" abstract="true" type="xs:int"/>'
        '<xs:element name="circle" substitutionGroup="t:shape" type="xs:int"/>'
        '<xs:element name="square" substitutionGroup="t:shape" type="xs:int"/>'
    )
    data = there_and_back(
        element,
        xml("<t:E><t:square>1</t:square><t:circle>2</t:circle><t:square>3</t:square></t:E>"),
    )
    assert data == {"square": [1, 3], "circle": [2], "#order": ["square", "circle", "square"]}
    with pytest.raises(InvalidEvent, match="known: circle, square"):
        from_json(element, {"shape": 1})


def test_xsi_type_decides() -> None:
    element = declared(
        '<xs:element name="E" type="t:Base"/><xs:complexType name="Base"><xs:sequence>'
        '<xs:element name="a" type="xs:anySimpleType"/></xs:sequence></xs:complexType>'
        '<xs:complexType name="More"><xs:complexContent><xs:extension base="t:Base"><xs:sequence>'
        '<xs:element name="b" type="xs:int"/></xs:sequence></xs:extension></xs:complexContent>'
        "</xs:complexType>"
    )
    payload = xml('<t:E xsi:type="t:More"><t:a xsi:type="xs:int">1</t:a><t:b>2</t:b></t:E>')
    data = there_and_back(element, payload)
    assert data == {"@xsi:type": "More", "a": {"@xsi:type": "xs:int", "$": 1}, "b": 2}
    with pytest.raises(InvalidEvent, match="no type") as caught:
        from_json(element, {"@xsi:type": "Less"})
    assert (caught.value.path, caught.value.value) == ("$['@xsi:type']", "Less")


def test_mixed_content_loses_nothing() -> None:
    element = declared(
        '<xs:element name="E"><xs:complexType mixed="true"><xs:choice minOccurs="0" maxOccurs="9">'
        '<xs:element name="b" type="xs:int"/><xs:element name="i" type="xs:int"/></xs:choice>'
        "</xs:complexType></xs:element>"
    )
    payload = xml("<t:E>one <t:b>1</t:b> and<!--no--> <t:i>2</t:i><t:b>3</t:b>.</t:E>")
    data = there_and_back(element, payload)
    assert data == {
        "b": [1, 3],
        "i": [2],
        "#text": ["one ", " and ", "."],
        "#order": ["#text", "b", "#text", "i", "b", "#text"],
    }
    text = "".join(from_json(element, data).itertext())
    assert text == "one 1 and 23."
    assert there_and_back(element, xml("<t:E>only</t:E>")) == {"#text": ["only"]}
    assert there_and_back(element, xml("<t:E>  <t:b>1</t:b> </t:E>")) == {"b": [1]}
    with pytest.raises(InvalidEvent, match="leaves out 'b'"):
        from_json(element, {"b": [1, 3], "#order": ["b"]})
    with pytest.raises(InvalidEvent, match="more often"):
        from_json(element, {"b": [1], "#order": ["b", "b"]})


def test_wildcard_content_is_typed_where_it_is_declared() -> None:
    element = declared(
        '<xs:element name="E"><xs:complexType><xs:sequence>'
        '<xs:any processContents="lax" minOccurs="0" maxOccurs="unbounded"/></xs:sequence>'
        '<xs:anyAttribute processContents="lax"/></xs:complexType></xs:element>'
        '<xs:element name="known" type="xs:int"/>'
    )
    payload = xml(
        '<t:E x="1" xml:lang="en"><t:known>1</t:known><t:u><t:v a="1">2</t:v></t:u></t:E>'
    )
    data = there_and_back(element, payload)
    assert data == {"@x": "1", "@xml:lang": "en", "known": 1, "u": {"v": {"@a": "1", "$": "2"}}}
    payload = xml('<t:E xmlns:o="urn:o" o:x="1"><t:u>1</t:u><t:u>2</t:u></t:E>')
    assert there_and_back(element, payload) == {"@{urn:o}x": "1", "u": ["1", "2"]}


def test_comments_instructions_and_hints_are_left_out() -> None:
    payload = xml(
        '<t:E xsi:schemaLocation="urn:test x.xsd"><!--c--><t:title>a<!--c-->b</t:title><?pi?></t:E>'
    )
    assert to_json(declared(BOOK), payload) == {"title": "ab"}


def test_xsd_1_1_alternatives_decide_by_attribute() -> None:
    element = declared(
        '<xs:element name="E" type="t:Any"><xs:alternative test="@kind = \'n\'" type="t:Number"/>'
        '</xs:element><xs:complexType name="Any"><xs:simpleContent><xs:extension base="xs:string">'
        '<xs:attribute name="kind"/></xs:extension></xs:simpleContent></xs:complexType>'
        '<xs:complexType name="Number"><xs:simpleContent><xs:restriction base="t:Any">'
        '<xs:simpleType><xs:restriction base="xs:string"><xs:pattern value="[0-9]+"/>'
        "</xs:restriction></xs:simpleType></xs:restriction></xs:simpleContent></xs:complexType>",
        new=True,
    )
    assert there_and_back(element, xml('<t:E kind="n">12</t:E>')) == {"@kind": "n", "$": "12"}


def test_xsd_1_1_open_content() -> None:
    element = declared(
        '<xs:element name="E"><xs:complexType><xs:openContent><xs:any namespace="##any" '
        'processContents="lax"/></xs:openContent><xs:sequence><xs:element name="a" type="xs:int"/>'
        "</xs:sequence></xs:complexType></xs:element>",
        new=True,
    )
    data = there_and_back(element, xml("<t:E><t:a>1</t:a><t:more>2</t:more></t:E>"))
    assert data == {"a": 1, "more": "2"}


def test_the_deepest_payload_that_can_be_parsed_is_read() -> None:
    element = declared('<xs:element name="E" type="xs:anyType"/>')
    payload = etree.fromstring("<a>" * 250 + "x" + "</a>" * 250)
    data: Any = to_json(element, payload)
    for _ in range(249):
        data = data["a"]
    assert data == "x"


def samples() -> list[tuple[str, str, str]]:
    schemas = {"cap": "CAP-v1.2.xsd", "iso20022": "pain.001.001.03.xsd", "kml": "kml22gx.xsd"}
    return [
        (
            family,
            "camt.054.001.04.xsd" if path.name.startswith("camt") else schema_name,
            path.name,
        )
        for family, schema_name in schemas.items()
        for path in sorted((DATA / family / "samples").glob("*"))
    ]


@pytest.fixture(scope="module")
def real_schemas() -> dict[str, Any]:
    return {}


@pytest.mark.skipif(not DATA.is_dir(), reason="no real schemas here")
@pytest.mark.parametrize(("family", "schema_name", "sample"), samples())
def test_real_payloads_come_back(
    real_schemas: dict[str, Any], family: str, schema_name: str, sample: str
) -> None:
    path: Path = DATA / family / "schemas" / schema_name
    if schema_name not in real_schemas:
        real_schemas[schema_name] = xmlschema.XMLSchema10(path)
    payload = etree.parse(DATA / family / "samples" / sample).getroot()
    element = real_schemas[schema_name].maps.elements[payload.tag]
    if sample == "Document-clean.kml":
        with pytest.raises(InvalidEvent, match="of another namespace"):
            there_and_back(element, payload)
        return
    there_and_back(element, payload)
    built = etree.fromstring(etree.tostring(from_json(element, to_json(element, payload))))
    assert etree.XMLSchema(file=str(path)).validate(built)
    assert names(built) == names(payload)
