from __future__ import annotations

from typing import Any

import pytest
import xmlschema

from clacks_events.catalog.describe import Field, documentation, fields
from tests.catalog.payload import DATA, declared, schema, typed

ORDER = """
<xs:element name="E">
  <xs:annotation>
    <xs:documentation xml:lang="de">Eine Bestellung.</xs:documentation>
    <xs:documentation xml:lang="en">
      An   order
      of goods.

      Sent once.
    </xs:documentation>
  </xs:annotation>
  <xs:complexType><xs:sequence>
    <xs:element name="item" maxOccurs="unbounded" nillable="true"><xs:complexType><xs:sequence>
      <xs:element name="count" type="t:count" default="1"/>
      <xs:choice><xs:element name="sku" type="xs:string"/><xs:element name="ean" type="xs:string"/>
      </xs:choice></xs:sequence><xs:attribute name="state" use="required"><xs:simpleType>
      <xs:restriction base="xs:string"><xs:enumeration value="new"/><xs:enumeration value="old"/>
      </xs:restriction></xs:simpleType></xs:attribute></xs:complexType></xs:element>
    <xs:element name="note" type="xs:string" minOccurs="0" maxOccurs="3"/>
    <xs:any namespace="##other" minOccurs="0"/>
  </xs:sequence></xs:complexType>
</xs:element>
<xs:simpleType name="count">
  <xs:annotation><xs:documentation>How many.</xs:documentation></xs:annotation>
  <xs:restriction base="xs:integer"><xs:minInclusive value="1"/></xs:restriction>
</xs:simpleType>
"""


def test_a_field_table() -> None:
    assert fields(declared(ORDER)) == [
        Field("item", "item", "object or null", "1..*", "", 0),
        Field("item/@state", "@state", "string: new | old", "1", "", 1),
        Field("item/count", "count", "integer ≥ 1, default 1", "1", "How many.", 1),
        Field("item/sku", "sku", "string", "0..1", "", 1),
        Field("item/ean", "ean", "string", "0..1", "", 1),
        Field("note", "note", "string", "0..3", "", 0),
        Field("*", "*", "any element (##other)", "0..1", "", 0),
    ]


def test_documentation_is_english_and_in_paragraphs() -> None:
    assert documentation(declared(ORDER)) == "An order of goods.\n\nSent once."


def test_documentation_without_english_takes_the_first_language() -> None:
    element = declared(
        '<xs:element name="E" type="xs:int"><xs:annotation><xs:documentation xml:lang="de">Zahl'
        '</xs:documentation><xs:documentation xml:lang="fr">Nombre</xs:documentation>'
        "<xs:documentation>7</xs:documentation></xs:annotation></xs:element>"
    )
    assert documentation(element) == "Zahl\n\n7"
    assert documentation(typed("xs:int")) == ""


@pytest.mark.parametrize(
    ("type_name", "facets", "text"),
    [
        ("xs:int", "", "int"),
        ("xs:decimal", '<xs:minInclusive value="0"/>', "decimal ≥ 0"),
        (
            "xs:decimal",
            '<xs:minExclusive value="0"/><xs:maxExclusive value="9"/>'
            '<xs:fractionDigits value="2"/>',
            "decimal > 0 < 9 decimals ≤ 2",
        ),
        ("xs:string", '<xs:length value="3"/>', "string of length 3"),
        ("xs:string", '<xs:maxLength value="3"/>', "string of length 0..3"),
        ("xs:string", '<xs:minLength value="3"/>', "string of length 3..*"),
        ("xs:string", '<xs:pattern value="a+"/><xs:pattern value="b"/>', "string like a+ or b"),
        ("xs:NMTOKENS", "", "list of NMTOKEN of length 1..*"),
        ("xs:anyType", "", "anything"),
    ],
)
def test_types_in_words(type_name: str, facets: str, text: str) -> None:
    inner = (
        f'<xs:simpleType name="x"><xs:restriction base="{type_name}">{facets}</xs:restriction>'
        f"</xs:simpleType>"
        if facets
        else ""
    )
    kind = "t:x" if facets else type_name
    element = declared(
        f'<xs:element name="E"><xs:complexType><xs:sequence><xs:element name="a" type="{kind}"/>'
        f"</xs:sequence></xs:complexType></xs:element>{inner}"
    )
    assert [row.type for row in fields(element)] == [text]


def test_a_recursive_type_stops_with_a_mark() -> None:
    element = declared(
        '<xs:element name="E" type="t:Node"/><xs:complexType name="Node"><xs:sequence>'
        '<xs:element name="name" type="xs:string"/>'
        '<xs:element name="child" type="t:Node" minOccurs="0" maxOccurs="unbounded"/>'
        "</xs:sequence></xs:complexType>"
    )
    assert [(row.path, row.type) for row in fields(element)] == [
        ("name", "string"),
        ("child", "Node (as above, recursive)"),
    ]


def test_substitutes_are_listed_in_document_order() -> None:
    compiled: Any = schema(
        '<xs:element name="E"><xs:complexType><xs:sequence><xs:element ref="t:head"/>'
        '</xs:sequence></xs:complexType></xs:element><xs:element name="head" abstract="true"/>'
        + "".join(
            f'<xs:element name="{name}" substitutionGroup="t:head"/>'
            for name in ["zebra", "ant", "mole"]
        )
    )
    rows = fields(compiled.elements["E"])
    assert [(row.name, row.occurs) for row in rows] == [
        ("zebra", "0..1"),
        ("ant", "0..1"),
        ("mole", "0..1"),
    ]


@pytest.mark.skipif(not DATA.is_dir(), reason="no real schemas here")
def test_a_huge_schema_is_cut_where_it_says_so() -> None:
    compiled = xmlschema.XMLSchema10(DATA / "kml" / "schemas" / "kml22gx.xsd")
    rows = fields(compiled.maps.elements["{http://www.opengis.net/kml/2.2}kml"])
    assert 100 < len(rows) <= 400
    assert any(row.type.endswith("(deeper levels are left out)") for row in rows)
