"""Compile an entry file and decide validity.

libxml2 decides XSD 1.0 at C speed. xmlschema, a hundred times slower, is built only where it
alone can serve: XSD 1.1, schemas that libxml2 cannot compile, and whatever needs to look into
the components of a schema.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from lxml import etree

from clacks_events.catalog.documents import LINKS, Document, Stamp, Unit
from clacks_events.catalog.faults import (
    component_fault,
    from_libxml2,
    from_xmlschema,
    schema_fault,
)
from clacks_events.catalog.shelf import Resolver, Shelf
from clacks_events.catalog.type_graph import TypeGraph, type_graph
from clacks_events.errors import CatalogError, InvalidEvent

if TYPE_CHECKING:
    import xmlschema

__all__ = ["SchemaFile", "compile_file"]

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class SchemaFile:
    """One compiled entry file with all that it includes and imports."""

    path: Path
    units: Sequence[Unit]
    fast: etree.XMLSchema | None
    """libxml2's schema; None when xmlschema has to decide."""
    _types: TypeGraph | None = None
    _components: xmlschema.XMLSchemaBase | None = None
    _lock: Lock = field(default_factory=Lock)

    @property
    def is_xsd11(self) -> bool:
        """Whether one of the files asks for XSD 1.1."""
        return any(unit.document.is_xsd11 for unit in self.units)

    @property
    def changes_parts(self) -> bool:
        """Whether declarations mean something else here than in the files they come from."""
        links = (link for unit in self.units for link in unit.document.links)
        return any(link.kind in ("redefine", "override") for link in links)

    @property
    def stamps(self) -> dict[Path, Stamp]:
        """The files that this one is made of, each with the stamp it had."""
        return {unit.document.path: unit.document.stamp for unit in self.units}

    @property
    def types(self) -> TypeGraph:
        """The types that the file declares, read on first use."""
        if self._types is None:
            self._types = type_graph(self.units)
        return self._types

    def components(self) -> xmlschema.XMLSchemaBase:
        """Return xmlschema's view of the file, built on first use.

        Raises CatalogError when xmlschema cannot build it.
        """
        with self._lock:
            if self._components is None:
                self._components = _build_components(self.units, self.is_xsd11)
            return self._components

    def accepts(self, payload: etree._Element) -> bool:
        """Tell quickly that a payload is valid; what is not accepted here may still be valid.

        The payload may stand inside of a tree, if nobody else uses that.
        """
        if self.fast is None:
            return False
        with self._lock:
            return self.fast.validate(payload)

    def validate(self, payload: etree._Element, origin: etree._Element) -> None:
        """Raise InvalidEvent, for the first fault, unless the payload is valid.

        The payload is the root of a tree that nobody else uses: lxml rearranges, without the GIL,
        the tree around an element that is not the root. ``origin`` is what it is a copy of.
        """
        if self.fast is None:
            self._validate_by_components(payload, origin)
            return
        # The error log belongs to the schema object, so two threads must not share a run.
        with self._lock:
            if not self.fast.validate(payload):
                raise from_libxml2(payload, list(self.fast.error_log), origin)

    def _validate_by_components(self, payload: etree._Element, origin: etree._Element) -> None:
        schema = self.components()
        try:
            with self._lock:
                fault = next(schema.iter_errors(cast(Any, payload)), None)
        except Exception as error:
            raise InvalidEvent(f"cannot be judged: {error}", path="/Event") from error
        if fault is not None:
            raise from_xmlschema(payload, fault, origin)


def compile_file(path: Path, units: Sequence[Unit]) -> SchemaFile:
    """Compile an entry file; raise CatalogError with file, line and reason if that fails."""
    file = SchemaFile(path, units, None)
    if not file.is_xsd11:
        try:
            file.fast = _build_fast(units)
        except CatalogError as error:
            _fall_back(file, error)
    else:
        file.components()
    return file


def _fall_back(file: SchemaFile, error: CatalogError) -> None:
    # libxml2 refuses some valid schemas (several imports of one namespace, XSD 1.1 that does
    # not say so); only what xmlschema refuses too is broken.
    faults = [error]
    for is_xsd11 in (False, True):
        try:
            file._components = _build_components(file.units, is_xsd11)
        except CatalogError as fault:
            faults.append(fault)
            continue
        log.info("%s: libxml2 cannot use it (%s); xmlschema decides", file.path, error.reason)
        return
    # libxml2 does not always know the place.
    raise next((fault for fault in faults if fault.line), error)


def _build_fast(units: Sequence[Unit]) -> etree.XMLSchema:
    document = units[0].document
    parser = etree.XMLParser(no_network=True, huge_tree=True)
    parser.resolvers.add(Resolver(Shelf(units)))
    root = etree.fromstring(document.data, parser, base_url=str(document.path))
    _give_locations(root, document)
    try:
        return etree.XMLSchema(root.getroottree())
    except etree.XMLSchemaParseError as error:
        raise schema_fault(error, units) from error


def _give_locations(root: etree._Element, document: Document) -> None:
    # An import without a location, or with one that nothing maps, may still have a file here.
    for node, link in zip(root.iterchildren(*LINKS), document.links, strict=True):
        if link.target is not None:
            node.set("schemaLocation", str(link.target))


def _build_components(units: Sequence[Unit], is_xsd11: bool) -> xmlschema.XMLSchemaBase:
    import xmlschema

    from clacks_events.catalog.opener import opener

    shelf = Shelf(units)
    build = xmlschema.XMLSchema11 if is_xsd11 else xmlschema.XMLSchema10
    with warnings.catch_warnings():
        # An import that leads nowhere is no fault as long as nothing needs it (XSD part 1, 4.2.3).
        warnings.simplefilter("ignore")
        try:
            return build(
                units[0].document.path.as_uri(),
                uri_mapper=shelf.local,
                opener=opener(shelf),
                allow="local",
                locations=_hints(units),
            )
        except Exception as error:
            # Errors of elementpath, ElementTree and urllib come through xmlschema as well.
            raise component_fault(error, units) from error


def _hints(units: Sequence[Unit]) -> list[tuple[str, str]]:
    hints = {
        (link.namespace, link.target.as_uri())
        for unit in units
        for link in unit.document.links
        if link.kind == "import" and link.target is not None and link.namespace
    }
    return sorted(hints)
