"""Keys of the JSON form and the XML names that they stand for, in both directions."""

from __future__ import annotations

import difflib
from collections.abc import Container, Iterable, Iterator

from xmlschema import XsdElement, XsdGlobals

from clacks_events.catalog.shape import XML, XSD, Shape
from clacks_events.xml import local_name

__all__ = [
    "attribute_key",
    "attribute_name",
    "child_keys",
    "child_tag",
    "hint",
    "known_keys",
    "type_key",
    "type_names",
]

_SHOWN = 12


def child_keys(shape: Shape, tags: list[str]) -> dict[str, str]:
    """Return the key of each child: its local name, unless another child is meant by that."""
    owners = {local_name(tag): tag for tag in reversed(tags)} | shape.names
    return {tag: local_name(tag) if owners[local_name(tag)] == tag else _clark(tag) for tag in tags}


def attribute_key(shape: Shape, name: str, taken: Container[str]) -> str:
    """Return the key of an attribute, different from those taken already."""
    local = local_name(name)
    if name.startswith(f"{{{XML}}}"):
        return f"@xml:{local}"
    meant = shape.attribute_names.get(local, local) == name
    return f"@{local}" if meant and f"@{local}" not in taken else f"@{_clark(name)}"


def type_key(name: str, root: XsdElement) -> str:
    """Return how an xsi:type is written: bare in the namespace of the payload, else in full."""
    namespace = name[1:].partition("}")[0] if name.startswith("{") else ""
    if namespace == XSD:
        return f"xs:{local_name(name)}"
    return local_name(name) if namespace == root.target_namespace else _clark(name)


def child_tag(maps: XsdGlobals, parent: str, shape: Shape, key: str) -> str | None:
    """Return the tag that a key stands for; None if nothing of that name may stand here.

    The namespace of an undeclared name is guessed: that of the parent, of a global element,
    of the wildcard, none.
    """
    if key.startswith("{"):
        tag = key.removeprefix("{}")
        return tag if tag in shape.children or shape.wildcards else None
    if key in shape.names:
        return shape.names[key]
    return next(
        (tag for tag in _strangers(maps, parent, shape, key) if _admitted(shape, tag)), None
    )


def attribute_name(shape: Shape, key: str) -> str | None:
    """Return the attribute that a key without its ``@`` stands for; None if there is none."""
    name = f"{{{XML}}}{key[4:]}" if key.startswith("xml:") else key.removeprefix("{}")
    if name in shape.attributes:
        return name
    if key in shape.attribute_names:
        return shape.attribute_names[key]
    return name if shape.any_attribute is not None and ":" not in local_name(name) else None


def type_names(key: str, root: XsdElement) -> Iterator[str]:
    """Yield the types that the value of ``@xsi:type`` may mean, in Clark notation."""
    if key.startswith("{"):
        yield key.removeprefix("{}")
    elif key.startswith("xs:"):
        yield f"{{{XSD}}}{key[3:]}"
    else:
        yield f"{{{root.target_namespace}}}{key}" if root.target_namespace else key
        yield from (name for name in root.maps.types if local_name(name) == key)


def known_keys(shape: Shape) -> list[str]:
    """Return what an object of this shape may have as keys."""
    attributes = [attribute_key(shape, name, ()) for name in shape.attributes]
    content = ["$"] if shape.simple is not None else list(shape.names)
    return content + attributes


def hint(key: str, known: Iterable[str]) -> str:
    """Return a sentence about the names that may have been meant."""
    names = {name.lower(): name for name in known}
    near = difflib.get_close_matches(key.lower(), names, n=3)
    if near:
        return f"did you mean {' or '.join(names[each] for each in near)}?"
    if not names:
        return "nothing is declared here"
    more = ", …" if len(names) > _SHOWN else ""
    return f"known: {', '.join(list(names.values())[:_SHOWN])}{more}"


def _strangers(maps: XsdGlobals, parent: str, shape: Shape, key: str) -> Iterator[str]:
    """Tags that an undeclared key may mean, the likeliest first."""
    head, brace, _ = parent.rpartition("}")
    yield head + brace + key
    yield from (tag for tag in maps.elements if local_name(tag) == key)
    for wildcard in shape.wildcards:
        named = (uri for uri in wildcard.namespace if uri and not uri.startswith("##"))
        yield from (f"{{{uri}}}{key}" for uri in named)
    yield key


def _admitted(shape: Shape, tag: str) -> bool:
    return any(each.is_matching(tag) for each in shape.wildcards)


def _clark(name: str) -> str:
    return name if name.startswith("{") else f"{{}}{name}"
