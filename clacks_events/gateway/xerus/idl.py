"""IDL type names and the event types that they stand for.

A client names a type by its own firmware's version, as in
``sensors.NumericSensor_4_0_9.StateChangedEvent:1.0.0``; types are found by the exact name first,
then by the name without ``_4_0_9`` and ``:1.0.0``.
"""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock

from clacks_events.catalog import Catalog
from clacks_events.catalog.idl import Struct
from clacks_events.errors import CatalogError, UnknownEventType
from clacks_events.event import JsonValue
from clacks_events.gateway.xerus.idl_reader import Reader, reader
from clacks_events.gateway.xerus.idl_writer import Writer, writer

__all__ = ["IdlEventType", "IdlTypes", "unversioned"]

log = logging.getLogger(__name__)

_VERSION = re.compile(r"_\d+_\d+_\d+(?=[.:]|$)|:[\d.]+$", re.ASCII)
_NAME = re.compile(r"\w+(\.\w+)*(:\d+(\.\d+)*)?", re.ASCII)
_NUMBER = re.compile(r"\d+", re.ASCII)
_LONGEST = 256  # characters of a name; the longest of the real ones has 91


def unversioned(name: str) -> str:
    """Return an IDL type name without the versions in it."""
    return _VERSION.sub("", name)


@dataclass(frozen=True, eq=False)
class IdlEventType:
    """One event type under both of its names, with what its events are made of."""

    name: str
    """The IDL name with its versions."""
    tag: str
    """The Clark name of the payload."""
    parent: str | None
    """The IDL name of the nearest base type that has one."""
    struct: Struct

    @cached_property
    def read(self) -> Reader:
        """What makes the JSON of a payload."""
        return reader(self.struct)

    @cached_property
    def write(self) -> Writer:
        """What fills a payload from its JSON."""
        return writer(self.struct)


class IdlTypes:
    """The event types of a catalog that have an IDL name; follows its changes.

    Safe to use from several threads.
    """

    def __init__(self, catalog: Catalog) -> None:
        """Read the types of a catalog; what cannot be used is logged and left out.

        Takes up to a second, and does its share again whenever the catalog changes.
        """
        self.catalog = catalog
        self._table = _Table()
        self._lock = Lock()
        self._end = catalog.on_change(self._refresh)
        self._refresh()

    def close(self) -> None:
        """Follow the catalog no more."""
        self._end()

    @property
    def problems(self) -> tuple[CatalogError, ...]:
        """The event types with an IDL name that cannot be used, with the reasons."""
        return self._table.problems

    @property
    def names(self) -> tuple[str, ...]:
        """The IDL names, with versions, sorted."""
        return tuple(sorted(self._table.by_name))

    def find(self, name: str, path: str = "") -> IdlEventType:
        """Return the event type of an IDL name, whatever versions it says.

        Raises UnknownEventType, with near matches and the JSON ``path`` of the name.
        """
        found = self._table.by_name.get(name) if len(name) <= _LONGEST else None
        found = found or self._table.by_base.get(unversioned(name[:_LONGEST]))
        if found is None or len(name) > _LONGEST:
            raise self._unknown(name, path)
        return found

    def of(self, tag: str) -> IdlEventType | None:
        """Return the event type of a Clark name; None when it has no IDL name."""
        return self._table.by_tag.get(tag)

    def tag(self, name: str) -> str:
        """Return the Clark name of an IDL name; raises as ``find`` does."""
        return self.find(name).tag

    def name(self, tag: str) -> str | None:
        """Return the IDL name of a Clark name, None when it has none."""
        found = self.of(tag)
        return None if found is None else found.name

    def info(self, name: str) -> JsonValue:
        """Return an IDL type with all that it derives from; raises as ``find`` does.

        As ``{"id": name, "parent": {…} or None}``, the result of Xerus' ``getTypeInfo``.
        """
        chain = [self.find(name)]
        while (parent := chain[-1].parent) is not None:
            chain.append(self._table.by_name[parent])
        info: JsonValue = None
        for each in reversed(chain):
            info = {"id": each.name, "parent": info}
        return info

    def _unknown(self, name: str, path: str) -> UnknownEventType:
        shown = name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…"
        known = self._table.by_base
        near = difflib.get_close_matches(unversioned(name[:_LONGEST]), known, n=3)
        hint = f"; did you mean {', '.join(known[base].name for base in near)}?" if near else ""
        return UnknownEventType(f"no event type has the IDL name {shown!r}{hint}", path=path)

    def _refresh(self) -> None:
        # One at a time, lest an older table replaces a newer one.
        with self._lock:
            known = [str(problem) for problem in self.problems]
            self._table = _read(self.catalog)
        for problem in self.problems:
            if str(problem) not in known:
                log.error("not for Xerus clients: %s", problem)


@dataclass(frozen=True, eq=False)
class _Table:
    by_name: Mapping[str, IdlEventType] = field(default_factory=dict)
    by_base: Mapping[str, IdlEventType] = field(default_factory=dict)
    by_tag: Mapping[str, IdlEventType] = field(default_factory=dict)
    problems: tuple[CatalogError, ...] = ()


def _read(catalog: Catalog) -> _Table:
    structs, problems = _structs(catalog)
    types = {
        tag: IdlEventType(name, tag, _parent(catalog, tag, structs), struct)
        for tag, (name, struct) in structs.items()
    }
    # Of several versions of a type the newest one is meant, unless it is named exactly.
    ordered = sorted(types.values(), key=lambda each: _version(each.name))
    return _Table(
        {each.name: each for each in ordered},
        {unversioned(each.name): each for each in ordered},
        types,
        problems,
    )


def _structs(
    catalog: Catalog,
) -> tuple[dict[str, tuple[str, Struct]], tuple[CatalogError, ...]]:
    found: dict[str, tuple[str, Struct]] = {}
    owners: dict[str, str] = {}
    problems = []
    for tag, name in catalog.idl_names().items():
        try:
            _check_name(tag, name, owners)
            found[tag] = name, catalog.idl_struct(tag)
            owners[name] = tag
        except CatalogError as error:
            problems.append(error)
        except UnknownEventType:
            # It has just gone, and whoever has noticed will tell.
            continue
    return found, tuple(problems)


def _check_name(tag: str, name: str, owners: Mapping[str, str]) -> None:
    if len(name) > _LONGEST or not _NAME.fullmatch(name):
        raise CatalogError(f"{tag}: {name[:_LONGEST]!r} is no name of an IDL type")
    if name in owners:
        raise CatalogError(f"{tag}: {owners[name]} has the IDL name {name} already")


def _parent(catalog: Catalog, tag: str, known: Mapping[str, tuple[str, Struct]]) -> str | None:
    above = reversed(catalog.lineage(tag)[:-1])
    return next((known[base][0] for base in above if base in known), None)


def _version(name: str) -> list[int]:
    return [int(number) for each in _VERSION.findall(name) for number in _NUMBER.findall(each)]
