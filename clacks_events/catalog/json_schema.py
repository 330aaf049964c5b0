"""JSON Schema of the JSON form of event types.

What typed_json makes of a valid event is valid by it. What may be published is a little more: a
single value where a list may stand, a bare value for ``{"$": value}``.

Source: JSON Schema 2020-12.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import quote

from xmlschema import XsdElement
from xmlschema.validators import XsdAttribute, XsdSimpleType, XsdType

from clacks_events.catalog.describe import documentation
from clacks_events.catalog.json_values import Schema, sure_values, value_schema
from clacks_events.catalog.names import attribute_key, child_keys, type_key
from clacks_events.catalog.shape import Shape, bounds, shape_of
from clacks_events.xml import local_name

__all__ = ["json_schema"]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

# A colon is in no name of a type.
_NIL: Final = "xsi:nil"
_TYPED: Final = "xsi:type"
_SHARED: Final[dict[str, Schema]] = {
    _NIL: {
        "description": "No value: null, or an object with attributes and null.",
        "anyOf": [
            {"type": "null"},
            {"type": "object", "properties": {"$": {"type": "null"}}, "required": ["$"]},
        ],
    },
    _TYPED: {
        "description": "A value that says that it is of a type derived from the declared one.",
        "type": "object",
        "properties": {"@xsi:type": {"type": "string"}},
        "required": ["@xsi:type"],
    },
}
_TEXTS: Final[Schema] = {
    "description": "The pieces of text between the elements.",
    "type": "array",
    "items": {"type": "string"},
}
_ORDER: Final[Schema] = {
    "description": "The keys in document order, where it cannot be told from the schema.",
    "type": "array",
    "items": {"type": "string"},
}


def json_schema(xsd_element: XsdElement, *, is_open: bool = False) -> Schema:
    """Return the JSON Schema of what ``to_json`` gives for valid elements of a declaration.

    ``is_open`` says that schemas which this one does not know add to its substitution groups and
    derive from its types.
    """
    return _Writer(xsd_element, is_open).document()


class _Writer:
    """Writes one document; each complex type has its place under ``$defs``."""

    def __init__(self, root: XsdElement, is_open: bool) -> None:
        self._root = root
        self._is_open = is_open
        self._names: dict[int, str] = {}
        self._defined: dict[str, Schema] = {}
        self._waiting: deque[tuple[str, XsdType]] = deque()

    def document(self) -> Schema:
        """Return the whole schema."""
        content = self._element(self._root, [self._root])
        while self._waiting:
            name, xsd_type = self._waiting.popleft()
            self._defined[name] = self._complex(xsd_type)
        return {
            "$schema": DIALECT,
            "title": local_name(self._root.name),
            **content,
            **({"$defs": self._defined} if self._defined else {}),
        }

    def _shared(self, name: str) -> Schema:
        self._defined.setdefault(name, _SHARED[name])
        return _reference(name)

    def _element(self, declared: XsdElement, twins: Sequence[XsdElement]) -> Schema:
        """Return the schema of one element; ``twins`` are all particles of its name."""
        choice = list(self._types(declared, is_sole=len(twins) == 1))
        if {} in choice:
            return _described(documentation(declared), {})
        if any(each.nillable for each in twins):
            choice.append(self._shared(_NIL))
        choice = [each for at, each in enumerate(choice) if each not in choice[:at]]
        found = choice[0] if len(choice) == 1 else {"anyOf": choice}
        return _described(documentation(declared), found)

    def _types(self, declared: XsdElement, *, is_sole: bool) -> Iterator[Schema]:
        """Yield what an element can be: as declared, by an alternative, or by its xsi:type."""
        for each in (declared, *declared.alternatives):
            xsd_type = each.type
            if isinstance(xsd_type, XsdSimpleType):
                yield _constrained(declared, xsd_type) if is_sole else value_schema(xsd_type)
                yield self._shared(_TYPED)
            elif xsd_type is not None:
                yield self._reference(xsd_type, declared)
                for derived in self._derived(xsd_type):
                    yield {**self._reference(derived, declared), "required": ["@xsi:type"]}
                if self._is_open and not shape_of(xsd_type).untyped:
                    yield self._shared(_TYPED)

    def _derived(self, xsd_type: XsdType) -> Iterator[XsdType]:
        """Yield the types that xsi:type may name instead of a complex type."""
        if xsd_type.name is None or shape_of(xsd_type).untyped:
            return
        for each in self._root.maps.types.values():
            is_other = each is not xsd_type and not isinstance(each, XsdSimpleType)
            if is_other and not getattr(each, "abstract", False) and each.is_derived(xsd_type):
                yield each

    def _reference(self, xsd_type: XsdType, declared: XsdElement) -> Schema:
        if shape_of(xsd_type).untyped:
            return {}
        name = self._names.get(id(xsd_type))
        if name is None:
            name = self._free(local_name(xsd_type.name or declared.name))
            self._names[id(xsd_type)] = name
            self._waiting.append((name, xsd_type))
        return _reference(name)

    def _free(self, wanted: str) -> str:
        taken, name, number = set(self._names.values()), wanted, 1
        while name in taken:
            number += 1
            name = f"{wanted}.{number}"
        return name

    def _complex(self, xsd_type: XsdType) -> Schema:
        shape = shape_of(xsd_type)
        if shape.simple is None:
            found = self._object(shape, *self._children(shape))
        else:
            value = value_schema(shape.simple)
            found = self._object(shape, {"$": value}, ["$"])
            if not shape.attributes:
                found = {"anyOf": [value, found]}
        return _described("" if xsd_type.name is None else documentation(xsd_type), found)

    def _object(self, shape: Shape, content: Schema, needed: Sequence[str]) -> Schema:
        attributes, required = self._attributes(shape)
        found: Schema = {"type": "object", "properties": {**attributes, **content}}
        if shape.type.name is not None:
            kind = type_key(shape.type.name, self._root)
            found["properties"]["@xsi:type"] = {"const": kind}
        if required or needed:
            found["required"] = [*required, *needed]
        if shape.any_attribute is not None:
            found["patternProperties"] = {"^@": {}}
        if not shape.wildcards and not self._is_open:
            found["additionalProperties"] = False
        return found

    def _attributes(self, shape: Shape) -> tuple[Schema, list[str]]:
        keys = {attribute_key(shape, name, ()): each for name, each in shape.attributes.items()}
        found = {
            key: _described(documentation(each), _constrained(each, each.type))
            for key, each in keys.items()
        }
        return found, [key for key, each in keys.items() if each.is_required()]

    def _children(self, shape: Shape) -> tuple[Schema, list[str]]:
        found: Schema = {}
        needed = []
        for tag, key in child_keys(shape, list(shape.children)).items():
            least, most = bounds(shape.model, tag)
            if self._is_open and any(each.ref is not None for each in _twins(shape, tag)):
                least = 0  # another may stand in for it
            if least:
                needed.append(key)
            found[key] = self._child(shape, tag, least, most)
        if shape.mixed:
            found["#text"] = _TEXTS
        if shape.repeated or shape.wildcards or (shape.mixed and shape.children):
            found["#order"] = _ORDER
        return found, needed

    def _child(self, shape: Shape, tag: str, least: float, most: float) -> Schema:
        declared = shape.children[tag]
        if any(each.is_matching(tag) for each in shape.wildcards):
            # Another element of this name may stand beside it, of which nothing is known.
            return _described(documentation(declared), {})
        schema = self._element(declared, _twins(shape, tag))
        if tag not in shape.repeated:
            return schema
        text = schema.pop("description", "")
        low = {"minItems": int(least)} if least else {}
        high = {} if most == float("inf") else {"maxItems": int(most)}
        return _described(text, {"type": "array", "items": schema, **low, **high})


def _twins(shape: Shape, tag: str) -> list[XsdElement]:
    """Return the particles of a name: they have one type, but may differ in the rest."""
    named = [each for each in shape.particles if isinstance(each, XsdElement) and each.name == tag]
    return named or [shape.children[tag]]


def _constrained(declared: XsdElement | XsdAttribute, simple: XsdSimpleType) -> Schema:
    """Return the schema of a value, with what its declaration says of it."""
    if declared.fixed is not None:
        values = sure_values(simple, [declared.fixed])
        return value_schema(simple) if values is None else {"const": values[0]}
    schema = value_schema(simple)
    if declared.default is not None:
        schema["default"] = (sure_values(simple, [declared.default]) or [declared.default])[0]
    return schema


def _reference(name: str) -> Schema:
    return {"$ref": f"#/$defs/{quote(name, safe=':')}"}


def _described(text: str, schema: Schema) -> Schema:
    return {"description": text, **schema} if text else schema
