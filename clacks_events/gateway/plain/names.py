"""The paths under which types and schema files are found."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from urllib.parse import quote

from clacks_events.catalog import Catalog, EventType
from clacks_events.envelope import NAMESPACE

__all__ = ["Names", "file_names"]


class Names:
    """The paths of everything in a catalog, at one moment."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._times = Counter(known.local_name for known in catalog.types)
        self._files = {path: name for name, path in file_names(catalog).items()}

    def of_type(self, known: EventType) -> str:
        """Return the path of a type: by its local name where that is enough."""
        local = known.local_name
        is_clear = self._times[local] == 1 or known.namespace == NAMESPACE
        if local != known.name and self._catalog.knows(local):
            is_clear = False  # an element without namespace has that name
        return f"/types/{quote(local if is_clear else known.name, safe='')}"

    def of_file(self, path: Path) -> str | None:
        """Return the path of a schema file; None for one that is not in force."""
        name = self._files.get(path)
        return None if name is None else f"/schemas/{quote(name)}"


def file_names(catalog: Catalog) -> dict[str, Path]:
    """Return the schema files in force by name: the path below their directory of the catalog.

    Of two with one path, the later one has the number of its directory before it.
    """
    found: dict[str, Path] = {}
    left = sorted(catalog.schema_files())
    for number, directory in enumerate(catalog.directories, 1):
        for path in [each for each in left if each.is_relative_to(directory)]:
            left.remove(path)
            name = path.relative_to(directory).as_posix()
            found[name if name not in found else f"{number}/{name}"] = path
    return found
