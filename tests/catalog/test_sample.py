from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import xmlschema
from lxml import etree

from clacks_events.catalog.examples import example
from clacks_events.catalog.pattern import matching
from clacks_events.catalog.sample import sample
from tests.catalog.payload import DATA, declared, typed

SCHEMAS = Path(__file__).parents[2] / "schemas"
REAL = [
    ("cap", "CAP-v1.2.xsd"),
    ("iso20022", "pain.001.001.03.xsd"),
    ("iso20022", "camt.054.001.04.xsd"),
    ("kml", "kml22gx.xsd"),
]


def shown(element: Any) -> str:
    """The sample as text, valid, without prefixes."""
    made = etree.fromstring(etree.tostring(sample(element)))
    element.validate(made)
    return re.sub(r' xmlns:\w+="[^"]*"|\w+:(?=\w+[ />])', "", etree.tostring(made).decode())


@pytest.mark.parametrize(
    ("type_name", "facets"),
    [
        ("xs:string", ""),
        ("xs:dateTime", ""),
        ("xs:duration", ""),
        ("xs:QName", ""),
        ("xs:base64Binary", '<xs:length value="5"/>'),
        ("xs:hexBinary", '<xs:length value="5"/>'),
        ("xs:NMTOKENS", '<xs:minLength value="3"/>'),
        ("xs:language", '<xs:pattern value="[a-z]{2}-[A-Z]{2}"/>'),
        ("xs:string", '<xs:pattern value="[A-Z]{6,6}[A-Z2-9][A-NP-Z0-9]([A-Z0-9]{3,3}){0,1}"/>'),
        ("xs:string", r'<xs:pattern value="\+[0-9]{1,3}-[0-9()+\-]{1,30}"/>'),
        ("xs:string", r'<xs:pattern value="\d+(\.\d+)?|none"/><xs:minLength value="6"/>'),
        ("xs:string", r'<xs:pattern value="[^ -~]\p{Lu}[\i-[:]][\c-[:]]*"/>'),
        ("xs:string", '<xs:length value="40"/>'),
        ("xs:string", '<xs:maxLength value="2"/>'),
        ("xs:string", '<xs:enumeration value="b"/><xs:enumeration value="a"/>'),
        ("xs:int", '<xs:minInclusive value="17"/><xs:maxExclusive value="18"/>'),
        ("xs:decimal", '<xs:minExclusive value="0"/><xs:maxExclusive value="1"/>'),
        ("xs:decimal", '<xs:maxInclusive value="-3.25"/><xs:fractionDigits value="2"/>'),
        ("xs:double", '<xs:minExclusive value="100"/>'),
        ("xs:date", '<xs:minInclusive value="2030-05-05"/>'),
        ("xs:positiveInteger", '<xs:totalDigits value="1"/>'),
        ("xs:unsignedByte", '<xs:pattern value="[0-9]{3}"/>'),
    ],
)
def test_the_example_of_a_simple_type_is_valid(type_name: str, facets: str) -> None:
    element = typed(type_name, facets)
    text = example(element.type)
    assert element.type.text_is_valid(text), text


def test_an_example_that_cannot_be_found_is_not_valid() -> None:
    element = typed("xs:string", '<xs:pattern value="a"/><xs:minLength value="2"/>')
    assert not element.type.text_is_valid(example(element.type))


@pytest.mark.parametrize("pattern", [r"^(?:a|b{2})$(?!\n\Z)", r"^(?:[x\]]+\.c?)$(?!\n\Z)"])
def test_texts_for_a_pattern_match_it(pattern: str) -> None:
    compiled = re.compile(pattern)
    texts = list(matching(compiled))
    assert texts
    assert all(compiled.match(text) for text in texts)


