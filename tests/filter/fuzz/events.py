"""Generated events: documents that follow a schema, most of them valid, all of them odd."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.filter.fuzz.choices import Choices
from tests.filter.fuzz.schemas import (
    NAMESPACES,
    Attribute,
    Content,
    ElementType,
    Field,
    Schema,
)
from tests.filter.fuzz.values import ODD, TEXTS

__all__ = ["EventSample", "samples"]

_SOURCES: Final = ("n1", "a.b", "Order", "-")
_PREFIXES: Final = {uri: f"{prefix}:" for prefix, uri in NAMESPACES.items()} | {"": ""}
_BETWEEN: Final = ("<!-- note -->", "<?mark a='1'?>", "\n  ", "<!--10--><!--x-->")


@dataclass(frozen=True, slots=True)
class EventSample:
    """The text of an event, and the lineage of its type in Clark notation."""

    xml: str
    lineage: tuple[str, ...]
    is_valid: bool


class _Author:
    """Writes one event."""

    def __init__(self, choices: Choices, schema: Schema) -> None:
        self.choices = choices
        self.schema = schema
        self.is_valid = True
        self.is_careful = not choices.happens(20)

    def sample(self, type_: ElementType) -> EventSample:
        prefix = _PREFIXES[self.schema.namespace]
        fields = self.children(type_.fields(), type_.content.mixed)
        payload = self.element(prefix + type_.name, type_.attributes(), fields)
        declared = "".join(f" xmlns:{prefix}={quoteattr(u)}" for prefix, u in NAMESPACES.items())
        source = self.optional(f" source={quoteattr(self.choices.one(_SOURCES))}", 70)
        around = self.optional(self.choices.one(_BETWEEN), 10)
        before = self.optional("<!-- first --><?first?>", 5)
        xml = f"{before}<e:Event{declared}{source}>{around}{payload}{around}</e:Event>"
        lineage = tuple(map(self.schema.clark, type_.lineage()))
        return EventSample(xml, lineage, self.is_valid)

    def element(self, name: str, attributes: tuple[Attribute, ...], content: str) -> str:
        written = "".join(self.attribute(a) for a in attributes)
        lang = self.optional(" xml:lang='en-GB'", 5)
        if not content and self.choices.happens(50):
            return f"<{name}{written}{lang}/>"
        return f"<{name}{written}{lang}>{content}</{name}>"

    def attribute(self, attribute: Attribute) -> str:
        if not attribute.required and self.choices.happens(40):
            return ""
        return f" {attribute.name}={quoteattr(self.value(attribute.kind))}"

    def children(self, fields: tuple[Field, ...], mixed: bool) -> str:
        return "".join(self.parts(fields, mixed))

    def parts(self, fields: tuple[Field, ...], mixed: bool) -> Iterator[str]:
        for field in fields:
            for _ in range(field.least + self.choices.below(field.most - field.least + 1)):
                if mixed:
                    yield escape(self.choices.one(TEXTS["string"]))
                yield self.optional(self.choices.one(_BETWEEN), 8)
                yield self.field(field)

    def field(self, field: Field) -> str:
        content = field.content
        prefix = _PREFIXES[self.schema.namespace] if self.schema.qualified else ""
        inner = self.children(content.fields, content.mixed) if not content.kind else ""
        inner = inner or (self.text(content) if content.kind else "")
        return self.element(prefix + field.name, content.attributes, inner)

    def text(self, content: Content) -> str:
        value = self.value(content.kind or "string")
        if not self.choices.happens(25):
            return escape(value)
        middle = len(value) // 2
        return self.choices.one(
            (
                f"<![CDATA[{value}]]>",
                f"{escape(value[:middle])}<!-- in -->{escape(value[middle:])}",
                f"{escape(value[:middle])}<?in?>{escape(value[middle:])}",
                f"<!-- before -->{escape(value)}<?after?>",
                "".join(f"&#{ord(letter)};" for letter in value),
                f"{escape(value[:middle])}<![CDATA[{value[middle:]}]]>",
            )
        )

    def value(self, kind: str) -> str:
        if not self.is_careful and self.choices.happens(30):
            self.is_valid = self.is_valid and kind == "string"
            return self.choices.one(ODD)
        value = self.choices.one(TEXTS[kind])
        if kind == "string" or not self.choices.happens(8):
            return value
        # libxml2 does not strip all types of attributes before it judges them.
        self.is_valid = False
        return f" {value}\n"

    def optional(self, text: str, percent: int) -> str:
        return text if self.choices.happens(percent) else ""


@st.composite
def samples(draw: DrawFn, schemas: tuple[Schema, ...]) -> EventSample:
    """Draw an event of one of the types of some schemas."""
    choices = Choices(draw)
    schema = choices.one(schemas)
    return _Author(choices, schema).sample(choices.one(schema.types))
