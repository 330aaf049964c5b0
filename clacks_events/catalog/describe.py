"""Event types in words: documentation, and a table of their fields."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from xmlschema import XsdComponent, XsdElement
from xmlschema.validators import (
    XsdAnyElement,
    XsdAtomicBuiltin,
    XsdAttribute,
    XsdEnumerationFacets,
    XsdPatternFacets,
    XsdSimpleType,
    XsdType,
)

from clacks_events.catalog.examples import facet
from clacks_events.catalog.names import attribute_key, child_keys
from clacks_events.catalog.shape import (
    XML,
    Shape,
    ancestry,
    bounds,
    builtin_type,
    item_type,
    kind_of,
    member_types,
    shape_of,
)
from clacks_events.xml import local_name

__all__ = ["Field", "documentation", "fields", "type_text"]

_MOST_ROWS: Final = 400
_DEEPEST: Final = 12
_VALUES_SHOWN: Final = 12
_BLANK_LINE: Final = re.compile(r"\n[ \t\r]*\n")
_DEEPER: Final = " (deeper levels are left out)"
_AGAIN: Final = " (as above, recursive)"


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a field table.

    ``path`` joins the keys of the JSON form with ``/``; ``occurs`` is ``1``, ``0..1``,
    ``0..*`` and so on; ``depth`` is 0 for the attributes and children of the event itself.
    """

    path: str
    name: str
    type: str
    occurs: str
    documentation: str
    depth: int


def fields(xsd_element: XsdElement) -> list[Field]:
    """Return the attributes and child elements of an event type, outermost first, in order.

    A recursive type is not followed again, and of a huge schema only as many levels are shown
    as fit into 400 rows; the type column says so in both cases.
    """
    found = _rows(xsd_element, 1)
    for deepest in range(2, _DEEPEST + 1):
        deeper = _rows(xsd_element, deepest)
        if len(deeper) > _MOST_ROWS or len(deeper) == len(found):
            break
        found = deeper
    return found


def documentation(component: XsdComponent) -> str:
    """Return the xs:documentation of a component, paragraphs apart, in English if there is a
    choice of languages.

    An element without any has that of the element it refers to, else that of its type.
    """
    text = _own_documentation(component)
    if text or not isinstance(component, XsdElement | XsdAttribute):
        return text
    if component.ref is not None:
        return documentation(component.ref)
    # What the schema of schemas says of xs:string is of no use here.
    builtin = isinstance(component.type, XsdAtomicBuiltin)
    return "" if builtin else _own_documentation(component.type)


def type_text(xsd_type: XsdType) -> str:
    """Return an XSD type in words, without prefix: ``decimal ≥ 0``, ``list of integer``."""
    simple = xsd_type.simple_type
    if simple is not None:
        return _simple_text(simple)
    shape = shape_of(xsd_type)
    if shape.untyped:
        return "anything"
    text = local_name(xsd_type.name) if xsd_type.name else ""
    if shape.mixed:
        return f"{text}: text and elements".removeprefix(": ")
    return text or ("object" if shape.particles or shape.attributes else "empty")


def _rows(declared: XsdElement, deepest: int) -> list[Field]:
    rows = _of_type(declared.type, "", 0, deepest, (declared.type,))
    return list(islice(rows, _MOST_ROWS + 1))


def _of_type(
    xsd_type: XsdType, path: str, depth: int, deepest: int, above: tuple[XsdType, ...]
) -> Iterator[Field]:
    shape = shape_of(xsd_type)
    for attribute in shape.attributes.values():
        yield _attribute_row(shape, attribute, path, depth)
    keys = child_keys(shape, list(shape.children))
    for tag, declared in shape.children.items():
        inner = shape_of(declared.type)
        again = declared.type in above
        cut = depth + 1 >= deepest and bool(inner.children or inner.attributes)
        mark = _AGAIN if again and not inner.simple else _DEEPER if cut else ""
        where = path + keys[tag]
        yield Field(
            path=where,
            name=keys[tag],
            type=_element_text(declared) + mark,
            occurs=_occurs(*bounds(shape.model, tag)),
            documentation=documentation(declared),
            depth=depth,
        )
        if not mark and not inner.untyped:
            yield from _of_type(
                declared.type, f"{where}/", depth + 1, deepest, (*above, declared.type)
            )
    for wildcard in shape.wildcards:
        yield _wildcard_row(wildcard, path, depth)


