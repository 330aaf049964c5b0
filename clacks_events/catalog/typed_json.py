"""The JSON form of a payload, typed by its schema.

The shape depends on the schema, hardly ever on the instance:

===========================  ==========================================================
element with simple content  its value; ``{"$": value}`` if the type declares attributes
xsi:nil                      ``None``; ``{"@a": 1, "$": None}`` with attributes
attribute                    ``"@name"``; ``"@xml:lang"``, ``"@xsi:type"``
child                        its local name; a list wherever the schema admits several
nothing inside               ``{}``
mixed content                the pieces of text as a list under ``"#text"``
no declaration               text as string, else as above; a list if seen several times
===========================  ==========================================================

Where the order of children cannot be found again from the schema (a repeated choice, text
between elements), ``"#order"`` lists the keys in document order. A name that is already
taken by a child of another namespace is written as ``{namespace}name``.

Values: integers, floats, booleans and lists are what they are in JSON; a decimal is an
integer or a float if nothing is lost by it, else its lexical form; ``INF``, ``-INF``,
``NaN``, dates, times and the rest are lexical forms; a QName is ``{namespace}name``.
Left out: comments, processing instructions, schema location hints, absent defaults.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, TypeAlias

from lxml import etree
from xmlschema import XsdElement
from xmlschema.validators import XsdGroup, XsdType

from clacks_events.catalog.names import attribute_key, child_keys, type_key
from clacks_events.catalog.shape import (
    XSI,
    Shape,
    alternative_type,
    arrange,
    instance_type,
    shape_of,
    tag_of,
)
from clacks_events.catalog.values import expanded, read
from clacks_events.event import JsonValue

__all__ = ["to_json"]


_Object: TypeAlias = dict[str, JsonValue]

_HINTS: Final = (f"{{{XSI}}}nil", f"{{{XSI}}}schemaLocation", f"{{{XSI}}}noNamespaceSchemaLocation")


def to_json(xsd_element: XsdElement, element: etree._Element) -> JsonValue:
    """Return a valid element as plain data, typed by its declaration.

    Nothing is validated: a text that does not fit its type stays a string.
    """
    return _value(xsd_element, xsd_element, element)


def _value(root: XsdElement, declared: XsdElement | None, element: etree._Element) -> JsonValue:
    shape = shape_of(_type(root, declared, element))
    attributes = _attributes(root, shape, element)
    if element.get(f"{{{XSI}}}nil", "").strip() in ("true", "1"):
        return {**attributes, "$": None} if attributes else None
    if shape.simple is not None:
        value = read(shape.simple, _text(declared, element), element)
        return {**attributes, "$": value} if attributes or shape.attributes else value
    if shape.untyped and element.find("*") is None:
        text = _text(None, element)
        return {**attributes, **({"$": text} if text else {})} if attributes else text
    # The recursion stays in this function: two frames a level would reach Python's limit.
    children = [
        (tag_of(child), _value(root, _declaration(root, shape, tag_of(child)), child))
        for child in element.iterchildren("*")
    ]
    content = _children(shape, children)
    order = _order(shape, [tag for tag, _ in children], element)
    return {**attributes, **content, **order}


def _type(root: XsdElement, declared: XsdElement | None, element: etree._Element) -> XsdType:
    expected: XsdType = root.maps.any_type
    if declared is not None:
        expected = alternative_type(declared, element) if declared.alternatives else declared.type
    name = element.get(f"{{{XSI}}}type")
    if name is None:
        return expected
    # A type nobody knows is possible where the schema does not look (processContents="skip").
    return instance_type(root.maps, expected, expanded(name.strip(), element)) or expected


def _declaration(root: XsdElement, shape: Shape, tag: str) -> XsdElement | None:
    # A component without children is false in a boolean context.
    return shape.children[tag] if tag in shape.children else root.maps.elements.get(tag)


def _text(declared: XsdElement | None, element: etree._Element) -> str:
    text = (element.text or "") + "".join(each.tail or "" for each in element)
    if text or declared is None:
        return text
    return declared.fixed or declared.default or ""


def _attributes(root: XsdElement, shape: Shape, element: etree._Element) -> _Object:
    found: _Object = {}
    for name, text in element.items():
        if name in _HINTS:
            continue
        if name == f"{{{XSI}}}type":
            found["@xsi:type"] = type_key(expanded(text.strip(), element), root)
            continue
        attribute = shape.attributes.get(name, root.maps.attributes.get(name))
        value = text if attribute is None else read(attribute.type, text, element)
        found[attribute_key(shape, name, found)] = value
    return found


def _children(shape: Shape, children: list[tuple[str, JsonValue]]) -> _Object:
    keys = child_keys(shape, [tag for tag, _ in children])
    times = Counter(tag for tag, _ in children)
    found: _Object = {}
    for tag, value in children:
        if tag not in shape.repeated and times[tag] == 1:
            found[keys[tag]] = value
            continue
        values = found.setdefault(keys[tag], [])
        if isinstance(values, list):
            values.append(value)
    return found


def _order(shape: Shape, tags: list[str], element: etree._Element) -> _Object:
    keys = child_keys(shape, tags)
    texts = _texts(element) if shape.mixed else []
    if any(text.strip() for text in texts):
        pieces: list[JsonValue] = [text for text in texts if text]
        return {"#text": pieces, **({"#order": _mixed_order(texts, tags, keys)} if tags else {})}
    if _recoverable(shape.model, tags):
        return {}
    return {"#order": [keys[tag] for tag in tags]}


def _texts(element: etree._Element) -> list[str]:
    """The text before, between and after the child elements."""
    texts = [element.text or ""]
    for child in element:
        if isinstance(child.tag, str):
            texts.append("")
        texts[-1] += child.tail or ""
    return texts


def _mixed_order(texts: list[str], tags: list[str], keys: dict[str, str]) -> list[JsonValue]:
    order: list[JsonValue] = ["#text"] if texts[0] else []
    for tag, text in zip(tags, texts[1:], strict=True):
        order += [keys[tag], "#text"] if text else [keys[tag]]
    return order


def _recoverable(model: XsdGroup | None, tags: list[str]) -> bool:
    """Whether the children, grouped by name, find back into their order."""
    times = Counter(tags)
    grouped = [tag for tag in times for _ in range(times[tag])]
    if grouped == tags:
        return True
    return model is not None and [grouped[at] for at in arrange(model, grouped)] == tags
