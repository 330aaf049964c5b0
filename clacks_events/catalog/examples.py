"""An example text for each simple type."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from xmlschema.validators import (
    ValidationContext,
    XsdEnumerationFacets,
    XsdPatternFacets,
    XsdSimpleType,
)

from clacks_events.catalog.pattern import matching
from clacks_events.catalog.shape import (
    XSD,
    ancestry,
    builtin_type,
    item_type,
    kind_of,
    member_types,
)
from clacks_events.xml import local_name

__all__ = ["example", "facet"]

_WORD: Final = "example"
_TEXTS: Final[dict[str, tuple[str, ...]]] = {
    "dateTime": ("2026-01-01T12:00:00Z", "2026-01-01T12:00:00+00:00", "2026-01-01T12:00:00"),
    "dateTimeStamp": ("2026-01-01T12:00:00Z", "2026-01-01T12:00:00+00:00"),
    "date": ("2026-01-01", "2026-01-01Z"),
    "time": ("12:00:00Z", "12:00:00", "12:00:00+00:00"),
    "gYear": ("2026",),
    "gYearMonth": ("2026-01",),
    "gMonth": ("--01",),
    "gMonthDay": ("--01-01",),
    "gDay": ("---01",),
    "duration": ("PT1H", "P1D", "P1Y"),
    "dayTimeDuration": ("PT1H", "P1D"),
    "yearMonthDuration": ("P1Y", "P1M"),
    "boolean": ("true", "false"),
    "anyURI": ("http://example.org/", "urn:x"),
    "language": ("en", "en-GB"),
    "decimal": ("1.5", "1"),
    "float": ("1.5",),
    "double": ("1.5",),
    "QName": (_WORD,),
}


def example(simple: XsdSimpleType) -> str:
    """Return a text of a simple type; if none is found, one that may be invalid."""
    context = ValidationContext(simple.schema.source)
    first = None
    for text in _candidates(simple):
        if simple.text_is_valid(text, context):
            return text
        first = text if first is None else first
    return first or ""


def facet(simple: XsdSimpleType, name: str) -> Any:
    """Return a facet by its local name, inherited ones included, or None."""
    return simple.get_facet(f"{{{XSD}}}{name}")


def _candidates(simple: XsdSimpleType) -> Iterator[str]:
    enumeration = facet(simple, "enumeration")
    if isinstance(enumeration, XsdEnumerationFacets):
        yield from (each.attrib["value"] for each in enumeration)
    shortest, longest = _lengths(simple)
    kind = kind_of(simple)
    if kind == "list":
        yield " ".join([example(item_type(simple))] * max(1, shortest))
    elif kind == "union":
        yield from map(example, member_types(simple))
    else:
        yield from _atoms(simple, kind, shortest, longest)
    for base in ancestry(simple):
        if isinstance(base.patterns, XsdPatternFacets):
            for pattern in base.patterns.patterns:
                yield from matching(pattern, shortest=shortest)


def _atoms(simple: XsdSimpleType, kind: str, shortest: int, longest: int | None) -> Iterator[str]:
    name = local_name(builtin_type(simple).name or "")
    yield from _TEXTS.get(name, ())
    if kind in ("integer", "decimal", "float"):
        yield from _numbers(simple)
    elif name == "hexBinary":
        yield "00" * max(1, shortest)
    elif name == "base64Binary":
        yield base64.b64encode(_word(shortest, longest).encode()).decode()
    else:
        yield _word(shortest, longest)
        yield from (str(each) for each in (simple.min_value, simple.max_value) if each is not None)


def _numbers(simple: XsdSimpleType) -> Iterator[str]:
    yield from ("1", "0")
    for bound in (simple.min_value, simple.max_value):
        if isinstance(bound, int | float | Decimal):
            exact = Decimal(str(bound))
            for step in (Decimal(0), Decimal(1), Decimal(-1), Decimal("0.5"), Decimal("-0.5")):
                yield format(exact + step, "f")


def _lengths(simple: XsdSimpleType) -> tuple[int, int | None]:
    exact = getattr(facet(simple, "length"), "value", None)
    shortest = getattr(facet(simple, "minLength"), "value", exact)
    longest = getattr(facet(simple, "maxLength"), "value", exact)
    return shortest or 0, longest


def _word(shortest: int, longest: int | None) -> str:
    text = _WORD * (shortest // len(_WORD) + 1) if shortest > len(_WORD) else _WORD
    return text[: max(shortest, len(_WORD))][:longest]
