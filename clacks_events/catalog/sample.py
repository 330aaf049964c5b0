"""An example payload for an event type, made from its schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from lxml import etree
from xmlschema import XMLSchemaException, XsdElement
from xmlschema.validators import XsdAnyElement, XsdAttribute, XsdGroup, XsdSimpleType, XsdType

from clacks_events.catalog.build import prefixes
from clacks_events.catalog.examples import example
from clacks_events.catalog.shape import (
    XSD,
    XSI,
    Shape,
    alternative_type,
    builtin_type,
    shape_of,
    substitutes,
)

__all__ = ["sample"]

_RICHNESS: Final = (2, 1, 0)  # down to which level optional fields are shown
_DEEPEST: Final = 50


def sample(xsd_element: XsdElement) -> etree._Element:
    """Return an example of an element: what is required, and the optional simple fields.

    The same for the same schema, every time. It is valid wherever the schema can be satisfied
    by looking at one type at a time; ask ``xsd_element.is_valid`` to be sure.
    """
    samples = [_Sampler(xsd_element, richness).tree() for richness in _RICHNESS]
    return next((each for each in samples if _is_valid(xsd_element, each)), samples[0])


def _is_valid(xsd_element: XsdElement, element: etree._Element) -> bool:
    try:
        return xsd_element.is_valid(element)  # type: ignore[arg-type]
    except XMLSchemaException:
        return False


class _Sampler:
    """Builds one example."""

    def __init__(self, root: XsdElement, richness: int) -> None:
        self.root = root
        self.richness = richness
        self.nsmap: dict[str | None, str] = dict(prefixes(root).items())
        self.ids = 0
        self.open: list[XsdType] = []

    def tree(self) -> etree._Element:
        """Return the whole example."""
        element = self._element(_concrete(self.root) or self.root)
        etree.cleanup_namespaces(element, keep_ns_prefixes=sorted(self._used(element)))
        return element

    def _used(self, element: etree._Element) -> set[str]:
        names = (each.get(f"{{{XSI}}}type", "") for each in element.iter("*"))
        return {name.partition(":")[0] for name in names if ":" in name}

    def _element(self, declared: XsdElement) -> etree._Element:
        element = etree.Element(declared.name, nsmap=self.nsmap)
        found = self._type(declared, element)
        shape = shape_of(found)
        self._set_attributes(element, shape)
        if declared.alternatives:
            found = alternative_type(declared, element)
            shape = shape_of(found)
            self._set_attributes(element, shape)
        if shape.simple is not None:
            element.text = declared.fixed or declared.default or self._text(shape.simple)
        elif shape.untyped:
            element.text = "example"
        elif shape.model is not None and len(self.open) < _DEEPEST:
            self.open.append(found)
            element.extend(self._content(shape.model))
            self.open.pop()
        return element

    def _type(self, declared: XsdElement, element: etree._Element) -> XsdType:
        if not getattr(declared.type, "abstract", False):
            return declared.type
        for name, each in self.root.maps.types.items():
            if not getattr(each, "abstract", False) and each.is_derived(declared.type):
                namespace, brace, local = name[1:].partition("}")
                prefix = next((key for key, uri in self.nsmap.items() if uri == namespace), None)
                element.set(f"{{{XSI}}}type", f"{prefix}:{local}" if brace else name)
                return each
        return declared.type

    def _set_attributes(self, element: etree._Element, shape: Shape) -> None:
        for name, each in shape.attributes.items():
            optional = len(self.open) < self.richness and not _is_reference(each.type)
            if name not in element.attrib and (each.is_required() or optional):
                element.set(name, self._attribute(each))

    def _attribute(self, declared: XsdAttribute) -> str:
        return declared.fixed or declared.default or self._text(declared.type)

    def _text(self, simple: XsdSimpleType) -> str:
        if builtin_type(simple).name == f"{{{XSD}}}ID":
            self.ids += 1
            return f"id{self.ids}"
        return "id1" if _is_reference(simple) else example(simple)

    def _content(self, particle: Any) -> Iterator[etree._Element]:
        for _ in range(particle.min_occurs or self._wanted(particle)):
            if isinstance(particle, XsdElement):
                declared = _concrete(particle)
                if declared is not None:
                    yield self._element(declared)
            elif isinstance(particle, XsdAnyElement):
                yield from self._anything(particle)
            elif particle.model == "choice":
                yield from self._branch(particle)
            else:
                for each in particle.content:
                    yield from self._content(each)

    def _branch(self, choice: XsdGroup) -> Iterator[etree._Element]:
        branches = [each for each in choice.content if self._possible(each)]
        for branch in branches[:1]:
            declared = _concrete(branch) if isinstance(branch, XsdElement) else None
            if declared is None:
                yield from self._content(branch)
            else:
                yield from (self._element(declared) for _ in range(branch.min_occurs or 1))

    def _possible(self, particle: Any) -> bool:
        """Whether a branch ends: it leads to no abstract element and into no open type."""
        if particle.max_occurs == 0:
            return False
        if isinstance(particle, XsdElement):
            declared = _concrete(particle)
            return declared is not None and declared.type not in self.open
        if isinstance(particle, XsdGroup):
            needed = [each for each in particle.content if each.min_occurs]
            test = any if particle.model == "choice" else all
            return test(map(self._possible, needed)) or not needed
        return True

    def _wanted(self, particle: Any) -> int:
        """Whether an optional part is shown."""
        if len(self.open) > self.richness or not self._possible(particle):
            return 0
        if isinstance(particle, XsdElement):
            declared = _concrete(particle)
            simple = declared is not None and declared.type.simple_type is not None
            return int(simple or (len(self.open) == 1 and self.richness > 0))
        if isinstance(particle, XsdGroup):
            needed = [each for each in particle.content if each.min_occurs] or particle.content
            return int(any(map(self._wanted, needed)))
        return 0

    def _anything(self, wildcard: XsdAnyElement) -> Iterator[etree._Element]:
        if wildcard.process_contents != "strict":
            for name in ("{urn:example}example", f"{{{self.root.target_namespace}}}example"):
                if wildcard.is_matching(name):
                    yield etree.Element(name, nsmap={"x": name[1:].partition("}")[0]})
                    return
        for name, declared in self.root.maps.elements.items():
            if wildcard.is_matching(name) and self._possible(declared):
                yield self._element(declared)
                return


def _concrete(declared: XsdElement) -> XsdElement | None:
    """The element itself, or the first that may stand for it if it is abstract."""
    return next(iter(substitutes(declared)), None) if declared.abstract else declared


def _is_reference(simple: XsdSimpleType) -> bool:
    return (builtin_type(simple).name or "") in (f"{{{XSD}}}IDREF", f"{{{XSD}}}IDREFS")
