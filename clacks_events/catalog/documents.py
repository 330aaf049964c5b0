"""Schema documents on disk and what they include and import.

Rule: nothing above the directory that was given is read, and nothing comes from the network.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from lxml import etree

from clacks_events.catalog.oasis import LocationMap, file_of, read_location_map
from clacks_events.errors import CatalogError, MalformedEvent
from clacks_events.xml import local_name, parse_xml

__all__ = ["LINKS", "XSD", "Directory", "Document", "Link", "Stamp", "Unit", "is_bundled"]

XSD = "{http://www.w3.org/2001/XMLSchema}"
_MIN_VERSION = "{http://www.w3.org/2007/XMLSchema-versioning}minVersion"
LINKS = tuple(XSD + name for name in ("include", "import", "redefine", "override"))
"""What leads from one document to another."""

Stamp: TypeAlias = tuple[int, int, int]
"""Modification time in ns, size and inode, to see whether a file has changed."""

_VERSION = re.compile(r"\s*\d+(\.\d+)?\s*", re.ASCII)
_LARGEST_SCHEMA = 50_000_000  # bytes; published schema sets have files of some megabytes

_TARGET = re.compile(rb"""\stargetNamespace\s*=\s*["']([^"']*)["']""")

# Published schemas import these by http locations that nobody has on disk; xmlschema
# ships copies.
_BUNDLED = {
    "http://www.w3.org/XML/1998/namespace": "XML/xml.xsd",
    "http://www.w3.org/1999/xlink": "XLINK/xlink.xsd",
    "http://www.w3.org/2000/09/xmldsig#": "DSIG/xmldsig-core-schema.xsd",
    "http://www.w3.org/2001/04/xmlenc#": "XENC/xenc-schema.xsd",
    "http://schemas.xmlsoap.org/soap/envelope/": "WSDL/soap-envelope.xsd",
}


@dataclass(frozen=True, slots=True)
class Link:
    """One include, import, redefine or override; ``target`` is None when nothing is there."""

    kind: str
    namespace: str
    location: str
    target: Path | None
    line: int


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One XSD file as it was read."""

    path: Path
    data: bytes
    root: etree._Element
    """For reading only; its line numbers are those of the file."""
    links: tuple[Link, ...]
    stamp: Stamp

    @property
    def namespace(self) -> str:
        """The target namespace, empty when there is none."""
        return self.root.get("targetNamespace", "")

    @property
    def is_xsd11(self) -> bool:
        """Whether the file asks for XSD 1.1 (XSD 1.1 part 1, 4.2.2)."""
        wanted = self.root.get(_MIN_VERSION, "")
        return bool(_VERSION.fullmatch(wanted)) and float(wanted) >= 1.1


@dataclass(frozen=True, slots=True)
class Unit:
    """A document under the namespace that it gets from its includer."""

    document: Document
    namespace: str

    def named(self, local: str) -> str:
        """Return the Clark name of what the document declares under a name."""
        return _clark(self.namespace, local)

    def resolved(self, node: etree._Element, name: str) -> str:
        """Return the Clark name that a prefixed name in the document stands for."""
        prefix, _, local = name.strip().rpartition(":")
        uri = node.nsmap.get(prefix or None)
        # In a chameleon document unprefixed references mean the includer's namespace.
        return _clark(self.namespace if uri is None and not prefix else uri or "", local)


def _clark(namespace: str, local: str) -> str:
    return f"{{{namespace}}}{local}" if namespace else local


