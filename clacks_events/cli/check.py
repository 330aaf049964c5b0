"""``clacks-events check``: validate events and schemas without a broker."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clacks_events.catalog import Catalog
from clacks_events.cli.options import add_schemas, schema_directories
from clacks_events.cli.output import located, plain, redacted
from clacks_events.cli.stream import documents_of
from clacks_events.errors import CatalogError, EventError
from clacks_events.event import Event

_LOCATIONS = "catalog.xml"  # an OASIS XML Catalog beside the schemas, not an event


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of the verb."""
    parser.add_argument(
        "file",
        nargs="+",
        help="a file of events, a schema file ending in .xsd, or a directory, which stands for the"
        " .xml and .xsd files directly in it; - is events on standard input",
    )
    add_schemas(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="print faults only")
    parser.epilog = (
        "Prints one line for each fault, as file:line: what; the exit code is then 1.\n"
        "A schema is checked against the whole specification, not only until it can be used."
    )


def run(arguments: argparse.Namespace) -> int:
    """Check each file; the exit code is 1 if any has a fault."""
    with _unlogged():
        catalog = Catalog(schema_directories(arguments), strict=False)
        problems = [_of_schema(problem) for problem in catalog.problems]
        checked = [_check(name, catalog, arguments.quiet) for name in _files(arguments.file)]
    faults = dict.fromkeys([*problems, *(fault for faults in checked for fault in faults)])
    for fault in faults:
        print(plain(redacted(fault)))
    return int(bool(faults))


@contextmanager
def _unlogged() -> Iterator[None]:
    # The catalog logs what it refuses; here the same is the result.
    log = logging.getLogger("clacks_events.catalog")
    before = log.disabled
    log.disabled = True
    try:
        yield
    finally:
        log.disabled = before


def _files(names: list[str]) -> Iterator[str]:
    for name in names:
        is_directory = name != "-" and Path(name).is_dir()
        inside = sorted(map(str, _entries(Path(name)))) if is_directory else []
        yield from inside or [name]


def _entries(directory: Path) -> Iterator[Path]:
    for path in directory.iterdir():
        if path.suffix.lower() in (".xml", ".xsd") and path.name != _LOCATIONS and path.is_file():
            yield path


def _check(name: str, catalog: Catalog, quiet: bool) -> list[str]:
    try:
        faults = _faults(name, catalog)
    except OSError as error:
        return [f"{name}: {error.strerror or error}"]
    if not faults and not quiet:
        print(plain(redacted(f"{name}: valid")), file=sys.stderr)
    return faults


def _faults(name: str, catalog: Catalog) -> list[str]:
    path = Path(name)
    if name != "-" and path.is_dir():
        return [f"{name}: no .xml or .xsd file in it"]
    if path.suffix.lower() == ".xsd":
        return _check_schema(path, catalog)
    return _check_events(name, catalog)


def _check_schema(path: Path, catalog: Catalog) -> list[str]:
    # What cannot be read is not the schema's fault.
    path.open("rb").close()
    path = path.resolve()
    if path.parent not in catalog.directories:
        catalog = Catalog([path.parent], builtin=False, strict=False)
    try:
        catalog.check(path)
    except CatalogError as error:
        return [_of_schema(error)]
    return []


def _of_schema(error: CatalogError) -> str:
    shown = CatalogError(" ".join(error.reason.split()), file=_near(error.file), line=error.line)
    return str(shown)


def _near(file: str) -> str:
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file


def _check_events(name: str, catalog: Catalog) -> list[str]:
    faults, count = [], 0
    for count, cut in enumerate(documents_of(name), 1):  # noqa: B007
        try:
            catalog.validate(Event.from_xml(cut.data))
        except EventError as error:
            faults.append(located(name, cut.line, error))
    return faults if count else [f"{name}:1: no event in it"]
