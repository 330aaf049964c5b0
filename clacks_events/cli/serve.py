"""``clacks-events serve``: an agent that validates and publishes events for others."""

from __future__ import annotations

import argparse
import sys
import threading
from contextlib import ExitStack

from clacks_events.agent import Agent
from clacks_events.bus import connect
from clacks_events.catalog import Catalog
from clacks_events.cli.options import (
    add_schemas,
    add_url,
    at_least,
    schema_directories,
    short_name,
    url_of,
)
from clacks_events.cli.signals import end_at_once, stop_on_terminate
from clacks_events.rpc import DEFAULT_QUEUE
from clacks_events.watching import SchemaWatch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of the verb."""
    add_url(parser)
    add_schemas(parser)
    parser.add_argument(
        "--source", type=short_name, help="who publishes (default: the name of this host)"
    )
    parser.add_argument(
        "--agent", type=short_name, default=DEFAULT_QUEUE, help=f"its name ({DEFAULT_QUEUE})"
    )
    parser.add_argument(
        "--workers", type=at_least(1), default=4, metavar="N", help="calls at a time (4)"
    )
    parser.epilog = (
        "Ctrl-C or SIGTERM ends it, after the calls that run, with exit code 0; a second one ends\n"
        "it at once."
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM, then finish the calls that run."""
    stop_on_terminate()
    url = url_of(arguments)
    # One broken file must not keep the agent from starting: it is logged, the rest is served.
    catalog = Catalog(schema_directories(arguments), strict=False)
    with ExitStack() as stack:
        stack.callback(SchemaWatch(catalog).close)
        bus = stack.enter_context(connect(url, catalog=catalog, source=arguments.source))
        agent = Agent(bus, queue=arguments.agent, workers=arguments.workers)
        stack.callback(agent.close)
        print(f"serving {arguments.agent} at {bus.transport.url}", file=sys.stderr, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("leaving, when the calls that run are done", file=sys.stderr, flush=True)
            end_at_once()
    return 0
