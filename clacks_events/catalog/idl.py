"""Event types as Xerus IDL has them: structs of named members, from XSD and its xs:appinfo.

==============================================  ===========================================
XSD                                             IDL
==============================================  ===========================================
global element with ``<idl:name>``              value object of that type
complexType with a sequence or ``all``          struct; members are called as the elements
element with ``maxOccurs`` above 1              vector; of structs of ``key`` and ``value``: map
``minOccurs="0"``, ``nillable="true"``          may be null
simpleType with ``<idl:name>`` and enumeration  enumeration: the names, counted from 0 unless
                                                ``<idl:value>`` of one says otherwise
xs:dateTime                                     time
xs:boolean, integers, xs:float, xs:double       boolean, byte, int, long, float, double
strings                                         string
==============================================  ===========================================

The namespace of ``idl:`` is ``urn:clacks-events:idl``. An event type is described with what it
inherits; its base is the head of its substitution group.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, cast

from lxml import etree
from xmlschema import XsdElement
from xmlschema.validators import XsdEnumerationFacets, XsdGroup, XsdSimpleType, XsdType

from clacks_events.catalog.documents import XSD
from clacks_events.catalog.examples import facet
from clacks_events.catalog.shape import Shape, ancestry, builtin_type, kind_of, shape_of
from clacks_events.errors import CatalogError
from clacks_events.xml import local_name

__all__ = ["Enumeration", "IdlType", "Member", "Plain", "Struct", "idl_name", "idl_struct"]

_IDL: Final = "{urn:clacks-events:idl}"
_INT: Final = (-(2**31), 2**31 - 1)
_LONGEST: Final = (-(2**63), 2**64 - 1)  # what xs:long and xs:unsignedLong hold
_TEXTS: Final = frozenset(
    ["string", "normalizedString", "token", "language", "Name", "NCName", "NMTOKEN", "anyURI"]
)
_LARGEST: Final = {"float": 3.4028234663852886e38, "double": math.inf}


@dataclass(frozen=True, slots=True)
class Plain:
    """A value without parts. ``least`` and ``most`` are for numbers, both included."""

    kind: Literal["boolean", "integer", "double", "time", "string"]
    least: float = 0
    most: float = 0
    collapses: bool = False
    """Whether white space around a string and in rows does not count."""


@dataclass(frozen=True, slots=True)
class Enumeration:
    """Names in XML, numbers in JSON."""

    numbers: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Struct:
    """Named members in the order of the schema, inherited ones first."""

    members: tuple[Member, ...]


IdlType: TypeAlias = Plain | Enumeration | Struct


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One member of a struct, and the child elements that it stands for."""

    name: str
    tag: str
    """The Clark name of the element."""
    type: IdlType
    least: int
    most: int | None
    """How often the element may occur, None without a limit; above 1 it is a vector."""
    is_nillable: bool
    default: str = ""
    """What an empty element means."""

    @property
    def is_vector(self) -> bool:
        """Whether it is a list of values."""
        return self.most is None or self.most > 1


def idl_name(node: etree._Element) -> str:
    """Return the IDL name that a global element declaration says in xs:appinfo, or ''."""
    return node.findtext(f"{XSD}annotation/{XSD}appinfo/{_IDL}name", "").strip()


def idl_struct(declared: XsdElement) -> Struct:
    """Return an event type as IDL has it; raise CatalogError for what IDL does not know."""
    return _Reader().struct(declared)


