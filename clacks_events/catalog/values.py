"""Texts of simple types as values, and values as texts."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from lxml import etree
from xmlschema.validators import ValidationContext, XsdSimpleType

from clacks_events.catalog.shape import XML, builtin_type, item_type, kind_of, member_types
from clacks_events.event import JsonValue
from clacks_events.lexical import lexical
from clacks_events.xml import local_name

__all__ = ["expanded", "read", "write"]

_MOST_DIGITS: Final = 4000  # Python refuses to write longer integers


def expanded(name: str, element: etree._Element) -> str:
    """Return a prefixed name in Clark notation, by the prefixes in scope of an element."""
    prefix, colon, local = name.rpartition(":")
    namespace = XML if prefix == "xml" else element.nsmap.get(prefix if colon else None)
    return f"{{{namespace}}}{local}" if namespace else name


def read(simple: XsdSimpleType, text: str, element: etree._Element) -> JsonValue:
    """Return the value of a text; the text itself if it does not fit its type.

    ``element`` tells the prefixes in scope.
    """
    kind = kind_of(simple)
    if kind == "list":
        item = item_type(simple)
        return [read(item, each, element) for each in text.split()]
    if kind == "union":
        member = _member(simple, text)
        return text if member is None else read(member, text, element)
    if kind == "qname":
        return expanded(text.strip(), element)
    text = simple.normalize(text)
    return _READERS[kind](text) if kind in _READERS else text


def _member(simple: XsdSimpleType, text: str) -> XsdSimpleType | None:
    # Not the context that xmlschema keeps itself: threads would share it.
    context = ValidationContext(simple.schema.source)
    return next((each for each in member_types(simple) if each.text_is_valid(text, context)), None)


def _integer(text: str) -> JsonValue:
    try:
        return int(text) if len(text) < _MOST_DIGITS else text
    except ValueError:
        return text


def _decimal(text: str) -> JsonValue:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return text
    if not value.is_finite() or len(text) >= _MOST_DIGITS:
        return text
    if value == value.to_integral_value():
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else text


def _float(text: str) -> JsonValue:
    try:
        value = float(text)
    except ValueError:
        return text
    return value if math.isfinite(value) else text.removeprefix("+")


def _boolean(text: str) -> JsonValue:
    return {"true": True, "1": True, "false": False, "0": False}.get(text, text)


_READERS: Final[dict[str, Callable[[str], JsonValue]]] = {
    "integer": _integer,
    "decimal": _decimal,
    "float": _float,
    "boolean": _boolean,
}


def write(simple: XsdSimpleType, value: object, prefix: Callable[[str], str]) -> str:
    """Return the text of a Python value for a simple type.

    ``prefix`` gives a prefix for a namespace. Raises TypeError for a value that has no text,
    ValueError for a list item that would fall apart. Whether the text is valid is not asked.
    """
    kind = kind_of(simple)
    if isinstance(value, list | tuple):
        return " ".join(_item(_of_list(simple, kind), each, prefix) for each in value)
    if value is None or isinstance(value, Mapping):
        raise TypeError("a single value is needed")
    if isinstance(value, bytes) and kind == "binary":
        hexadecimal = local_name(builtin_type(simple).name or "") == "hexBinary"
        return value.hex().upper() if hexadecimal else base64.b64encode(value).decode()
    if isinstance(value, str) and kind == "qname" and value.startswith("{"):
        namespace, _, local = value[1:].partition("}")
        return f"{prefix(namespace)}:{local}" if namespace else local
    if isinstance(value, float) and kind in ("integer", "decimal"):
        value = _exact(value)
    return lexical(value)


def _exact(value: float) -> object:
    """A float without the exponent that xs:decimal does not know."""
    if not math.isfinite(value):
        return value
    return int(value) if value.is_integer() else Decimal(repr(value))


def _of_list(simple: XsdSimpleType, kind: str) -> XsdSimpleType:
    if kind == "list":
        return item_type(simple)
    if kind == "union":
        lists = [each for each in member_types(simple) if kind_of(each) == "list"]
        if lists:
            return item_type(lists[0])
    raise TypeError("a single value is needed, not a list")


def _item(simple: XsdSimpleType, value: object, prefix: Callable[[str], str]) -> str:
    text = write(simple, value, prefix)
    if not text or text.split() != [text]:
        raise ValueError(f"{text!r} cannot stand in a list that white space separates")
    return text
