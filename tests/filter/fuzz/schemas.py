"""Generated schemas: a model of element types, and the XSD that declares them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import quoteattr

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.filter.fuzz.choices import Choices
from tests.filter.fuzz.values import KINDS

__all__ = ["NAMESPACES", "Attribute", "Content", "E", "ElementType", "Field", "Schema", "schemas"]

E: Final = "http://www.gonicus.de/Events"
NAMESPACES: Final = {"e": E, "a": "urn:a"}
"""The prefixes of events and queries; the third namespace of the schemas is none."""

_FIELDS: Final = ("item", "name", "count", "price", "flag", "when", "Event")
_EXTRA: Final = ("note", "level")
_ATTRIBUTES: Final = ("id", "unit", "source")


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute with its type's local name."""

    name: str
    kind: str
    required: bool


@dataclass(frozen=True, slots=True)
class Content:
    """What an element may hold; ``kind`` is its simple type, or None if it has children."""

    kind: str | None
    attributes: tuple[Attribute, ...] = ()
    fields: tuple[Field, ...] = ()
    mixed: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A child element with its bounds."""

    name: str
    content: Content
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class ElementType:
    """An event type; one with a base stands for it and has all that the base has first."""

    name: str
    content: Content
    base: ElementType | None = None

    def lineage(self) -> tuple[str, ...]:
        """Return the local names from the root to this type."""
        return (*(() if self.base is None else self.base.lineage()), self.name)

    def attributes(self) -> tuple[Attribute, ...]:
        """Return the attributes, those of the base among them."""
        return (*(() if self.base is None else self.base.attributes()), *self.content.attributes)

    def fields(self) -> tuple[Field, ...]:
        """Return the children in their order."""
        return (*(() if self.base is None else self.base.fields()), *self.content.fields)


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema file; ``qualified`` tells whether fields are in its namespace."""

    namespace: str
    qualified: bool
    types: tuple[ElementType, ...]

    def clark(self, name: str) -> str:
        """Return the name of an event type in Clark notation."""
        return f"{{{self.namespace}}}{name}" if self.namespace else name

    def xsd(self) -> str:
        """Return the text of the schema."""
        target = f' targetNamespace="{self.namespace}" xmlns:t="{self.namespace}"'
        form = ' elementFormDefault="qualified"' if self.qualified else ""
        body = "".join(line for type_ in self.types for line in self._type(type_))
        xs = "http://www.w3.org/2001/XMLSchema"
        return (
            f'<xs:schema xmlns:xs="{xs}"{target if self.namespace else ""}{form}>{body}</xs:schema>'
        )

    def _type(self, type_: ElementType) -> Iterator[str]:
        t = "t:" if self.namespace else ""
        group = f' substitutionGroup="{t}{type_.base.name}"' if type_.base else ""
        yield f'<xs:element name="{type_.name}" type="{t}{type_.name}Type"{group}/>'
        inner = _complex(type_.content, type_.base is None)
        if type_.base:
            inner = (
                f'<xs:complexContent><xs:extension base="{t}{type_.base.name}Type">{inner}'
                "</xs:extension></xs:complexContent>"
            )
        mixed = ' mixed="true"' if type_.content.mixed else ""
        yield f'<xs:complexType name="{type_.name}Type"{mixed}>{inner}</xs:complexType>'


def _complex(content: Content, is_open: bool = True) -> str:
    fields = "".join(map(_field, content.fields))
    sequence = f"<xs:sequence>{fields}</xs:sequence>" if content.kind is None else ""
    return f"{sequence}{_attributes(content, is_open)}"


def _attributes(content: Content, is_open: bool = True) -> str:
    uses = {True: ' use="required"', False: ""}
    declared = "".join(
        f'<xs:attribute name={quoteattr(a.name)} type="xs:{a.kind}"{uses[a.required]}/>'
        for a in content.attributes
    )
    xml = "http://www.w3.org/XML/1998/namespace"
    wildcard = f'<xs:anyAttribute namespace="{xml}" processContents="skip"/>'
    return declared + (wildcard if is_open else "")


def _field(field: Field) -> str:
    most = "unbounded" if field.most > 2 else str(field.most)
    bounds = f'minOccurs="{field.least}" maxOccurs="{most}"'
    content = field.content
    if content.kind is not None:
        inner = (
            f'<xs:simpleContent><xs:extension base="xs:{content.kind}">'
            f"{_attributes(content)}</xs:extension></xs:simpleContent>"
        )
    else:
        inner = _complex(content)
    mixed = ' mixed="true"' if content.mixed else ""
    return (
        f'<xs:element name="{field.name}" {bounds}>'
        f"<xs:complexType{mixed}>{inner}</xs:complexType></xs:element>"
    )


class _Author:
    """Writes the schemas of one example."""

    def __init__(self, choices: Choices) -> None:
        self.choices = choices

    def schemas(self) -> tuple[Schema, ...]:
        namespaces = [E, "urn:a", ""][: 1 + self.choices.below(3)]
        return tuple(self.schema(namespace) for namespace in namespaces)

    def schema(self, namespace: str) -> Schema:
        types: list[ElementType] = []
        for name in ("Order", "Alarm", "Status")[: 1 + self.choices.below(3)]:
            base = self.choices.one(types) if types and self.choices.happens(40) else None
            types.append(self.type(name, base))
        return Schema(namespace, not self.choices.happens(30), tuple(types))

    def type(self, name: str, base: ElementType | None) -> ElementType:
        if base is not None:
            fields = self.fields((f"{name.lower()}-{_EXTRA[0]}", _EXTRA[1] + name), 0)
            return ElementType(name, Content(None, (), fields, base.content.mixed), base)
        mixed = self.choices.happens(20)
        return ElementType(name, Content(None, self.attributes(), self.fields(_FIELDS, 2), mixed))

    def fields(self, names: tuple[str, ...], depth: int) -> tuple[Field, ...]:
        return tuple(self.field(name, depth) for name in self.choices.some(names, 4))

    def field(self, name: str, depth: int) -> Field:
        least, most = self.choices.one(((1, 1), (0, 1), (0, 3), (1, 3)))
        if depth and self.choices.happens(30):
            fields = self.fields(_FIELDS, depth - 1)
            mixed = self.choices.happens(30)
            return Field(name, Content(None, self.attributes(), fields, mixed), least, most)
        return Field(name, Content(self.choices.one(KINDS), self.attributes()), least, most)

    def attributes(self) -> tuple[Attribute, ...]:
        return tuple(
            Attribute(name, self.choices.one(KINDS), self.choices.happens(50))
            for name in self.choices.some(_ATTRIBUTES, 2)
        )


@st.composite
def schemas(draw: DrawFn) -> tuple[Schema, ...]:
    """Draw one to three schemas: in the namespace of the envelope, in another and in none."""
    return _Author(Choices(draw)).schemas()
