from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from lxml import etree

from clacks_events.catalog.build import from_json
from clacks_events.errors import InvalidEvent
from tests.catalog.payload import declared, typed

BOOK = """
<xs:element name="E"><xs:complexType><xs:sequence>
  <xs:element name="title" type="xs:string"/>
  <xs:element name="pages" type="xs:int" minOccurs="0"/>
  <xs:element name="author" type="xs:string" minOccurs="0" maxOccurs="unbounded"/>
</xs:sequence><xs:attribute name="id" type="xs:int"/></xs:complexType></xs:element>
"""


def test_children_are_put_in_the_order_of_the_schema() -> None:
    built = from_json(declared(BOOK), {"author": ("A", "B"), "pages": 3, "title": "T", "@id": 1})
    assert [etree.QName(each).localname for each in built] == ["title", "pages", "author", "author"]
    assert declared(BOOK).is_valid(built)


@pytest.mark.parametrize(
    ("type_name", "value", "text"),
    [
        ("xs:dateTime", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        ("xs:date", date(2026, 1, 2), "2026-01-02"),
        ("xs:duration", timedelta(hours=1), "PT3600S"),
        ("xs:decimal", Decimal("1E+3"), "1000"),
        ("xs:decimal", 1e-7, "0.0000001"),
        ("xs:int", 5.0, "5"),
        ("xs:string", UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("xs:base64Binary", b"abc", "YWJj"),
        ("xs:hexBinary", b"abc", "616263"),
        ("xs:double", float("-inf"), "-INF"),
        ("xs:NMTOKENS", ("a", "b"), "a b"),
        ("xs:QName", "{urn:test}x", "p:x"),
    ],
)
def test_python_values_are_written_as_the_schema_spells_them(
    type_name: str, value: object, text: str
) -> None:
    element = typed(type_name)
    built = etree.fromstring(etree.tostring(from_json(element, value)))
    assert built.text == text
    assert element.is_valid(built)


def test_the_namespace_of_a_qname_is_declared() -> None:
    built = from_json(typed("xs:QName"), "{urn:new}x")
    assert built.nsmap[(built.text or "").partition(":")[0]] == "urn:new"


@pytest.mark.parametrize(
    ("data", "path", "reason"),
    [
        ({"titel": "T"}, "$.titel", "did you mean title?"),
        ({"title": "T", "@ID ": 1}, "$['@ID ']", "did you mean @id?"),
        ({"title": ["a", "b"]}, "$.title", "only once"),
        ({"title": {"x": 1}}, "$.title.x", "unknown key 'x'"),
        ({"title": "T", "author": ["A", {"x": 1}]}, "$.author[1].x", "unknown key 'x'"),
        ({"title": object()}, "$.title", "no XML form"),
        ({"title": "a\0b"}, "$.title", "not XML"),
        ({"title": None}, "$.title", "null is not allowed"),
        ({"title": "T", "@id": [1, 2]}, "$['@id']", "not a list"),
        ({"title": "T", "@id": None}, "$['@id']", "single value"),
        ({1: "T"}, "$", "a key must be a string"),
        ({"title": "T", "#text": "x"}, "$['#text']", "no text is allowed"),
        ("text", "$", "an object is needed"),
        ([{"title": "T"}], "$", "an object is needed"),
    ],
)
def test_what_cannot_be_built_is_named(data: object, path: str, reason: str) -> None:
    with pytest.raises(InvalidEvent, match=reason.replace("?", r"\?")) as caught:
        from_json(declared(BOOK), data)
    assert caught.value.path == path


def test_a_list_item_with_a_blank_would_fall_apart() -> None:
    with pytest.raises(InvalidEvent, match="white space"):
        from_json(typed("xs:NMTOKENS"), ["a b"])


def test_data_without_end_is_refused() -> None:
    element = declared(
        '<xs:element name="E"><xs:complexType><xs:sequence><xs:element ref="t:E" minOccurs="0"/>'
        "</xs:sequence></xs:complexType></xs:element>"
    )
    data: dict[str, Any] = {}
    data["E"] = data
    with pytest.raises(InvalidEvent, match="deeper than"):
        from_json(element, data)
