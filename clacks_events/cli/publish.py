"""``clacks-events publish``: events from files or standard input."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass

from clacks_events.bus import Bus, connect
from clacks_events.cli.options import (
    add_headers,
    add_schemas,
    add_url,
    at_least,
    positive,
    schema_directories,
    short_name,
    url_of,
)
from clacks_events.cli.output import complain, located
from clacks_events.cli.stream import Cut, documents_of
from clacks_events.errors import EventError

_BURST = 0.1  # seconds of --rate that may be caught up at once


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of the verb."""
    parser.add_argument(
        "file", nargs="*", default=["-"], help="a file of one or more events; - is standard input"
    )
    add_url(parser)
    add_schemas(parser)
    parser.add_argument(
        "--source", type=short_name, help="who publishes (default: the name of this host)"
    )
    parser.add_argument(
        "--count", type=at_least(1), default=1, metavar="N", help="publish all of it N times"
    )
    parser.add_argument("--rate", type=positive, metavar="N", help="N events a second at the most")
    add_headers(parser, "add a header; may be given several times")
    parser.add_argument("--confirm", action="store_true", help="fail when nobody takes the event")
    parser.add_argument("-q", "--quiet", action="store_true", help="do not print the ids")
    parser.epilog = (
        "An event is an <Event> or a payload alone; a file has any number of them, one after the\n"
        "other. They are published as they arrive, and their ids are printed. One that is refused\n"
        "is reported, and the rest goes on; the exit code is then 1."
    )


def run(arguments: argparse.Namespace) -> int:
    """Publish; what is refused is reported, and the rest goes on."""
    url, source = url_of(arguments), arguments.source
    with connect(url, schemas=schema_directories(arguments), source=source) as bus:
        return _Publication(bus, arguments).run()


@dataclass
class _Publication:
    bus: Bus
    arguments: argparse.Namespace
    published: int = 0
    faults: int = 0

    def run(self) -> int:
        for name, cut in _paced(self._events(), self.arguments.rate):
            try:
                self._publish(cut.data)
            except EventError as error:
                self._report(located(name, cut.line, error))
        if not self.published and not self.faults:
            self._report("no event in it" if self.arguments.file != ["-"] else "no event arrived")
        return int(self.faults > 0)

    def _report(self, fault: object) -> None:
        self.faults += 1
        complain(fault)

    def _publish(self, data: bytes) -> None:
        headers = dict(self.arguments.header)
        sent = self.bus.publish(data, headers=headers, confirm=self.arguments.confirm)
        self.published += 1
        if not self.arguments.quiet:
            print(sent.id, flush=True)

    def _events(self) -> Iterator[tuple[str, Cut]]:
        if self.arguments.count == 1:
            yield from self._read()
        else:
            kept = list(self._read())
            for _ in range(self.arguments.count):
                yield from kept

    def _read(self) -> Iterator[tuple[str, Cut]]:
        for name in self.arguments.file:
            try:
                for cut in documents_of(name):
                    yield name, cut
            except OSError as error:
                self._report(error)


def _paced(events: Iterator[tuple[str, Cut]], rate: float | None) -> Iterator[tuple[str, Cut]]:
    interval = 0.0 if rate is None else 1 / rate
    due = 0.0
    for event in events:
        moment = time.monotonic()
        # Whoever comes late may hurry a little, but a long wait gives no right to a flood.
        due = max(due, moment - _BURST)
        if due > moment:
            time.sleep(due - moment)
        due += interval
        yield event
