"""The catalog: all schemas, and from them type -> validity, lineage, documentation.

Drop an XSD file into a directory of the catalog and its event types exist. Files directly in the
directory are entry points; files in its subdirectories are there to be included or imported.
"""

from __future__ import annotations

import copy
import difflib
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from lxml import etree

from clacks_events.catalog.declarations import Declaration
from clacks_events.catalog.engine import SchemaFile
from clacks_events.catalog.snapshot import EventType, take_snapshot
from clacks_events.catalog.store import Store
from clacks_events.catalog.type_lineage import TypeLineage
from clacks_events.envelope import payload_of
from clacks_events.errors import CatalogError, ConfigError, InvalidEvent, UnknownEventType
from clacks_events.event import Event, JsonValue
from clacks_events.xml import detached, local_name

if TYPE_CHECKING:
    from xmlschema import XsdElement

    from clacks_events.catalog.describe import Field
    from clacks_events.catalog.idl import Struct

__all__ = ["BUILTIN_SCHEMAS", "Catalog", "EventType", "TypeLineage"]

log = logging.getLogger(__name__)


def _builtin_schemas() -> Path:
    # In a wheel the schemas lie inside of the package, in a checkout beside it.
    package = Path(__file__).parents[1]
    installed = package / "schemas"
    return installed if installed.is_dir() else package.parent / "schemas"


BUILTIN_SCHEMAS = _builtin_schemas()
"""The directory of the built-in event types."""


