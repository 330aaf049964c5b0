"""OASIS XML Catalogs: where published locations live on this disk.

Source: OASIS Standard V1.1, XML Catalogs, sections 6 and 7. What matters to XML Schema is read:
``uri``, ``system``, ``rewriteURI``, ``rewriteSystem``, ``uriSuffix``, ``systemSuffix``, ``group``,
``nextCatalog`` and ``xml:base``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from lxml import etree

from clacks_events.errors import CatalogError, MalformedEvent
from clacks_events.xml import local_name, parse_xml

__all__ = ["CATALOG_FILE", "LocationMap", "read_location_map"]

CATALOG_FILE = "catalog.xml"

_NAMESPACE = "{urn:oasis:names:tc:entity:xmlns:xml:catalog}"
_BASE = "{http://www.w3.org/XML/1998/namespace}base"
_EXACT = {"uri": "name", "system": "systemId"}
_PREFIX = {"rewriteURI": "uriStartString", "rewriteSystem": "systemIdStartString"}
_SUFFIX = {"uriSuffix": "uriSuffix", "systemSuffix": "systemIdSuffix"}


@dataclass(slots=True)
class LocationMap:
    """Locations and namespaces, each with the local file that stands for it."""

    exact: dict[str, Path] = field(default_factory=dict)
    prefixes: dict[str, str] = field(default_factory=dict)
    suffixes: dict[str, Path] = field(default_factory=dict)
    files: set[Path] = field(default_factory=set)
    """The catalog files that were read."""

    def find(self, location: str) -> Path | None:
        """Return the file for a location; the longest prefix or suffix wins (section 7.2.2)."""
        if location in self.exact:
            return self.exact[location]
        start = max((p for p in self.prefixes if location.startswith(p)), key=len, default=None)
        if start is not None:
            return file_of(self.prefixes[start] + location[len(start) :])
        end = max((s for s in self.suffixes if location.endswith(s)), key=len, default=None)
        return self.suffixes[end] if end is not None else None


def read_location_map(directory: Path) -> LocationMap:
    """Read ``catalog.xml`` of a schema directory; without that file the map is empty."""
    found = LocationMap()
    start = directory / CATALOG_FILE
    if start.is_file():
        _read(start, found)
    return found


def file_of(uri: str) -> Path:
    """Return the path behind a ``file:`` URI or a plain path."""
    return Path(unquote(urlsplit(uri).path))


def _read(path: Path, found: LocationMap) -> None:
    if path in found.files:
        return
    found.files.add(path)
    try:
        root = parse_xml(path.read_bytes())
    except MalformedEvent as error:
        raise CatalogError(error.reason, file=str(path), line=error.line) from error
    except OSError as error:
        raise CatalogError(error.strerror or str(error), file=str(path)) from error
    if root.tag != f"{_NAMESPACE}catalog":
        raise CatalogError(
            f"the root is {root.tag!s}, not an OASIS XML catalog",
            file=str(path),
            line=root.sourceline or 0,
        )
    _read_entries(root, path.as_uri(), found)


def _read_entries(parent: etree._Element, base: str, found: LocationMap) -> None:
    base = urljoin(base, parent.get(_BASE, ""))
    for entry in parent.iterchildren(f"{_NAMESPACE}*"):
        kind = local_name(str(entry.tag))
        here = urljoin(base, entry.get(_BASE, ""))
        target = file_of(urljoin(here, entry.get("uri", "")))
        if kind in _EXACT:
            found.exact.setdefault(entry.get(_EXACT[kind], ""), target)
        elif kind in _SUFFIX:
            found.suffixes.setdefault(entry.get(_SUFFIX[kind], ""), target)
        elif kind in _PREFIX:
            rewritten = urljoin(here, entry.get("rewritePrefix", ""))
            found.prefixes.setdefault(entry.get(_PREFIX[kind], ""), rewritten)
        elif kind == "group":
            _read_entries(entry, base, found)
        elif kind == "nextCatalog":
            _read(file_of(urljoin(here, entry.get("catalog", ""))), found)
