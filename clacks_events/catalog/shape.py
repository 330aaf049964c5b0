"""What the JSON form has to know of an XSD type: names, kinds, repetition, order.

Everything here is derived from compiled XSD components; what costs time to derive is kept
on the component itself, so it lives and dies with its schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, Final, TypeVar, cast

from lxml import etree
from xmlschema import XsdElement, XsdGlobals
from xmlschema.validators import (
    XsdAnyElement,
    XsdAtomicBuiltin,
    XsdAttribute,
    XsdComponent,
    XsdGroup,
    XsdSimpleType,
    XsdType,
)
from xmlschema.validators.models import iter_unordered_content

from clacks_events.xml import local_name

XSD: Final = "http://www.w3.org/2001/XMLSchema"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
XML: Final = "http://www.w3.org/XML/1998/namespace"

_Component = TypeVar("_Component", bound=XsdComponent)
_Derived = TypeVar("_Derived")

_KINDS: Final = {"boolean": "boolean", "float": "float", "double": "float", "QName": "qname"}


class Shape:
    """The content of one XSD type, as far as names and multiplicity go."""

    def __init__(self, xsd_type: XsdType) -> None:
        self.type = xsd_type
        self.simple: XsdSimpleType | None = xsd_type.simple_type
        self.model: XsdGroup | None = xsd_type.model_group
        self.mixed = xsd_type.has_mixed_content()
        self.untyped = xsd_type.name == f"{{{XSD}}}anyType"

    @cached_property
    def particles(self) -> tuple[XsdElement | XsdAnyElement, ...]:
        """The leaves of the content model in document order."""
        return () if self.model is None else tuple(self.model.iter_elements())

    @cached_property
    def children(self) -> dict[str, XsdElement]:
        """Declared children by tag: particles first, then what may substitute them."""
        found: dict[str, XsdElement] = {}
        declared = [each for each in self.particles if isinstance(each, XsdElement)]
        for each in declared:
            if not each.abstract:
                found.setdefault(each.name, each)
        for each in declared:
            for substitute in substitutes(each):
                found.setdefault(substitute.name, substitute)
        return found

    @cached_property
    def names(self) -> dict[str, str]:
        """The tag that a bare local name stands for."""
        return _local_names(self.children, self.type.target_namespace)

    @cached_property
    def repeated(self) -> frozenset[str]:
        """Tags that the content model admits more than once."""
        if self.model is None:
            return frozenset()
        return frozenset(tag for tag in self.children if bounds(self.model, tag)[1] > 1)

    @cached_property
    def wildcards(self) -> list[XsdAnyElement]:
        """The xs:any particles, that of an open content included."""
        found = [each for each in self.particles if isinstance(each, XsdAnyElement)]
        content = getattr(self.model, "open_content", None)
        if content is not None and content.any_element is not None:
            found.append(content.any_element)
        return found

    @cached_property
    def attributes(self) -> dict[str, XsdAttribute]:
        """Declared attributes by name."""
        group = getattr(self.type, "attributes", None) or {}
        return {
            name: each
            for name, each in group.items()
            if isinstance(each, XsdAttribute) and not each.is_prohibited()
        }

    @cached_property
    def attribute_names(self) -> dict[str, str]:
        """The attribute that a bare local name stands for."""
        return _local_names(self.attributes, "")

    @cached_property
    def any_attribute(self) -> Any:
        """The xs:anyAttribute wildcard, or None."""
        group = getattr(self.type, "attributes", None) or {}
        return group.get(None)


def substitutes(declared: XsdElement) -> list[XsdElement]:
    """Return what may stand in for an element and is not abstract, in document order."""
    # xmlschema keeps them in sets: their order would change from process to process.
    return sorted(set(declared.iter_substitutes()), key=_place)


def _place(declared: XsdElement) -> tuple[str, int, str]:
    position = list(declared.schema.root).index(declared.elem)
    return declared.schema.url or "", position, declared.name


def shape_of(xsd_type: XsdType) -> Shape:
    """Return the shape of a type, derived once per type."""
    return _kept(xsd_type, "clacks_shape", Shape)


def kind_of(simple: XsdSimpleType) -> str:
    """Tell how to read a simple type.

    One of ``list union boolean float integer decimal qname binary string``.
    """
    return _kept(simple, "clacks_kind", _kind)


def instance_type(maps: XsdGlobals, expected: XsdType, name: str) -> XsdType | None:
    """Return the type that ``xsi:type`` names in Clark notation.

    None if there is no such type or it does not derive from the expected one.
    """
    wanted = name.removeprefix("{}")
    try:
        return cast("XsdType", maps.get_instance_type(wanted, cast("Any", expected), {}))
    except (KeyError, TypeError):
        return None


def alternative_type(declared: XsdElement, element: etree._Element) -> XsdType:
    """Return the type that the xs:alternative tests choose for an element."""
    return declared.get_alternative_type(cast("Any", element))


def tag_of(element: etree._Element) -> str:
    """Return the Clark name of an element that is neither comment nor instruction."""
    return cast("str", element.tag)


def item_type(simple: Any) -> XsdSimpleType:
    """Return the item type of a list type or of a restriction of one."""
    owner = simple if hasattr(simple, "item_type") else simple.primitive_type
    found: XsdSimpleType = owner.item_type
    return found


def member_types(simple: Any) -> list[XsdSimpleType]:
    """Return the member types of a union type or of a restriction of one."""
    owner = simple if hasattr(simple, "member_types") else simple.primitive_type
    return list(owner.member_types)


def ancestry(simple: XsdSimpleType) -> Iterator[XsdSimpleType]:
    """Yield a simple type and what it was derived from, up to the built-in type."""
    found: Any = simple
    while found is not None:
        yield found
        if isinstance(found, XsdAtomicBuiltin):
            return
        # The base of simple content may be a complex type.
        found = None if found.base_type is None else found.base_type.simple_type


def builtin_type(simple: XsdSimpleType) -> XsdSimpleType:
    """Return the nearest built-in type that a simple type derives from."""
    return list(ancestry(simple))[-1]


def arrange(model: XsdGroup, tags: Sequence[str]) -> list[int]:
    """Put children into an order that the content model accepts.

    Returns the positions of ``tags`` in their new order: unchanged if the model accepts
    them as they are, else by the order of the model, what does not fit last.
    """
    if _accepts(model, tags):
        return list(range(len(tags)))
    positions: dict[int | str, Any] = {}
    for position, tag in enumerate(tags):
        positions.setdefault(tag, []).append(position)
    return [position for _, position in iter_unordered_content(positions, model)]


def _accepts(model: XsdGroup, tags: Iterable[str]) -> bool:
    visitor = model.get_model_visitor()
    for tag in tags:
        while visitor.element is not None and visitor.match_element(tag) is None:
            if any(visitor.advance()):
                return False
        if visitor.element is None or any(visitor.advance(match=True)):
            return False
    return not any(visitor.stop())


def bounds(model: Any, tag: str) -> tuple[float, float]:
    """Return how often, at least and at most, a content model admits a tag."""
    most = float("inf") if model.max_occurs is None else model.max_occurs
    if not isinstance(model, XsdGroup):
        fits = bool(model.is_matching(tag))
        # Where another element may stand in, none of them has to be there.
        alone = fits and model.name == tag and not any(model.iter_substitutes())
        return (model.min_occurs if alone else 0, most if fits else 0)
    inner = [bounds(each, tag) for each in model.content] or [(0, 0)]
    choice = model.model == "choice"
    least_once = (min if choice else sum)(least for least, _ in inner)
    most_once = (max if choice else sum)(high for _, high in inner)
    # Not a product at once: infinity times zero is no number.
    return least_once * model.min_occurs, most * most_once if most and most_once else 0


def _local_names(tags: Iterable[str], home: str) -> dict[str, str]:
    """Local name to tag; of two, the one in the home namespace or in none is meant."""
    names: dict[str, str] = {}
    for tag in sorted(tags, key=lambda tag: tag[:1] == "{" and not tag.startswith(f"{{{home}}}")):
        names.setdefault(local_name(tag), tag)
    return names


def _kind(simple: XsdSimpleType) -> str:
    if simple.is_list():
        return "list"
    if simple.is_union():
        return "union"
    builtin = builtin_type(simple)
    name = local_name(builtin.name or "")
    if builtin.python_type is int:
        return "integer"
    if name in ("hexBinary", "base64Binary"):
        return "binary"
    return _KINDS.get(name, "decimal" if name == "decimal" else "string")


def _kept(component: _Component, key: str, derive: Callable[[_Component], _Derived]) -> _Derived:
    kept = vars(component)
    if key not in kept:
        kept[key] = derive(component)
    return cast("_Derived", kept[key])