class _Reader:
    """Reads each type once."""

    def __init__(self) -> None:
        self._known: dict[XsdType, Struct] = {}
        self._open: set[XsdType] = set()

    def struct(self, declared: XsdElement) -> Struct:
        kind = declared.type
        if kind in self._open:
            raise _unknown(declared, "a type that contains itself")
        if kind not in self._known:
            self._open.add(kind)
            self._known[kind] = Struct(self._members(declared))
            self._open.remove(kind)
        return self._known[kind]

    def _members(self, declared: XsdElement) -> tuple[Member, ...]:
        shape = shape_of(declared.type)
        _check(declared, shape)
        if shape.simple is not None:
            raise _unknown(declared, "an event without members of its own")
        children = [
            each
            for each in shape.particles
            if isinstance(each, XsdElement) and each.max_occurs != 0
        ]
        names = [child.local_name for child in children]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise _unknown(declared, f"two members named {twice}")
        return tuple(self._member(child) for child in children)

    def _member(self, declared: XsdElement) -> Member:
        if declared.abstract or declared.alternatives:
            raise _unknown(declared, "an element whose type is not settled")
        return Member(
            declared.local_name,
            declared.name,
            self._type(declared),
            declared.min_occurs,
            declared.max_occurs,
            bool(declared.nillable),
            declared.fixed or declared.default or "",
        )

    def _type(self, declared: XsdElement) -> IdlType:
        shape = shape_of(declared.type)
        if shape.simple is None:
            return self.struct(declared)
        _check(declared, shape)
        named = next((each for each in ancestry(shape.simple) if _says_name(each)), None)
        if named is None:
            return _plain(declared, shape.simple)
        return Enumeration(_numbers(declared, named))


def _check(declared: XsdElement, shape: Shape) -> None:
    """Raise CatalogError for content that is not one element after the other."""
    if shape.untyped or shape.mixed:
        raise _unknown(declared, "mixed content")
    if shape.attributes or shape.any_attribute is not None:
        raise _unknown(declared, "attributes")
    if shape.wildcards:
        raise _unknown(declared, "xs:any")
    for group in _groups(shape.model):
        if group.model == "choice" or (group.min_occurs, group.max_occurs) != (1, 1):
            raise _unknown(declared, "a choice, or a group that may be repeated or left out")


def _groups(model: XsdGroup | None) -> Iterator[XsdGroup]:
    if model is not None:
        yield model
        for each in model:
            if isinstance(each, XsdGroup):
                yield from _groups(each)


def _says_name(simple: XsdSimpleType) -> bool:
    notes = [] if simple.annotation is None else simple.annotation.appinfo
    return any(note.find(f"{_IDL}name") is not None for note in notes)


def _numbers(declared: XsdElement, simple: XsdSimpleType) -> tuple[tuple[str, int], ...]:
    values = facet(simple, "enumeration")
    if not isinstance(values, XsdEnumerationFacets):
        raise _unknown(declared, "a named simple type that is no enumeration")
    found, following = dict[str, int](), 0
    for node in values:
        said = node.findtext(f"{XSD}annotation/{XSD}appinfo/{_IDL}value")
        number = following if said is None else _number(declared, said)
        if number in found.values():
            raise _unknown(declared, f"an enumeration with {number} twice")
        found[node.attrib["value"]] = number
        following = number + 1
    return tuple(found.items())


def _number(declared: XsdElement, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise _unknown(declared, f"idl:value {text.strip()!r}, which is no number") from error


def _plain(declared: XsdElement, simple: XsdSimpleType) -> Plain:
    kind, builtin = kind_of(simple), local_name(builtin_type(simple).name or "")
    if kind == "boolean":
        return Plain("boolean")
    if kind == "integer":
        return Plain("integer", *_range(simple))
    if kind == "float":
        return Plain("double", -_LARGEST[builtin], _LARGEST[builtin])
    if builtin in ("dateTime", "dateTimeStamp"):
        return Plain("time")
    if builtin in _TEXTS:
        return Plain("string", collapses=simple.white_space == "collapse")
    raise _unknown(declared, f"xs:{builtin}" if kind not in ("list", "union") else f"xs:{kind}")


def _range(simple: XsdSimpleType) -> tuple[int, int]:
    least, most = cast("Any", simple.min_value), cast("Any", simple.max_value)
    # Without a bound of its own it is the int of IDL, which has 32 bits.
    return (
        max(_INT[0] if least is None else int(least), _LONGEST[0]),
        min(_INT[1] if most is None else int(most), _LONGEST[1]),
    )


def _unknown(declared: XsdElement, what: str) -> CatalogError:
    return CatalogError(
        f"{declared.local_name}: IDL knows nothing like {what}",
        file=declared.schema.filepath or "",
        line=getattr(declared.elem, "sourceline", None) or 0,
    )
