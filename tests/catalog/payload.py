"""Schemas for the tests of payloads as data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import xmlschema
from lxml import etree

from clacks_events.catalog.build import from_json
from clacks_events.catalog.typed_json import to_json

NS = "urn:test"
DATA = Path(__file__).parents[3] / "shared" / "data"

_HEAD = (
    '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:test" '
    'xmlns:vc="http://www.w3.org/2007/XMLSchema-versioning" '
    'targetNamespace="urn:test" elementFormDefault="qualified" {more}>'
)


def schema(body: str, *, more: str = "", new: bool = False) -> Any:
    """Compile the declarations of a schema for ``urn:test``, as XSD 1.1 if it is ``new``."""
    kind = xmlschema.XMLSchema11 if new else xmlschema.XMLSchema10
    return kind(_HEAD.format(more=more) + body + "</xs:schema>")


def declared(body: str, name: str = "E", *, more: str = "", new: bool = False) -> Any:
    """Compile declarations and return one of the elements."""
    return schema(body, more=more, new=new).elements[name]


def typed(type_name: str, facets: str = "") -> Any:
    """Declare an element ``E`` of a simple type."""
    if not facets:
        return declared(f'<xs:element name="E" type="{type_name}"/>')
    return declared(
        f'<xs:element name="E"><xs:simpleType><xs:restriction base="{type_name}">{facets}'
        "</xs:restriction></xs:simpleType></xs:element>"
    )


def xml(text: str) -> etree._Element:
    """Parse a payload; the prefixes ``t``, ``xsi`` and ``xs`` are bound on its root."""
    head, rest = text[:1] + "", text[1:]
    name = rest[: min(rest.find(end) for end in " />" if end in rest)]
    bound = (
        ' xmlns:t="urn:test" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xmlns:xs="http://www.w3.org/2001/XMLSchema"'
    )
    return etree.fromstring(head + name + bound + rest[len(name) :])


def there_and_back(element: Any, payload: etree._Element) -> Any:
    """Return the data of a payload, sure that the payload can be had again from it."""
    data = json.loads(json.dumps(to_json(element, payload), allow_nan=False))
    again = etree.fromstring(etree.tostring(from_json(element, data)))
    assert names(again) == names(payload)
    assert to_json(element, again) == data
    assert element.is_valid(again) == element.is_valid(payload)
    return data


def names(element: etree._Element) -> list[Any]:
    """Return tags, nesting and attribute names, in document order."""
    return [
        (
            len(list(each.iterancestors())),
            each.tag,
            sorted(name for name, _ in each.items() if "}schema" not in name),
        )
        for each in element.iter("*")
    ]
