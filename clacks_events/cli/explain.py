"""``clacks-events explain``: what becomes of a query."""

from __future__ import annotations

import argparse
from functools import partial

from clacks_events.catalog import Catalog
from clacks_events.cli.options import (
    add_headers,
    add_schemas,
    add_selection,
    query_of,
    schema_directories,
)
from clacks_events.cli.output import complain, located
from clacks_events.cli.stream import Cut, documents_of
from clacks_events.errors import EventError
from clacks_events.event import Event
from clacks_events.filter import Filter, Subject, compile_filter


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of the verb."""
    add_selection(parser)
    add_schemas(parser)
    parser.add_argument("--event", metavar="FILE", help="tell whether the event in a file matches")
    add_headers(parser, "a header that comes with the event; may be given several times")
    parser.epilog = "With --event the exit code is 0 if all events of the file match, 1 if not."


def run(arguments: argparse.Namespace) -> int:
    """Print the stages; with an event the exit code is 1 if it does not match."""
    compiled = compile_filter(
        query_of(arguments),
        catalog=Catalog(schema_directories(arguments), strict=False),
        types=tuple(arguments.type),
        source=arguments.source,
    )
    print(compiled.explain())
    if arguments.event is None:
        return 0
    trial = partial(_matches, compiled, arguments.event, dict(arguments.header))
    matched = [trial(cut) for cut in _events(arguments.event)]
    return int(not all(matched))


def _events(name: str) -> list[Cut]:
    found = list(documents_of(name))
    if not found:
        raise EventError(f"{name}: no event in it")
    return found


def _matches(compiled: Filter, name: str, headers: dict[str, str], cut: Cut) -> bool:
    # Behind it is elementpath, which the other verbs need not wait for.
    from clacks_events.filter.explain import judge

    try:
        subject = Subject(Event.from_xml(cut.data, headers=headers))
    except EventError as error:
        complain(located(name, cut.line, error))
        return False
    found = judge(compiled, subject)
    print(found.text)
    return found.matches