class Directory:
    """One schema directory: its entry files and a reader for all below it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[Path, Document] = {}
        self.locations = LocationMap()

    def refresh(self) -> None:
        """Read ``catalog.xml``; raise CatalogError, and keep what is known, if it is broken."""
        self.locations = read_location_map(self.path)

    def entries(self) -> list[Path]:
        """Return the XSD files directly in the directory, sorted."""
        return sorted(path for path in self.path.glob("*.xsd") if path.is_file())

    def units(self, entry: Path) -> list[Unit]:
        """Return the entry and all that it includes or imports, each once a namespace.

        Raises CatalogError with file and line for what is missing, malformed or outside.
        """
        first = self.read(entry)
        found: dict[tuple[Path, str], Unit] = {}
        pending = [Unit(first, first.namespace)]
        while pending:
            unit = pending.pop()
            key = (unit.document.path, unit.namespace)
            if key not in found:
                found[key] = unit
                pending.extend(self._linked(unit))
        return list(found.values())

    def _linked(self, unit: Unit) -> Iterator[Unit]:
        for link in unit.document.links:
            if link.target is None:
                continue
            document = self.read(link.target)
            # A chameleon: an included document without a namespace takes its includer's.
            inherits = link.kind != "import" and not document.namespace
            yield Unit(document, unit.namespace if inherits else document.namespace)

    def read(self, path: Path) -> Document:
        """Return a document, parsed again only when the file has changed."""
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            known = self._known.get(path)
            if known is None or known.stamp != stamp:
                known = Document(path, *_parse(path, path.read_bytes()), (), stamp)
        except OSError as error:
            raise CatalogError(error.strerror or str(error), file=str(path)) from error
        # The links are followed each time: what one leads to may have come or gone.
        self._known[path] = replace(known, links=self._links(path, known.root))
        return self._known[path]

    def _links(self, path: Path, root: etree._Element) -> tuple[Link, ...]:
        return tuple(self._link(path, node) for node in root.iterchildren(*LINKS))

    def _link(self, path: Path, node: etree._Element) -> Link:
        kind, location = local_name(str(node.tag)), node.get("schemaLocation", "").strip()
        namespace, line = node.get("namespace", ""), node.sourceline or 0
        target = self._resolve(path, kind, namespace, location, line)
        if target is None and kind != "import":
            raise CatalogError(f"{kind} of {location!r}: no such file", file=str(path), line=line)
        return Link(kind, namespace, location, target, line)

    def _resolve(
        self, path: Path, kind: str, namespace: str, location: str, line: int
    ) -> Path | None:
        mapped = self.locations.find(location) or self.locations.find(namespace)
        if mapped is None and location and urlsplit(location).scheme in ("", "file"):
            mapped = path.parent / file_of(location)
        if mapped is not None:
            mapped = self._inside(mapped, path, kind, location, line)
        if mapped is not None and mapped.is_file():
            return mapped
        return bundled(namespace) if kind == "import" else None

    def _inside(self, target: Path, path: Path, kind: str, location: str, line: int) -> Path:
        # Lexically: a symbolic link inside of the directory is its owner's decision.
        absolute = Path(os.path.normpath(target))
        if not absolute.is_relative_to(self.path) and not is_bundled(path):
            raise CatalogError(
                f"{kind} of {location!r} leads out of {self.path}", file=str(path), line=line
            )
        return absolute


def _parse(path: Path, data: bytes) -> tuple[bytes, etree._Element]:
    try:
        # The bundled copies are trusted; some of them use a DOCTYPE.
        trusted = is_bundled(path)
        root = etree.fromstring(data) if trusted else parse_xml(data, max_size=_LARGEST_SCHEMA)
    except MalformedEvent as error:
        twin = _trusted_twin(data)
        if twin is None:
            raise CatalogError(error.reason, file=str(path), line=error.line) from error
        return _parse(twin, twin.read_bytes())
    if root.tag != XSD + "schema":
        raise CatalogError(
            f"the root is {root.tag!s}, not an XML Schema",
            file=str(path),
            line=root.sourceline or 0,
        )
    return data, root


def _trusted_twin(data: bytes) -> Path | None:
    """Return our own copy of a W3C schema, which the W3C publishes with a DOCTYPE."""
    namespace = _TARGET.search(data)
    return bundled(namespace[1].decode("ascii", "replace")) if namespace else None


def _bundle() -> Path:
    spec = find_spec("xmlschema")
    if spec is None or spec.origin is None:
        raise CatalogError("the package xmlschema is not installed")
    return Path(spec.origin).parent / "schemas"


def bundled(namespace: str) -> Path | None:
    """Return the local copy of a W3C schema that everybody imports, if there is one."""
    name = _BUNDLED.get(namespace)
    return _bundle() / name if name else None


def is_bundled(path: Path) -> bool:
    """Tell whether a file is one of the W3C schemas that xmlschema ships."""
    return path.is_relative_to(_bundle())
