"""``clacks-events serve``: an agent that validates and publishes events for others."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import msgspec

from clacks_events.agent import Agent, AgentOptions
from clacks_events.agent.notify import notify
from clacks_events.agent.settings import AgentSettings, read_settings
from clacks_events.bus import connect
from clacks_events.catalog import Catalog
from clacks_events.cli.gateway import gateway_of
from clacks_events.cli.options import (
    add_schemas,
    at_least,
    schema_directories,
    short_name,
    wrong_usage,
)
from clacks_events.config import parse_address
from clacks_events.embedded import DEFAULT_ADDRESS, ensure_server
from clacks_events.ending import end_at_once, stop_on_terminate
from clacks_events.errors import ConfigError
from clacks_events.rpc import DEFAULT_QUEUE
from clacks_events.watching import SchemaWatch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of the verb."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="an agent.toml that says all of this; options given here go before it",
    )
    parser.add_argument("--url", help="a broker that is there (default: $CLACKS_URL)")
    parser.add_argument(
        "--listen",
        type=_address,
        metavar="HOST:PORT",
        help="start an embedded server there unless one answers (default, without a broker:"
        f" {DEFAULT_ADDRESS.removeprefix('zmq://')})",
    )
    parser.add_argument(
        "--keys",
        type=Path,
        metavar="DIR",
        help="the embedded server encrypts, and lets in who has a key: see clacks-events keys",
    )
    add_schemas(parser)
    parser.add_argument("--name", type=short_name, help="of this node (default: that of this host)")
    parser.add_argument("--source", type=short_name, help="who publishes (default: the node)")
    parser.add_argument(
        "--agent", type=short_name, help=f"the queue that agents share ({DEFAULT_QUEUE})"
    )
    parser.add_argument("--workers", type=at_least(1), metavar="N", help="calls at a time (4)")
    parser.add_argument(
        "--policy", type=Path, metavar="FILE", help="who may do what (default: all may everything)"
    )
    parser.add_argument(
        "--http",
        metavar="HOST:PORT",
        help="open the gateway there, for HTTP and WebSocket clients (--config has its options)",
    )
    parser.epilog = (
        "Ctrl-C or SIGTERM ends it, after the calls that run, with exit code 0; a second one ends\n"
        "it at once."
    )


def _address(text: str) -> str:
    try:
        return _server_url(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _server_url(text: str) -> str:
    parse_address(text)
    return f"zmq://{text}"


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM, then finish the calls that run."""
    stop_on_terminate()
    settings = _settings(arguments)
    # One broken file must not keep the agent from starting: it is logged, the rest is served.
    catalog = Catalog(settings.schemas, strict=False)
    with ExitStack() as stack:
        stack.callback(SchemaWatch(catalog).close)
        url = settings.url or _ensured(settings, stack)
        source = settings.source or settings.name
        bus = stack.enter_context(connect(url, catalog=catalog, source=source))
        agent = Agent(
            bus,
            name=settings.name,
            queue=settings.queue,
            workers=settings.workers,
            policy=settings.policy,
            options=AgentOptions(status_interval=settings.status_interval),
        )
        gateway = gateway_of(agent, settings)
        stack.enter_context(agent)
        if gateway is not None:
            stack.enter_context(gateway)
        # What is there by now stays: the collector, which takes 30 ms to walk through it, need not.
        gc.collect()
        gc.freeze()
        _wait(agent, "" if gateway is None else f", gateway at {gateway.url}")
    return 0


def _wait(agent: Agent, more: str) -> None:
    state = f"serving {agent.queue} at {agent.bus.transport.url}{more}"
    try:
        # Whoever is told may end it at once.
        print(state, file=sys.stderr, flush=True)
        notify(f"READY=1\nSTATUS={state}")
        threading.Event().wait()
    except KeyboardInterrupt:
        notify("STOPPING=1")
        print("leaving, when the calls that run are done", file=sys.stderr, flush=True)
        end_at_once()


def _settings(arguments: argparse.Namespace) -> AgentSettings:
    """Return what the file says, except where the command line says something else."""
    wants_server = arguments.listen is not None or arguments.keys is not None
    if arguments.url and wants_server:
        wrong_usage(arguments, "--url is a broker that is there; --listen and --keys start one")
    settings = read_settings(arguments.config) if arguments.config else AgentSettings()
    given = {
        "url": arguments.url,
        "listen": arguments.listen,
        "keys": arguments.keys,
        "name": arguments.name,
        "source": arguments.source,
        "queue": arguments.agent,
        "workers": arguments.workers,
        "policy": arguments.policy,
        "http": arguments.http,
        "schemas": tuple(schema_directories(arguments)) or None,
    }
    settings = msgspec.structs.replace(
        settings, **{name: value for name, value in given.items() if value is not None}
    )
    return msgspec.structs.replace(settings, url=_url(settings, is_said=bool(arguments.url)))


def _url(settings: AgentSettings, *, is_said: bool) -> str | None:
    if is_said:
        return settings.url
    if settings.listen is not None or settings.keys is not None:
        return None
    return settings.url or os.environ.get("CLACKS_URL")


def _ensured(settings: AgentSettings, stack: ExitStack) -> str:
    address = settings.listen or DEFAULT_ADDRESS
    url = address if address.startswith("zmq://") else _server_url(address)
    server = stack.enter_context(ensure_server(url, keys=settings.keys))
    if not server.is_owner:
        print("a server answers there already", file=sys.stderr, flush=True)
    return server.url
