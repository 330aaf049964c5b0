"""Build events in Python: ``e.Event(e.PhoneStatus(e.Status("busy")))``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from lxml import etree

from clacks_events.envelope import NAMESPACE
from clacks_events.errors import MalformedEvent
from clacks_events.lexical import lexical
from clacks_events.xml import detached, sound

__all__ = ["EventMaker"]

ElementFactory: TypeAlias = Callable[..., etree._Element]

_XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


class EventMaker:
    """Make elements of one namespace by calling their names.

    Arguments are child elements, Python values (written in their XSD lexical form), or mappings
    of attributes; keyword arguments are attributes too. Names that are no Python identifiers are
    reached by ``maker["name-with-dash"]``. The elements carry a prefix and never a default
    namespace, so that children in no namespace stay there when they are serialised. An element
    that is part of another tree is copied, not moved.
    """

    def __init__(self, namespace: str | None = NAMESPACE, *, prefix: str | None = None) -> None:
        """Make elements of ``namespace``; None or "" stands for no namespace."""
        self._namespace = namespace or ""
        self._prefix = prefix or ("e" if namespace == NAMESPACE else "p")

    def __getattr__(self, name: str) -> ElementFactory:
        # Copying and pickling ask for dunder names that no element has.
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> ElementFactory:
        def factory(*content: object, **attributes: object) -> etree._Element:
            return self._make(name, content, attributes)

        return factory

    def _make(
        self, name: str, content: tuple[object, ...], attributes: Mapping[str, object]
    ) -> etree._Element:
        try:
            element = self._empty(name)
            for item in (*content, attributes):
                _add(element, item)
        except (TypeError, ValueError) as error:
            raise MalformedEvent(str(error), path=name) from error
        return sound(element) if len(element) else element

    def _empty(self, name: str) -> etree._Element:
        if not self._namespace:
            return etree.Element(name)
        return etree.Element(f"{{{self._namespace}}}{name}", nsmap={self._prefix: self._namespace})


def _add(element: etree._Element, item: object) -> None:
    if isinstance(item, etree._Element):
        _add_element(element, item)
    elif isinstance(item, Mapping):
        for name, value in item.items():
            element.set(name, lexical(value))
    elif isinstance(item, list | tuple) and any(isinstance(part, etree._Element) for part in item):
        for part in item:
            _add(element, part)
    else:
        _add_text(element, lexical(item))


def _add_element(element: etree._Element, item: etree._Element) -> None:
    if item.getparent() is not None:
        item = detached(item)
    types = {part: _namespace_of(part) for part in item.iter("*") if part.get(_XSI_TYPE)}
    element.append(item)
    # lxml drops declarations that the new parent has under another prefix.
    for part, namespace in types.items():
        if _namespace_of(part) != namespace:
            prefix = next(p for p, uri in part.nsmap.items() if uri == namespace and p)
            local = str(part.get(_XSI_TYPE)).strip().rpartition(":")[2]
            part.set(_XSI_TYPE, f"{prefix}:{local}")


def _namespace_of(part: etree._Element) -> str | None:
    """Return the namespace that the value of ``xsi:type`` means."""
    prefix, _, _ = str(part.get(_XSI_TYPE)).strip().rpartition(":")
    return part.nsmap.get(prefix or None)


def _add_text(element: etree._Element, text: str) -> None:
    if len(element):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text
