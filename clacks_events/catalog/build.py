"""A payload from plain data: the reverse of the JSON form, open to Python's own values."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias, cast

from lxml import etree
from xmlschema import XsdElement
from xmlschema.validators import XsdSimpleType, XsdType

from clacks_events.catalog.names import (
    attribute_name,
    child_tag,
    hint,
    known_keys,
    type_names,
)
from clacks_events.catalog.shape import (
    XML,
    XSD,
    XSI,
    Shape,
    alternative_type,
    arrange,
    instance_type,
    kind_of,
    shape_of,
    tag_of,
)
from clacks_events.catalog.values import write
from clacks_events.envelope import NAMESPACE
from clacks_events.errors import InvalidEvent
from clacks_events.xml import local_name

__all__ = ["from_json", "prefixes"]

_Members: TypeAlias = Mapping[str, object]

_DEEPEST: Final = 250  # levels; libxml2 reads no more than 256
_SHOWN: Final = 200  # characters of a value at fault


def from_json(xsd_element: XsdElement, data: object) -> etree._Element:
    """Build an element from data in the JSON form of its declaration.

    Accepted besides JSON: datetime, date, time, timedelta, Decimal, UUID, bytes (for the
    binary types) and tuples; a single value where a list could stand, and a bare value where
    ``{"$": value}`` is meant. Children may come in any order.

    The element need not be valid: values are not checked, required parts may be missing.
    Raises InvalidEvent, with a JSONPath and the value, for unknown names, for values of the
    wrong kind and for values that have no XML form.
    """
    builder = _Builder(xsd_element)
    element = builder.element(xsd_element, xsd_element.name, data, "$", 0)
    etree.cleanup_namespaces(element, keep_ns_prefixes=sorted(builder.used))
    return element


class _Builder:
    """Builds one tree; knows the prefixes used in it."""

    def __init__(self, root: XsdElement) -> None:
        self.root = root
        self.maps = root.maps
        self.used: set[str] = set()
        self.prefixes = prefixes(root)

    def prefix(self, namespace: str) -> str:
        """Return a prefix for a name inside a value, where lxml does not see its use."""
        if namespace == XML:
            return "xml"
        found = next((key for key, uri in self.prefixes.items() if uri == namespace), None)
        if found is None:
            found = f"q{len(self.prefixes)}"
            self.prefixes[found] = namespace
        self.used.add(found)
        return found

    def element(
        self, declared: XsdElement | None, tag: str, data: object, path: str, depth: int
    ) -> etree._Element:
        """Build one element with all that is in it."""
        if depth > _DEEPEST:
            raise _invalid(f"nested deeper than {_DEEPEST} levels", path)
        members = _members(data, path)
        shape = shape_of(self._type(declared, members, path))
        attributes = dict(self._attributes(shape, members, path))
        children: list[tuple[str, etree._Element]] = []
        if members.get("$", "") is None:
            _check_nil(declared, members, path)
            attributes[f"{{{XSI}}}nil"] = "true"
        # The recursion stays in this function, for Python's stack is not deep.
        for key, child, value, where in self._content(tag, shape, members, path):
            declaration = shape.children.get(child, self.maps.elements.get(child))
            children.append((key, self.element(declaration, child, value, where, depth + 1)))
        built = self._new(tag, attributes, self._text(shape, members, path), path)
        _fill(built, shape, children, members, path)
        return built

    def _new(
        self, tag: str, attributes: dict[str, str], text: str | None, path: str
    ) -> etree._Element:
        try:
            element = etree.Element(tag, attributes, nsmap={**self.prefixes})
            element.text = text
        except ValueError as error:
            raise InvalidEvent(f"not XML: {error}", path=path, value=_shown(text)) from error
        return element

    def _type(self, declared: XsdElement | None, members: _Members, path: str) -> XsdType:
        expected: XsdType = self.maps.any_type
        if declared is not None:
            probe = self._alternative if declared.alternatives else None
            expected = declared.type if probe is None else probe(declared, members, path)
        name = members.get("@xsi:type")
        if name is None:
            return expected
        for candidate in type_names(str(name), self.root):
            found = instance_type(self.maps, expected, candidate)
            if found is not None:
                return found
        raise _invalid("no type that may stand here", f"{path}['@xsi:type']", name)

    def _alternative(self, declared: XsdElement, members: _Members, path: str) -> XsdType:
        """The type that the xs:alternative tests choose, by the attributes common to all."""
        shape = shape_of(declared.type)
        known = {
            key: value
            for key, value in members.items()
            if key[:1] == "@" and attribute_name(shape, key[1:]) is not None
        }
        attributes = dict(self._attributes(shape, known, path))
        return alternative_type(declared, self._new(declared.name, attributes, None, path))

    def _attributes(self, shape: Shape, members: _Members, path: str) -> Iterator[tuple[str, str]]:
        for key, value in members.items():
            if key == "@xsi:type":
                yield f"{{{XSI}}}type", self._type_text(shape.type)
            elif key.startswith("@"):
                name = attribute_name(shape, key[1:])
                if name is None:
                    raise _unknown(key, shape, path, value)
                declared = shape.attributes.get(name, self.maps.attributes.get(name))
                simple = self._string() if declared is None else declared.type
                yield name, self._written(simple, value, f"{path}['{key}']")

    def _type_text(self, found: XsdType) -> str:
        name = found.name or ""
        namespace = name[1:].partition("}")[0] if name.startswith("{") else ""
        return f"{self.prefix(namespace)}:{local_name(name)}" if namespace else name

    def _string(self) -> XsdSimpleType:
        return cast("XsdSimpleType", self.maps.types[f"{{{XSD}}}string"])

    def _text(self, shape: Shape, members: _Members, path: str) -> str | None:
        """The text of an element that has no children; mixed content is not its business."""
        value = members.get("$")
        if value is None:
            return None
        if shape.simple is not None:
            return self._written(shape.simple, value, path)
        if shape.mixed:
            return self._written(self._string(), value, path)
        raise _invalid(f"an object is needed here; {hint('', known_keys(shape))}", path, value)

    def _written(self, simple: XsdSimpleType, value: object, path: str) -> str:
        try:
            return write(simple, value, self.prefix)
        except (TypeError, ValueError) as error:
            raise InvalidEvent(str(error), path=path, value=_shown(value)) from error

    def _content(
        self, parent: str, shape: Shape, members: _Members, path: str
    ) -> Iterator[tuple[str, str, object, str]]:
        """Yield key, tag, value and path of each child, in the order of the data."""
        for key, value in members.items():
            if key[:1] == "@" or key == "$" or (key in ("#text", "#order") and not shape.simple):
                continue
            tag = None if shape.simple is not None else child_tag(self.maps, parent, shape, key)
            if tag is None:
                raise _unknown(key, shape, path, value)
            where = path + _step(key)
            if not _several(shape, tag, value, where):
                yield key, tag, value, where
                continue
            for index, each in enumerate(value if isinstance(value, list | tuple) else ()):
                yield key, tag, each, f"{where}[{index}]"


def prefixes(root: XsdElement) -> dict[str, str]:
    """Return prefixes for all that the schema names, without a default namespace.

    Elements in no namespace would otherwise be moved into it when they are written.
    """
    home = root.target_namespace
    found = {
        prefix: uri
        for prefix, uri in root.schema.namespaces.items()
        if prefix and uri not in (home, XML, XSD, XSI) and prefix not in ("e", "p", "xsi", "xs")
    }
    own = {"e" if home == NAMESPACE else "p": home} if home else {}
    return own | {"xsi": XSI, "xs": XSD} | found


def _members(data: object, path: str) -> _Members:
    if not isinstance(data, Mapping):
        return {"$": data}
    for key in data:
        if not isinstance(key, str):
            raise _invalid("a key must be a string", path, key)
    return data


def _check_nil(declared: XsdElement | None, members: _Members, path: str) -> None:
    if declared is not None and not declared.nillable:
        raise _invalid("null is not allowed here: leave the key out for a missing value", path)
    for key in members:
        if key != "$" and not key.startswith("@"):
            raise _invalid("null has no content beside it", path + _step(key), members[key])


def _several(shape: Shape, tag: str, value: object, path: str) -> bool:
    """Whether a value is a list of elements, not the value of one element."""
    if not isinstance(value, list | tuple):
        return False
    declared = shape.children.get(tag)
    if declared is None or tag in shape.repeated or shape.wildcards:
        return True
    simple = declared.type.simple_type
    if simple is None or kind_of(simple) not in ("list", "union"):
        raise _invalid("may occur only once, a list is not allowed here", path, value)
    return False


def _fill(
    element: etree._Element,
    shape: Shape,
    children: list[tuple[str, etree._Element]],
    members: _Members,
    path: str,
) -> None:
    texts = _texts(members.get("#text"), shape, path)
    if "#order" in members:
        _fill_in_order(element, children, texts, members["#order"], path)
        return
    if texts:
        element.text = (element.text or "") + "".join(texts)
    ordered = [child for _, child in children]
    if shape.model is not None and len(children) > 1:
        ordered = [ordered[at] for at in arrange(shape.model, [tag_of(each) for each in ordered])]
    element.extend(ordered)


def _texts(value: object, shape: Shape, path: str) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if texts is None:
        return []
    if not shape.mixed or not isinstance(texts, list | tuple):
        raise _invalid("no text is allowed here beside the elements", f"{path}['#text']", value)
    for text in texts:
        if not isinstance(text, str):
            raise _invalid("text must be a string", f"{path}['#text']", text)
    return list(texts)


def _fill_in_order(
    element: etree._Element,
    children: list[tuple[str, etree._Element]],
    texts: list[str],
    order: object,
    path: str,
) -> None:
    waiting: dict[object, deque[etree._Element | str]] = {"#text": deque(texts)}
    for key, child in children:
        waiting.setdefault(key, deque()).append(child)
    for key in order if isinstance(order, list | tuple) else ():
        if not isinstance(key, str) or not waiting.get(key):
            raise _invalid(f"names {key!r} more often than it is there", f"{path}['#order']", order)
        _append(element, waiting[key].popleft())
    left = next((key for key, values in waiting.items() if values), None)
    if left is not None:
        raise _invalid(f"leaves out {left!r}", f"{path}['#order']", order)


def _append(element: etree._Element, piece: etree._Element | str) -> None:
    if not isinstance(piece, str):
        element.append(piece)
    elif len(element):
        element[-1].tail = (element[-1].tail or "") + piece
    else:
        element.text = (element.text or "") + piece


def _step(key: str) -> str:
    return f".{key}" if key.isidentifier() else f"['{key}']"


def _unknown(key: str, shape: Shape, path: str, value: object) -> InvalidEvent:
    reason = f"unknown key {key!r}; {hint(key, known_keys(shape))}"
    if shape.wildcards and key[:1] not in ("@", "#", "{"):
        reason += f" (of another namespace: '{{namespace}}{key}')"
    return _invalid(reason, path + _step(key), value)


def _invalid(reason: str, path: str, value: object = None) -> InvalidEvent:
    return InvalidEvent(reason, path=path, value=None if value is None else _shown(value))


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