def test_a_sample_has_what_is_required_and_optional_fields() -> None:
    element = declared(
        '<xs:element name="E"><xs:complexType><xs:sequence>'
        '<xs:element name="a" type="xs:int"/><xs:element name="b" type="xs:boolean" minOccurs="0"/>'
        '<xs:choice minOccurs="2" maxOccurs="2"><xs:element name="c" type="xs:date"/>'
        '<xs:element name="d" type="xs:int"/></xs:choice>'
        '<xs:element name="e" type="xs:int" fixed="7"/>'
        "</xs:sequence>"
        '<xs:attribute name="f" use="required"><xs:simpleType><xs:restriction base="xs:string">'
        '<xs:enumeration value="z"/></xs:restriction></xs:simpleType></xs:attribute>'
        "</xs:complexType></xs:element>"
    )
    assert shown(element) == (
        '<E f="z"><a>1</a><b>true</b><c>2026-01-01</c><c>2026-01-01</c><e>7</e></E>'
    )


def test_a_recursive_choice_takes_the_branch_that_ends() -> None:
    element = declared(
        '<xs:element name="E" type="t:T"/><xs:complexType name="T"><xs:choice>'
        '<xs:element name="both" type="t:T" minOccurs="2" maxOccurs="2"/>'
        '<xs:element name="leaf" type="xs:int"/></xs:choice></xs:complexType>'
    )
    assert shown(element) == "<E><leaf>1</leaf></E>"


def test_abstract_heads_and_types_are_replaced() -> None:
    element = declared(
        '<xs:element name="E"><xs:complexType><xs:sequence><xs:element ref="t:head"/>'
        '<xs:element name="a" type="t:Base"/></xs:sequence></xs:complexType></xs:element>'
        '<xs:element name="head" abstract="true" type="xs:int"/>'
        '<xs:element name="z" substitutionGroup="t:head" type="xs:int"/>'
        '<xs:element name="y" substitutionGroup="t:head" type="xs:int"/>'
        '<xs:complexType name="Base" abstract="true"/><xs:complexType name="Real">'
        '<xs:complexContent><xs:extension base="t:Base"/></xs:complexContent></xs:complexType>'
    )
    assert shown(element) == '<E><z>1</z><a xsi:type="p:Real"/></E>'


def test_ids_differ_and_references_point_to_one() -> None:
    element = declared(
        '<xs:element name="E"><xs:complexType><xs:sequence><xs:element name="a" minOccurs="2" '
        'maxOccurs="2"><xs:complexType><xs:attribute name="id" type="xs:ID" use="required"/>'
        '<xs:attribute name="to" type="xs:IDREF" use="required"/></xs:complexType></xs:element>'
        "</xs:sequence></xs:complexType></xs:element>"
    )
    assert shown(element) == '<E><a id="id1" to="id1"/><a id="id2" to="id1"/></E>'


def test_optional_fields_go_if_an_assertion_forbids_them() -> None:
    element = declared(
        '<xs:element name="E"><xs:complexType><xs:sequence>'
        '<xs:element name="a" type="xs:int" minOccurs="0"/></xs:sequence>'
        '<xs:assert test="not(*)"/></xs:complexType></xs:element>',
        new=True,
    )
    assert shown(element) == "<E/>"


def test_a_required_wildcard_is_filled() -> None:
    element = declared(
        '<xs:element name="E"><xs:complexType><xs:sequence>'
        '<xs:any namespace="##other" processContents="lax"/>'
        '<xs:any namespace="##targetNamespace" processContents="strict"/>'
        '</xs:sequence></xs:complexType></xs:element><xs:element name="b" type="xs:int"/>'
    )
    assert shown(element) == "<E><example/><b>1</b></E>"


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.xsd")), ids=lambda path: path.stem)
def test_every_built_in_type_has_a_valid_sample(path: Path) -> None:
    compiled = xmlschema.XMLSchema10(path)
    judge = etree.XMLSchema(file=str(path))
    for element in compiled.elements.values():
        if not element.abstract:
            judge.assertValid(etree.fromstring(etree.tostring(sample(element))))


@pytest.mark.skipif(not DATA.is_dir(), reason="no real schemas here")
@pytest.mark.parametrize(("family", "name"), REAL)
def test_real_schemas_have_valid_samples(family: str, name: str) -> None:
    path = DATA / family / "schemas" / name
    compiled: Any = xmlschema.XMLSchema10(path)
    judge = etree.XMLSchema(file=str(path))
    for element in compiled.elements.values():
        if not element.abstract:
            made = sample(element)
            assert etree.tostring(made) == etree.tostring(sample(element))
            judge.assertValid(etree.fromstring(etree.tostring(made)))
