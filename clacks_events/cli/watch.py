"""``clacks-events watch``: print the events that match."""

from __future__ import annotations

import argparse
import sys
import time

from clacks_events.bus import connect
from clacks_events.cli.options import (
    add_schemas,
    add_selection,
    add_url,
    at_least,
    positive,
    query_of,
    schema_directories,
    url_of,
)
from clacks_events.cli.output import complain, is_abandoned, use_utf8
from clacks_events.cli.show import is_coloured, show_event
from clacks_events.config import BusOptions
from clacks_events.ending import stop_on_terminate
from clacks_events.event import Event
from clacks_events.subscription import Subscription

_GLANCE = 0.5  # seconds between two looks whether anybody still reads what is printed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of the verb."""
    add_selection(parser)
    add_url(parser)
    add_schemas(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--json",
        dest="form",
        action="store_const",
        const="json",
        help="one JSON object a line, typed by the schema; without a schema it has the XML instead",
    )
    form.add_argument(
        "--raw", dest="form", action="store_const", const="raw", help="the XML as it was received"
    )
    parser.add_argument("--count", type=at_least(1), metavar="N", help="end after N events")
    parser.add_argument(
        "--timeout",
        type=positive,
        metavar="SECONDS",
        help="end after so long without an event, with exit code 1",
    )
    parser.epilog = "Ctrl-C ends it, with exit code 130."


def run(arguments: argparse.Namespace) -> int:
    """Print until the count is reached or Ctrl-C."""
    stop_on_terminate()
    url, query = url_of(arguments), query_of(arguments)
    if arguments.form:
        use_utf8()
    # To see what is on the bus is the purpose, also what is not valid here.
    options = BusOptions(check_incoming=False)
    with (
        connect(url, schemas=schema_directories(arguments), options=options) as bus,
        bus.subscribe(query, types=arguments.type, source=arguments.source) as subscription,
    ):
        print("watching; Ctrl-C ends", file=sys.stderr, flush=True)
        return _print(subscription, arguments)


def _print(subscription: Subscription, arguments: argparse.Namespace) -> int:
    coloured = is_coloured(sys.stdout)
    left = arguments.count
    while left is None or left > 0:
        try:
            event = _next(subscription, arguments.timeout)
        except TimeoutError as error:
            complain(error)
            return 1
        print(show_event(event, arguments.form or "pretty", coloured=coloured), flush=True)
        left = None if left is None else left - 1
    return 0


def _next(subscription: Subscription, timeout: float | None) -> Event:
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        left = _GLANCE if end is None else min(_GLANCE, end - time.monotonic())
        try:
            return subscription.get(max(0.0, left))
        except TimeoutError:
            if is_abandoned(sys.stdout):
                raise BrokenPipeError from None
            if end is not None and time.monotonic() >= end:
                raise TimeoutError(f"no event within {timeout:g} s") from None
