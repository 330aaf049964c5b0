"""The types that one schema file declares, and what each derives from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from lxml import etree

from clacks_events.catalog.documents import XSD, Unit

__all__ = ["ANY_TYPE", "BUILTIN", "ElementType", "TypeGraph", "type_graph"]

ANY_TYPE: Final = XSD + "anyType"
_ANY_SIMPLE_TYPE: Final = XSD + "anySimpleType"
_CHANGES: Final = (XSD + "redefine", XSD + "override")
_NONE: Final[frozenset[str]] = frozenset()
_TYPES: Final = (XSD + "complexType", XSD + "simpleType")

# Each line: a type, one that derives from it, one that derives from that, and so on.
_BUILTIN: Final = """
anyType untyped
anyType anySimpleType anyAtomicType untypedAtomic
anyAtomicType string normalizedString token Name NCName ID
token language
token NMTOKEN
NCName IDREF
NCName ENTITY
anyAtomicType decimal integer nonPositiveInteger negativeInteger
integer long int short byte
integer nonNegativeInteger unsignedLong unsignedInt unsignedShort unsignedByte
nonNegativeInteger positiveInteger
anyAtomicType duration dayTimeDuration
duration yearMonthDuration
anyAtomicType dateTime dateTimeStamp
anySimpleType NMTOKENS
anySimpleType IDREFS
anySimpleType ENTITIES
"""
_PRIMITIVE: Final = (
    "boolean float double time date gYearMonth gYear gMonthDay gDay gMonth hexBinary"
    " base64Binary anyURI QName NOTATION"
)


def _builtin() -> dict[str, frozenset[str]]:
    lines = [*_BUILTIN.split("\n"), *(f"anyAtomicType {name}" for name in _PRIMITIVE.split())]
    pairs = [pair for line in lines for pair in pairwise(line.split())]
    bases = {XSD + derived: frozenset((XSD + base,)) for base, derived in pairs}
    return {ANY_TYPE: frozenset(), **bases}


BUILTIN: Final[Mapping[str, frozenset[str]]] = _builtin()
"""The built-in types, each with what it derives from."""


@dataclass(frozen=True, slots=True)
class ElementType:
    """The type of a global element: a named one, or what an anonymous one derives from."""

    types: frozenset[str]
    is_named: bool = True
    alternatives: frozenset[str] = frozenset()
    """The same for the types that xs:alternative may give it."""
    head: str = ""
    """The element that lends it its type if it has none of its own."""


class TypeGraph:
    """The types of a file and all that it includes and imports."""

    def __init__(
        self,
        bases: Mapping[str, frozenset[str]],
        elements: Mapping[str, ElementType],
    ) -> None:
        """Take the direct bases of each named type, and the type of each global element."""
        self.bases = bases
        self._elements = elements
        self._ancestors: dict[str, frozenset[str]] = {}

    def ancestors(self, name: str) -> frozenset[str]:
        """Return a type and all that it derives from."""
        if name not in self._ancestors:
            found: set[str] = set()
            pending = [name, ANY_TYPE]
            while pending:
                current = pending.pop()
                if current not in found:
                    found.add(current)
                    pending.extend(self.bases.get(current) or BUILTIN.get(current, _NONE))
            self._ancestors[name] = frozenset(found)
        return self._ancestors[name]

    def reaches(self, names: Iterable[str], base: str) -> bool:
        """Tell whether one of some types is, or derives from, another."""
        return any(base in self.ancestors(name) for name in names)

    def declared(self, element: str) -> ElementType:
        """Return the type of a global element; without one of its own it has that of its head."""
        seen: set[str] = set()
        found = own = self._elements.get(element, ElementType(frozenset()))
        while not found.types and found.head in self._elements and found.head not in seen:
            seen.add(found.head)
            found = self._elements[found.head]
        types = found.types or frozenset((ANY_TYPE,))
        return ElementType(types, found.is_named, own.alternatives)


def type_graph(units: Iterable[Unit]) -> TypeGraph:
    """Read the types of some documents."""
    reader = _Reader()
    for unit in units:
        reader.read(unit)
    return TypeGraph(reader.bases(), reader.elements)


class _Reader:
    def __init__(self) -> None:
        self.elements: dict[str, ElementType] = {}
        self._bases: dict[str, set[str]] = {}
        self._overridden: dict[str, set[str]] = {}
        self._unions: list[tuple[str, str]] = []

    def read(self, unit: Unit) -> None:
        for node in unit.document.root.iterchildren(XSD + "element"):
            self.elements.setdefault(unit.named(node.get("name", "")), _element_type(node, unit))
        self._read_types(unit.document.root, unit, self._bases)
        for change in unit.document.root.iterchildren(*_CHANGES):
            # What overrides stands instead of the original, what redefines derives from it.
            is_instead = change.tag == XSD + "override"
            self._read_types(change, unit, self._overridden if is_instead else self._bases)

    def _read_types(self, parent: etree._Element, unit: Unit, into: dict[str, set[str]]) -> None:
        for node in parent.iterchildren(*_TYPES):
            name = unit.named(node.get("name", ""))
            into.setdefault(name, set()).update(_bases(node, unit))
            for union in node.iterchildren(XSD + "union"):
                members = union.get("memberTypes", "").split()
                self._unions += [(unit.resolved(union, member), name) for member in members]

    def bases(self) -> dict[str, frozenset[str]]:
        found = {**self._bases, **self._overridden}
        for member, union in self._unions:
            # A member stands for the union as if it derived from it (XPath 3.1, 2.5.5).
            found[member] = {*(found.get(member) or BUILTIN.get(member, _NONE)), union}
        return {name: frozenset(bases) for name, bases in found.items()}


def _element_type(node: etree._Element, unit: Unit) -> ElementType:
    others = [
        base for each in node.iterchildren(XSD + "alternative") for base in _types_of(each, unit)
    ]
    heads = node.get("substitutionGroup", "").split()
    return ElementType(
        frozenset(_types_of(node, unit)),
        node.find(f"{XSD}complexType") is None and node.find(f"{XSD}simpleType") is None,
        frozenset(others),
        unit.resolved(node, heads[0]) if heads else "",
    )


def _types_of(node: etree._Element, unit: Unit) -> Iterator[str]:
    named = node.get("type")
    if named is not None:
        yield unit.resolved(node, named)
    for inline in node.iterchildren(*_TYPES):
        yield from _bases(inline, unit)


def _bases(node: etree._Element, unit: Unit) -> Iterator[str]:
    """Yield what a type definition derives from."""
    derivation = node.find(f"{XSD}restriction")
    if derivation is None:
        derivation = next(
            (
                found
                for content in node.iterchildren(XSD + "complexContent", XSD + "simpleContent")
                for found in content.iterchildren(XSD + "extension", XSD + "restriction")
            ),
            None,
        )
    if derivation is None:
        yield ANY_TYPE if node.tag == XSD + "complexType" else _ANY_SIMPLE_TYPE
    elif (base := derivation.get("base")) is not None:
        yield unit.resolved(derivation, base)
    else:
        for inline in derivation.iterchildren(XSD + "simpleType"):
            yield from _bases(inline, unit)
