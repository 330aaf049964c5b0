"""The schema files in force: what is on disk, as far as it compiles and does not conflict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from clacks_events.catalog.declarations import declarations, roots
from clacks_events.catalog.documents import Directory
from clacks_events.catalog.engine import SchemaFile, compile_file
from clacks_events.errors import CatalogError
from clacks_events.xml import local_name

__all__ = ["Store"]


class Store:
    """Entry files of some directories; a file that breaks keeps its last good version."""

    def __init__(self, directories: Iterable[Path]) -> None:
        self._directories = [Directory(path) for path in directories]
        self.files: dict[Path, SchemaFile] = {}
        """The entry files in force."""
        self.roots: dict[str, SchemaFile] = {}
        """The event types by Clark name, each with the entry file that offers it."""
        self.problems: dict[Path, CatalogError] = {}
        """What is on disk and not in force, with the reason."""

    def refresh(self) -> bool:
        """Look at the disk again and tell whether anything changed."""
        self.problems = {}
        found = dict(self._compiled())
        self._forgive_parts(found)
        before = self.files
        self.files = self._without_conflicts(found)
        return list(before.values()) != list(self.files.values())

    def _compiled(self) -> Iterator[tuple[Path, SchemaFile]]:
        seen: set[bytes] = set()
        for directory in self._directories:
            self._refresh_locations(directory)
            for entry in directory.entries():
                file = self._compile(directory, entry) or self.files.get(entry)
                # The same file in two directories is one file, not a conflict.
                if file is not None and file.units[0].document.data not in seen:
                    seen.add(file.units[0].document.data)
                    yield entry, file

    def _refresh_locations(self, directory: Directory) -> None:
        try:
            directory.refresh()
        except CatalogError as error:
            self.problems[Path(error.file)] = error

    def _compile(self, directory: Directory, entry: Path) -> SchemaFile | None:
        known = self.files.get(entry)
        try:
            units = directory.units(entry)
            if known is not None and known.stamps == {
                unit.document.path: unit.document.stamp for unit in units
            }:
                return known
            return compile_file(entry, units)
        except CatalogError as error:
            self.problems[entry] = error
            return None

    def _forgive_parts(self, found: dict[Path, SchemaFile]) -> None:
        # A file that only compiles inside of its includer is a part, not a broken entry.
        parts = {
            unit.document.path
            for entry, file in found.items()
            for unit in file.units
            if unit.document.path != entry
        }
        for part in parts & self.problems.keys():
            del self.problems[part]

    def _without_conflicts(self, found: dict[Path, SchemaFile]) -> dict[Path, SchemaFile]:
        holders = {name: file.path for name, file in self.roots.items()}
        self.roots = {}
        accepted: dict[Path, SchemaFile] = {}

        def rank(entry: Path) -> tuple[bool, bool]:
            # Who held an event type before keeps it; the newcomer is refused.
            names = roots(found[entry], found.keys())
            return entry not in self.files, any(holders.get(n, entry) != entry for n in names)

        for entry in sorted(found, key=rank):
            for file in _versions(found[entry], self.files.get(entry)):
                names = roots(file, found.keys())
                conflict = self._conflict(file, names)
                if conflict is None:
                    accepted[entry] = file
                    for name in names:
                        self.roots.setdefault(name, file)
                    break
                self.problems[entry] = conflict
        return {entry: accepted[entry] for entry in found if entry in accepted}

    def _conflict(self, file: SchemaFile, names: Sequence[str]) -> CatalogError | None:
        for name in names:
            holder = self.roots.get(name)
            if holder is None:
                continue
            here, there = declarations([file])[name], declarations([holder])[name]
            if not here.is_same(there):
                return CatalogError(
                    f"declares the event type {local_name(name)}, which {there.path} declares too",
                    file=str(here.path),
                    line=here.node.sourceline or 0,
                )
        return None


def _versions(new: SchemaFile, last: SchemaFile | None) -> list[SchemaFile]:
    return [new] if last is None or last is new else [new, last]
