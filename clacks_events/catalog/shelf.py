"""Hand the documents that were read to the two engines, and nothing else.

Neither of them reads the disk: what is in force is what was read, whatever happened to the files
since then.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from lxml import etree

from clacks_events.catalog.documents import Document, Unit

__all__ = ["Resolver", "Shelf"]

_EMPTY = b""


class Shelf:
    """The documents of one entry file by each of the names that the engines ask for."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self._paths = {unit.document.path: unit.document for unit in units}
        self._locations = {
            link.location: self._paths[link.target]
            for unit in units
            for link in unit.document.links
            if link.target in self._paths and urlsplit(link.location).scheme
        }

    def find(self, url: str) -> Document | None:
        """Return the document for a location as it is written, a path or a ``file:`` URL."""
        path = Path(unquote(urlsplit(url).path))
        return self._locations.get(url) or self._paths.get(Path(url)) or self._paths.get(path)

    def local(self, url: str) -> str:
        """Return the ``file:`` URL of the document for a location; others stay as they are."""
        document = self.find(url)
        return url if document is None else document.path.as_uri()


class Resolver(etree.Resolver):
    """The shelf as libxml2 asks for it."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def resolve(self, system_url: str | None, public_id: str | None, context: Any) -> Any:
        """Return the document, or an empty one for what is not on the shelf."""
        del public_id
        document = self._shelf.find(system_url or "")
        if document is None:
            return self.resolve_string(_EMPTY, context)
        return self.resolve_string(_source(document), context, base_url=str(document.path))


def _source(document: Document) -> bytes:
    if document.root.getroottree().docinfo.internalDTD is None:
        return document.data
    return etree.tostring(document.root)