class Catalog:
    """All event types of the built-in schemas and of any number of further directories.

    Safe to use from several threads. ``problems`` lists what is on disk and could not be used.
    """

    def __init__(
        self, directories: Iterable[str | Path] = (), *, builtin: bool = True, strict: bool = True
    ) -> None:
        """Load all schemas.

        Raises ConfigError for what is no directory and, unless ``strict`` is false, CatalogError
        for the first file that cannot be used.
        """
        paths = [Path(directory).expanduser().resolve() for directory in directories]
        missing = next((path for path in paths if not path.is_dir()), None)
        if missing is not None:
            raise ConfigError(f"no schema directory at {missing}")
        self.directories = tuple(dict.fromkeys([BUILTIN_SCHEMAS] * builtin + paths))
        self._lock = RLock()
        self._listeners: list[Callable[[], None]] = []
        self._store = Store(self.directories)
        self._store.refresh()
        self._snapshot = take_snapshot(self._store)
        if strict and self.problems:
            raise self.problems[0]
        self._report(())

    @property
    def problems(self) -> tuple[CatalogError, ...]:
        """What is on disk and not in force, with file, line and reason."""
        return tuple(self._store.problems.values())

    def refresh(self) -> bool:
        """Look at the disk again and tell whether anything changed.

        A broken file is logged and its last good version stays in force.
        """
        with self._lock:
            known = [str(problem) for problem in self.problems]
            changed = self._store.refresh()
            if changed:
                self._snapshot = take_snapshot(self._store)
            self._report(known)
        for listener in tuple(self._listeners) if changed else ():
            listener()
        return changed

    def _report(self, known: Sequence[str]) -> None:
        for problem in self.problems:
            if str(problem) not in known:
                log.error("schema refused: %s", problem)

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after each refresh that changed something.

        Returns a function that ends this.
        """

        # Wrapped, so that each of two equal listeners is told apart.
        def entry() -> None:
            listener()

        self._listeners.append(entry)

        def end() -> None:
            if entry in self._listeners:
                self._listeners.remove(entry)

        return end

    @property
    def types(self) -> tuple[EventType, ...]:
        """The event types, sorted by name."""
        return tuple(self._snapshot.types.values())

    def type(self, name: str) -> EventType:
        """Return the event type of a Clark name or of an unambiguous local name.

        Raises UnknownEventType, with near matches.
        """
        full = self.resolve(name)
        found = self._snapshot.types.get(full)
        if found is None:
            raise UnknownEventType(f"{name!r} is declared, but only as a part of other types")
        return found

    def resolve(self, name: str) -> str:
        """Return the Clark name of a declared element named in Clark or local form.

        Raises UnknownEventType when no schema declares it or several namespaces do.
        """
        found = self._snapshot.named(name)
        if len(found) == 1:
            return found[0]
        if found:
            raise UnknownEventType(f"{name!r} could be any of {', '.join(sorted(found))}")
        raise self._unknown(name)

    def lineage(self, name: str) -> tuple[str, ...]:
        """Return the substitution-group chain of a Clark name, root first, itself last."""
        return self._snapshot.lineage(name)

    def derived(self, name: str) -> frozenset[str]:
        """Return the Clark names of all that can stand for an element, itself included."""
        return self._snapshot.derived.get(name, frozenset((name,)))

    def derived_from_type(self, name: str) -> TypeLineage | None:
        """Return what has the schema type of a Clark name, or one that derives from it.

        None when no schema declares the type.
        """
        return self._snapshot.schema_types.lineage(name)

    def near_types(self, name: str) -> list[str]:
        """Return the schema types that look like a Clark name, as Clark names, best first."""
        return self._snapshot.schema_types.near(name)

    def knows(self, name: str) -> bool:
        """Tell whether a schema declares the element of this Clark name."""
        return name in self._snapshot.elements

    def validate(self, event: Event | etree._Element, *, is_shared: bool = True) -> None:
        """Raise UnknownEventType or InvalidEvent unless the payload is valid.

        An element is taken as a bare payload. Unless other threads may see it too
        (``is_shared``), no copy of it is needed.
        """
        payload = event.element if isinstance(event, Event) else event
        declaration = self._snapshot.elements.get(str(payload.tag))
        if declaration is None:
            raise self._unknown(str(payload.tag), payload.sourceline or 0)
        files = declaration.files
        # lxml rearranges the tree around what it validates, which others must not see.
        if isinstance(event, Event) and files[0].accepts(_own(event) if is_shared else payload):
            return
        alone = detached(payload)
        try:
            files[0].validate(alone, payload)
        except InvalidEvent:
            # A file that imports this one may add members to its substitution groups.
            if not any(_accepts(file, alone, payload) for file in files[1:]):
                raise

    def _unknown(self, name: str, line: int = 0) -> UnknownEventType:
        local = local_name(name)
        twins = [full for full in self._snapshot.types if local_name(full) == local]
        near = difflib.get_close_matches(local, map(local_name, self._snapshot.types), n=3)
        if twins:
            hint = f"; it is known as {', '.join(twins)}"
        else:
            hint = f"; did you mean {', '.join(near)}?" if near else ""
        path = f"/Event/{local}" if line else ""
        return UnknownEventType(f"no schema declares {name}{hint}", path=path, line=line)

    def to_json(self, payload: etree._Element) -> JsonValue:
        """Return a payload as plain data, typed by its schema."""
        from clacks_events.catalog.typed_json import to_json

        return to_json(self._component(str(payload.tag)), payload)

    def build(self, name: str, data: object) -> Event:
        """Make a valid event from plain data, in the form that ``Event.json()`` gives.

        Raises UnknownEventType, or InvalidEvent with the path of what does not fit.
        """
        from clacks_events.catalog.build import from_json

        event = Event(from_json(self._component(self.resolve(name)), data), decoder=self)
        self.validate(event)
        return event

    def sample(self, name: str) -> Event:
        """Make an example event of a type."""
        from clacks_events.catalog.sample import sample

        return Event(sample(self._component(self.resolve(name))), decoder=self)

    def json_schema(self, name: str) -> dict[str, Any]:
        """Return the JSON Schema (2020-12) of the JSON form of a type's payload."""
        from clacks_events.catalog.json_schema import json_schema

        declaration = self._declaration(self.resolve(name))
        return json_schema(self._component(declaration.name), is_open=len(declaration.files) > 1)

    def fields(self, name: str) -> list[Field]:
        """Return the field table of a type."""
        from clacks_events.catalog.describe import fields

        return fields(self._component(self.resolve(name)))

    def idl_names(self) -> dict[str, str]:
        """Return the Xerus IDL names that event types say, by their Clark names.

        Those of the first directory come first.
        """
        from clacks_events.catalog.idl import idl_name

        known = self._snapshot
        types = sorted(known.types.values(), key=lambda kind: self._rank(kind.file))
        said = {kind.name: idl_name(known.elements[kind.name].node) for kind in types}
        return {name: idl for name, idl in said.items() if idl}

    def _rank(self, file: Path) -> int:
        homes = (at for at, home in enumerate(self.directories) if file.is_relative_to(home))
        return next(homes, len(self.directories))

    def idl_struct(self, name: str) -> Struct:
        """Return an event type as Xerus IDL has it.

        Raises UnknownEventType, or CatalogError for a content that IDL does not know.
        """
        from clacks_events.catalog.idl import idl_struct

        return idl_struct(self._component(self.resolve(name)))

    def source(self, name: str) -> bytes:
        """Return the XSD file that declares a type, as it is in force."""
        return self._declaration(self.resolve(name)).document.data

    def schema_files(self) -> dict[Path, bytes]:
        """Return the XSD files in force, with those that they include and import."""
        units = [unit for file in self._snapshot.files for unit in file.units]
        return {unit.document.path: unit.document.data for unit in units}

    def check(self, path: Path) -> None:
        """Raise CatalogError unless an entry file in force passes the thorough check as well.

        libxml2 accepts some invalid schemas; xmlschema follows the specification.
        """
        file = self._store.files.get(path)
        if file is None:
            raise self._store.problems.get(path, CatalogError("not in the catalog", file=str(path)))
        file.components()

    def _declaration(self, full: str) -> Declaration:
        declaration = self._snapshot.elements.get(full)
        if declaration is None:
            raise self._unknown(full)
        return declaration

    def _component(self, full: str) -> XsdElement:
        return self._declaration(full).files[0].components().maps.elements[full]


def _own(event: Event) -> etree._Element:
    """Return the payload of an event inside of a copy of its envelope, with all its prefixes."""
    return payload_of(copy.copy(event.document.getroot()))


def _accepts(file: SchemaFile, payload: etree._Element, origin: etree._Element) -> bool:
    try:
        file.validate(payload, origin)
    except InvalidEvent:
        return False
    return True
