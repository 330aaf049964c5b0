"""What the two engines complain about, as errors of this package."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from lxml import etree

from clacks_events.catalog.documents import Document, Unit
from clacks_events.errors import CatalogError, InvalidEvent
from clacks_events.xml import local_name

__all__ = ["component_fault", "from_libxml2", "from_xmlschema", "schema_fault"]

# A namespace in braces; the braces around the values of an enumeration hold quotes and blanks.
_QUALIFIER = re.compile(r"\{[^{}'\s]*\}")
_ATTRIBUTE = re.compile(r", attribute '([^']+)'")
_NAMED = re.compile(r"attribute ([^=]+)='|'([^']+)' attribute not allowed")
_POSITION = re.compile(r"Unexpected child with tag '[^']+' at position (\d+)")
_STEP = re.compile(r"(?:([^\[:]+):)?([^\[]+)(?:\[(\d+)\])?")


def schema_fault(error: etree.XMLSchemaParseError, units: Sequence[Unit]) -> CatalogError:
    """Return why libxml2 does not compile a schema."""
    entries = [entry for entry in error.error_log if entry.level_name != "WARNING"]
    reason = entries[0].message if entries else str(error)
    file = entries[0].filename if entries and entries[0].filename else ""
    line = entries[0].line if entries else 0
    known = file if file and not file.startswith("<") else str(units[0].document.path)
    return CatalogError(_QUALIFIER.sub("", reason) + _missing(units), file=known, line=max(line, 0))


def component_fault(error: Exception, units: Sequence[Unit]) -> CatalogError:
    """Return why xmlschema does not build a schema."""
    message = str(getattr(error, "message", "") or error or repr(error)).strip().split("\n")[0]
    origin = _origin(error)
    document = _document_of(origin, units)
    return CatalogError(
        _QUALIFIER.sub("", message) + _missing(units),
        file=str(document.path),
        line=_line_of(origin, document),
    )


def _missing(units: Sequence[Unit]) -> str:
    missing = [
        f"{link.location or link.namespace} (line {link.line} of {unit.document.path.name})"
        for unit in units
        for link in unit.document.links
        if link.target is None
    ]
    if not missing:
        return ""
    return f"; not found, and no catalog.xml maps it: {', '.join(missing)}"


def _origin(error: BaseException) -> BaseException:
    # The fault of an included file comes as the fault of the xs:include.
    while getattr(inner := error.__cause__ or error.__context__, "elem", None) is not None:
        error = cast(BaseException, inner)
    return error


def _document_of(error: BaseException, units: Sequence[Unit]) -> Document:
    url = getattr(getattr(error, "source", None), "url", None) or ""
    path = Path(unquote(urlsplit(url).path))
    known = (unit.document for unit in units)
    return next((document for document in known if document.path == path), units[0].document)


def _line_of(error: BaseException, document: Document) -> int:
    # xmlschema's trees know no lines: the same element is found in ours by its place.
    root, element = getattr(error, "root", None), getattr(error, "elem", None)
    if root is None or element is None:
        return 0
    child = _POSITION.search(str(error))
    if child is not None and int(child[1]) <= len(element):
        element = element[int(child[1]) - 1]
    place = next((at for at, each in enumerate(_elements(root)) if each is element), None)
    if place is None:
        return 0
    ours = list(document.root.iter("*"))
    return ours[place].sourceline or 0 if place < len(ours) else 0


def _elements(root: Any) -> list[Any]:
    return [each for each in root.iter() if isinstance(each.tag, str)]


def from_libxml2(
    payload: etree._Element, entries: Sequence[etree._LogEntry], origin: etree._Element
) -> InvalidEvent:
    """Return the first fault that libxml2 found in a payload, a copy of ``origin``."""
    first = entries[0]
    node = _node_at(payload, first.path)
    reason = _QUALIFIER.sub("", first.message)
    if len(entries) > 1:
        reason += f" ({len(entries) - 1} more)"
    found = _ATTRIBUTE.search(first.message)
    attribute = found[1] if found else ""
    return InvalidEvent(
        reason,
        path=_path_of(node, payload) + (f"/@{local_name(attribute)}" if attribute else ""),
        line=first.line if node is None else _line_in(origin, node, payload),
        value=_value_of(node, attribute),
    )


def _line_in(origin: etree._Element, node: etree._Element, payload: etree._Element) -> int:
    # Copies know no lines beyond 65535.
    steps = []
    while node is not payload and (parent := node.getparent()) is not None:
        steps.append(parent.index(node))
        node = parent
    for step in reversed(steps):
        origin = origin[step]
    return origin.sourceline or 0


def _node_at(payload: etree._Element, path: str | None) -> etree._Element | None:
    """Follow a path as libxml2 writes it: ``/p:name/*[2]/name[3]``.

    Not by XPath: one prefix may stand for two namespaces in one document.
    """
    steps = (path or "").split("/")[2:]
    node = payload if path else None
    for step in steps:
        found = _STEP.fullmatch(step)
        if node is None or found is None:
            return None
        prefix, name, position = found.groups()
        children = [
            child
            for child in node.iterchildren("*")
            if name == "*" or (child.prefix, local_name(str(child.tag))) == (prefix, name)
        ]
        at = int(position or 1) - 1
        node = children[at] if at < len(children) else None
    return node


def _path_of(node: etree._Element | None, payload: etree._Element) -> str:
    steps: list[str] = []
    while node is not None:
        parent = None if node is payload else node.getparent()
        steps.append(_step(node, parent))
        node = parent
    return "/".join(("/Event", *reversed(steps)))


def _step(element: etree._Element, parent: etree._Element | None) -> str:
    name = local_name(str(element.tag))
    twins = [] if parent is None else list(parent.iterchildren(str(element.tag)))
    return f"{name}[{twins.index(element) + 1}]" if len(twins) > 1 else name


def _value_of(node: etree._Element | None, attribute: str) -> str | None:
    if node is None or not attribute:
        return None if node is None or len(node) else node.text
    local = local_name(attribute)
    return next((v for name, v in node.attrib.items() if local_name(str(name)) == local), None)


def from_xmlschema(payload: etree._Element, fault: Any, origin: etree._Element) -> InvalidEvent:
    """Return a fault that xmlschema found in a payload, a copy of ``origin``."""
    child = getattr(fault, "invalid_child", None)
    node = child if child is not None else fault.elem
    if not isinstance(node, etree._Element):
        node = payload
    message = str(fault.reason or fault.message).strip()
    found = _NAMED.match(message)
    attribute = found[1] or found[2] if found else ""
    return InvalidEvent(
        _QUALIFIER.sub("", message),
        path=_path_of(node, payload) + (f"/@{local_name(attribute)}" if attribute else ""),
        line=_line_in(origin, node, payload),
        value=_value_of(node, attribute),
    )
