"""JSON Schema of the values of simple types.

Only what holds for each valid value in its JSON form is said: a date may be written in several
ways, so that its enumeration and its bounds are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from lxml import etree
from xmlschema.validators import XsdEnumerationFacets, XsdPatternFacets, XsdSimpleType

from clacks_events.catalog.examples import facet
from clacks_events.catalog.json_pattern import expressible
from clacks_events.catalog.shape import (
    ancestry,
    builtin_type,
    item_type,
    kind_of,
    member_types,
)
from clacks_events.catalog.values import read
from clacks_events.event import JsonValue
from clacks_events.xml import local_name

__all__ = ["Schema", "sure_values", "value_schema"]

Schema = dict[str, Any]

_NUMERAL: Final = r"^[-+]?[0-9]*\.?[0-9]*$"
_INTEGER: Final = r"^[-+]?[0-9]+$"
_FLOAT: Final = r"^(?:NaN|-?INF|[-+]?[0-9]*\.?[0-9]*(?:[eE][-+]?[0-9]+)?)$"
_ENCODINGS: Final = {"hexBinary": "base16", "base64Binary": "base64"}
_NAMES: Final = ("Name", "NCName", "NMTOKEN", "ID", "IDREF", "ENTITY")
_TEXTS: Final = frozenset(("string", "normalizedString", "token", "language", "anyURI", *_NAMES))
"""The types of which two values are equal only if their texts are."""

_NOWHERE: Final = etree.Element("nowhere")


def value_schema(simple: XsdSimpleType) -> Schema:
    """Return the JSON Schema of what :func:`~clacks_events.catalog.values.read` gives."""
    kind = kind_of(simple)
    if kind == "list":
        return {
            "type": "array",
            "items": value_schema(item_type(simple)),
            **_lengths(simple, "Items"),
        }
    if kind == "union":
        return {"anyOf": _distinct(value_schema(each) for each in member_types(simple))}
    values = _enumeration(simple)
    if values is not None:
        return {"enum": values}
    return _ATOMS.get(kind, _text)(simple)


def sure_values(simple: XsdSimpleType, texts: Sequence[str]) -> list[JsonValue] | None:
    """Return the JSON forms of some values; None where one of them may have another form, too."""
    kind, name = kind_of(simple), local_name(builtin_type(simple).name or "")
    if kind == "boolean" or kind == "integer" or (kind == "string" and name in _TEXTS):
        return _distinct(read(simple, text, _NOWHERE) for text in texts)
    if kind == "decimal" or (kind == "float" and name == "double"):
        found = _distinct(read(simple, text, _NOWHERE) for text in texts)
        return None if any(isinstance(value, str) for value in found) else found
    return None


def _enumeration(simple: XsdSimpleType) -> list[JsonValue] | None:
    found = facet(simple, "enumeration")
    if not isinstance(found, XsdEnumerationFacets):
        return None
    return sure_values(simple, [each.attrib["value"] for each in found])


def _integer(simple: XsdSimpleType) -> Schema:
    bounds = _bounds(simple)
    if all(any(end in keyword.lower() for keyword in bounds) for end in ("minimum", "maximum")):
        return {"type": "integer", **bounds}
    # Numerals that are longer than Python reads stay text.
    return {"type": ["integer", "string"], "pattern": _INTEGER, **bounds}


def _decimal(simple: XsdSimpleType) -> Schema:
    return {"type": ["number", "string"], "pattern": _NUMERAL, **_bounds(simple)}


def _float(simple: XsdSimpleType) -> Schema:
    # What an xs:float is compared as has fewer digits than its text.
    is_double = local_name(builtin_type(simple).name or "") == "double"
    bounds = _bounds(simple) if is_double else {}
    return {"type": ["number", "string"], "pattern": _FLOAT, **bounds}


def _boolean(_simple: XsdSimpleType) -> Schema:
    return {"type": "boolean"}


def _qname(_simple: XsdSimpleType) -> Schema:
    return {"type": "string", "$comment": "xs:QName"}


def _binary(simple: XsdSimpleType) -> Schema:
    name = local_name(builtin_type(simple).name or "")
    return {"type": "string", "contentEncoding": _ENCODINGS[name], **_patterns(simple)}


def _text(simple: XsdSimpleType) -> Schema:
    name = local_name(builtin_type(simple).name or "")
    told: Schema = {} if name in ("string", "anySimpleType") else {"$comment": f"xs:{name}"}
    lengths = _lengths(simple, "Length") if name in _TEXTS else {}
    return {"type": "string", **told, **lengths, **_patterns(simple)}


_ATOMS: Final = {
    "integer": _integer,
    "decimal": _decimal,
    "float": _float,
    "boolean": _boolean,
    "qname": _qname,
    "binary": _binary,
}
_KEYWORDS: Final = {
    "minInclusive": "minimum",
    "minExclusive": "exclusiveMinimum",
    "maxInclusive": "maximum",
    "maxExclusive": "exclusiveMaximum",
}


def _bounds(simple: XsdSimpleType) -> Schema:
    found: Schema = {}
    for name, keyword in _KEYWORDS.items():
        number = _number(getattr(facet(simple, name), "value", None))
        if number is not None:
            found[keyword] = number
    return found


def _number(value: object) -> int | float | None:
    """Return a bound that JSON can state exactly."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    if isinstance(value, int):
        return value
    exact = Decimal(repr(value)) if isinstance(value, float) else value
    if not exact.is_finite():
        return None
    if exact == exact.to_integral_value():
        return int(exact)
    return float(exact) if Decimal(repr(float(exact))) == exact else None


def _lengths(simple: XsdSimpleType, unit: str) -> Schema:
    exact = getattr(facet(simple, "length"), "value", None)
    shortest = getattr(facet(simple, "minLength"), "value", exact)
    longest = getattr(facet(simple, "maxLength"), "value", exact)
    found = {f"min{unit}": shortest or None, f"max{unit}": longest}
    return {keyword: length for keyword, length in found.items() if length is not None}


def _patterns(simple: XsdSimpleType) -> Schema:
    found = _distinct(_written(simple))
    if len(found) < 2:
        return {"pattern": found[0]} if found else {}
    return {"allOf": [{"pattern": pattern} for pattern in found]}


def _written(simple: XsdSimpleType) -> Iterator[str]:
    """Yield the patterns of each step of the derivation; those of one step are alternatives."""
    for base in ancestry(simple):
        if base is builtin_type(simple) or not isinstance(base.patterns, XsdPatternFacets):
            continue
        each = [expressible(facet.attrib["value"]) for facet in base.patterns]
        known = [pattern for pattern in each if pattern is not None]
        if len(known) == len(each):
            yield known[0] if len(known) == 1 else f"^(?:{'|'.join(p[1:-1] for p in known)})$"


def _distinct(values: Any) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if not any(value == each and type(value) is type(each) for each in found):
            found.append(value)
    return found
