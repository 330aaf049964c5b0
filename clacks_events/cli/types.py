"""``clacks-events types``: what can be published."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterator

from lxml import etree

from clacks_events.catalog import Catalog, EventType
from clacks_events.cli.options import add_schemas, schema_directories, wrong_usage
from clacks_events.envelope import NAMESPACE
from clacks_events.xml import local_name

_WIDTH = 96


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of the verb."""
    parser.add_argument("type", nargs="?", help="describe this type: Name or {namespace}Name")
    add_schemas(parser)
    parser.add_argument("--xsd", action="store_true", help="print the schema file of the type")


def run(arguments: argparse.Namespace) -> int:
    """Print the list, or all about one type."""
    if arguments.xsd and arguments.type is None:
        wrong_usage(arguments, "--xsd needs a type")
    catalog = Catalog(schema_directories(arguments), strict=False)
    if arguments.type is None:
        _list(catalog)
    elif arguments.xsd:
        # In the file's own encoding, which its declaration names.
        sys.stdout.buffer.write(catalog.source(arguments.type))
    else:
        print("\n".join(_description(catalog, catalog.type(arguments.type))))
    return 0


def _list(catalog: Catalog) -> None:
    present = {known.namespace for known in catalog.types}
    namespaces = sorted(present, key=lambda name: (name != NAMESPACE, name))
    for namespace in namespaces:
        print(namespace or "(no namespace)")
        known = [found for found in catalog.types if found.namespace == namespace]
        width = max(len(found.local_name) for found in known)
        for found in known:
            summary = found.documentation.split("\n")[0]
            line = f"  {found.local_name:{width}}  {summary}".rstrip()
            print(_cut(line))


def _cut(line: str) -> str:
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"


def _description(catalog: Catalog, known: EventType) -> Iterator[str]:
    yield known.name
    for paragraph in known.documentation.split("\n\n"):
        yield from textwrap.wrap(paragraph, _WIDTH, initial_indent="  ", subsequent_indent="  ")
    yield ""
    yield f"lineage  {' > '.join(map(local_name, known.lineage))}"
    derived = sorted(local_name(name) for name in catalog.derived(known.name) - {known.name})
    if derived:
        yield f"derived  {', '.join(derived)}"
    if known.is_abstract:
        yield "abstract: only the types derived from it can be published"
    yield f"file     {known.file}"
    yield ""
    yield from _fields(catalog, known)
    payload = catalog.sample(known.name).payload
    etree.indent(payload)
    yield ""
    yield "sample"
    yield textwrap.indent(etree.tostring(payload, encoding="unicode"), "  ")


def _fields(catalog: Catalog, known: EventType) -> Iterator[str]:
    rows = [
        ("  " * field.depth + field.name, field.occurs, field.type, field.documentation)
        for field in catalog.fields(known.name)
    ]
    yield "fields" if rows else "no fields"
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for row in rows:
        cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=False))
        yield f"  {'  '.join(cells)}  {' '.join(row[3].split())}".rstrip()