def _attribute_row(shape: Shape, attribute: XsdAttribute, path: str, depth: int) -> Field:
    key = attribute_key(shape, attribute.name, ())
    return Field(
        path=path + key,
        name=key,
        type=_simple_text(attribute.type) + _constraint(attribute),
        occurs="1" if attribute.is_required() else "0..1",
        documentation=documentation(attribute),
        depth=depth,
    )


def _wildcard_row(wildcard: XsdAnyElement, path: str, depth: int) -> Field:
    places = " ".join(wildcard.namespace) or "##any"
    return Field(
        path=f"{path}*",
        name="*",
        type=f"any element ({places})",
        occurs=_occurs(wildcard.min_occurs, wildcard.max_occurs),
        documentation=documentation(wildcard),
        depth=depth,
    )


def _element_text(declared: XsdElement) -> str:
    return (
        type_text(declared.type) + (" or null" if declared.nillable else "") + _constraint(declared)
    )


def _constraint(declared: XsdElement | XsdAttribute) -> str:
    if declared.fixed is not None:
        return f", always {declared.fixed}"
    return "" if declared.default is None else f", default {declared.default}"


def _occurs(least: float, most: float | None) -> str:
    highest = "*" if most is None or most == float("inf") else str(int(most))
    return highest if highest == str(int(least)) else f"{int(least)}..{highest}"


def _simple_text(simple: XsdSimpleType) -> str:
    kind = kind_of(simple)
    enumeration = facet(simple, "enumeration")
    if kind == "list":
        text = f"list of {_simple_text(item_type(simple))}"
    elif kind == "union":
        text = " or ".join(dict.fromkeys(map(_simple_text, member_types(simple))))
    else:
        text = local_name(builtin_type(simple).name or "anySimpleType")
    if isinstance(enumeration, XsdEnumerationFacets):
        return f"{text}: {_values([each.attrib['value'] for each in enumeration])}"
    if simple is builtin_type(simple):
        return text
    return " ".join([text, *_facet_texts(simple)])


def _values(values: list[str]) -> str:
    more = f" | … ({len(values)} values)" if len(values) > _VALUES_SHOWN else ""
    return " | ".join(values[:_VALUES_SHOWN]) + more


def _facet_texts(simple: XsdSimpleType) -> Iterator[str]:
    builtin = builtin_type(simple)
    for name, sign in _SIGNS.items():
        value = getattr(facet(simple, name), "value", None)
        if value is not None and facet(simple, name) is not facet(builtin, name):
            yield f"{sign} {value}"
    yield from _length_texts(simple)
    for base in ancestry(simple):
        if isinstance(base.patterns, XsdPatternFacets):
            yield "like " + " or ".join(each.attrib["value"] for each in base.patterns)


_SIGNS: Final = {
    "minInclusive": "≥",
    "minExclusive": ">",
    "maxInclusive": "≤",
    "maxExclusive": "<",
    "totalDigits": "digits ≤",
    "fractionDigits": "decimals ≤",
}


def _length_texts(simple: XsdSimpleType) -> Iterator[str]:
    exact, least, most = (
        getattr(facet(simple, name), "value", None) for name in ("length", "minLength", "maxLength")
    )
    least = exact if least is None else least
    most = exact if most is None else most
    if least is not None or most is not None:
        yield f"of length {_occurs(least or 0, most)}"


def _own_documentation(component: XsdComponent) -> str:
    if component.annotation is None:
        return ""
    texts = [
        (each.get(f"{{{XML}}}lang", ""), _paragraphs("".join(each.itertext())))
        for each in component.annotation.documentation
    ]
    languages = [language for language, text in texts if text]
    english = [each for each in languages if each.lower().split("-")[0] == "en"]
    wanted = {"", *(english[:1] or languages[:1])}
    return "\n\n".join(text for language, text in texts if text and language in wanted)


def _paragraphs(text: str) -> str:
    paragraphs = (" ".join(each.split()) for each in _BLANK_LINE.split(text))
    return "\n\n".join(each for each in paragraphs if each)
