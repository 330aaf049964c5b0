"""The words of generated schemas as a query writes them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from tests.filter.fuzz.choices import Choices
from tests.filter.fuzz.schemas import NAMESPACES, Attribute, ElementType, Field, Schema

__all__ = ["Leaf", "Vocabulary"]

_PREFIXES: Final = {uri: prefix for prefix, uri in NAMESPACES.items()}
_ROOTS: Final = ("./e:Event", "/e:Event", "./*:Event", "/*", "/e:Event[1]", ".//e:Event", ".")


def _named(namespace: str, local: str, choices: Choices) -> str:
    if choices.happens(85):
        return f"{_PREFIXES[namespace]}:{local}" if namespace else local
    return choices.one(
        (f"*:{local}", f"Q{{{namespace}}}{local}", f"element(*)[local-name() = '{local}']")
    )


@dataclass(frozen=True, slots=True)
class Leaf:
    """A field or an attribute that holds a value, below an event type."""

    type: tuple[str, str]
    above: tuple[tuple[str, str], ...]
    name: tuple[str, str]
    kind: str
    is_attribute: bool = False

    def test(self, choices: Choices) -> str:
        """Return a step to the element itself, or to the one that has the attribute."""
        owner = (self.above or (self.type,))[-1] if self.is_attribute else self.name
        return _named(*owner, choices)

    def step(self, choices: Choices) -> str:
        """Return the last step."""
        return f"@{self.name[1]}" if self.is_attribute else _named(*self.name, choices)

    def path(self, choices: Choices) -> str:
        """Return the whole path from the document."""
        root = choices.one(_ROOTS[:-1])
        names = [_named(*name, choices) for name in (self.type, *self.above)]
        return "/".join([root, *names, self.step(choices)])


class Vocabulary:
    """Event types, and their fields and attributes with values.

    Those of the types that occur, by Clark name, are there several times: queries are more often
    about these.
    """

    def __init__(self, schemas: tuple[Schema, ...], occurring: Collection[str]) -> None:
        types = [
            (schema, type_)
            for schema in schemas
            for type_ in schema.types
            for _ in range(20 if schema.clark(type_.name) in occurring else 1)
        ]
        self.types = tuple((schema.namespace, type_.name) for schema, type_ in types)
        self.schema_tests = dict(test for schema in schemas for test in _schema_tests(schema))
        self.leaves = tuple(leaf for schema, type_ in types for leaf in _leaves(schema, type_))

    def leaf(self, choices: Choices) -> Leaf:
        """Return one of the fields; there is always the source of the event."""
        if not self.leaves:
            return Leaf(self.types[0], (), ("", "id"), "string", True)
        return choices.one(self.leaves)

    def to_leaf(self, choices: Choices) -> str:
        """Return a path to a field."""
        return self.leaf(choices).path(choices)

    def to_type(self, choices: Choices) -> str:
        """Return a path to an event's payload."""
        return f"{choices.one(_ROOTS[:-1])}/{_named(*choices.one(self.types), choices)}"


def _schema_tests(schema: Schema) -> Iterator[tuple[str, str]]:
    """Yield the tests that need a schema, and what they stand for by name."""
    if not schema.namespace:
        return  # a default namespace of the query would change what they name
    prefix = _PREFIXES[schema.namespace]
    for type_ in schema.types:
        names = (f"self::{prefix}:{t.name}" for t in schema.types if type_.name in t.lineage())
        meaning = f"*[{' or '.join(names)}]"
        yield f"schema-element({prefix}:{type_.name})", meaning
        yield f"element(*, {prefix}:{type_.name}Type)", meaning


def _leaves(schema: Schema, type_: ElementType) -> Iterator[Leaf]:
    owner = schema.namespace, type_.name
    yield from _attributes(owner, (), type_.attributes())
    for field in type_.fields():
        yield from _below(schema, owner, (), field)


def _below(
    schema: Schema, type_: tuple[str, str], above: tuple[tuple[str, str], ...], field: Field
) -> Iterator[Leaf]:
    name = (schema.namespace if schema.qualified else "", field.name)
    if field.content.kind is not None:
        yield Leaf(type_, above, name, field.content.kind)
    yield from _attributes(type_, (*above, name), field.content.attributes)
    for child in field.content.fields:
        yield from _below(schema, type_, (*above, name), child)


def _attributes(
    type_: tuple[str, str], above: tuple[tuple[str, str], ...], attributes: tuple[Attribute, ...]
) -> Iterator[Leaf]:
    for attribute in attributes:
        yield Leaf(type_, above, ("", attribute.name), attribute.kind, True)
