"""``clacks-events who``: show who is on the bus."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import TypeAlias

from clacks_events.agent.nodes import NodeRoster
from clacks_events.agent.peer_events import client_poll
from clacks_events.agent.peers import PeerChange, PeerKind
from clacks_events.bus import Bus, connect
from clacks_events.cli.options import (
    add_schemas,
    add_url,
    positive,
    schema_directories,
    short_name,
    url_of,
)
from clacks_events.cli.output import complain, is_abandoned
from clacks_events.cli.roster_text import (
    Present,
    change_as_json,
    change_as_line,
    present_as_json,
    present_as_table,
)
from clacks_events.ending import stop_on_terminate
from clacks_events.errors import ClacksError, RpcTimeout, TransportError, UnknownCommand
from clacks_events.presence import Change, Kind
from clacks_events.rpc import DEFAULT_QUEUE, RpcClient
from clacks_events.signals import Roster
from clacks_events.signals.pulse import Pulse

News: TypeAlias = "SimpleQueue[PeerChange | Change]"

# All in seconds.
_GLANCE = 0.5  # between two looks whether anybody still reads what is printed
_SHOWN_AT_LEAST = 0.2  # between two pictures, whatever happens
_SHOWN_AT_MOST = 1.0  # the same, when nothing does: times go on

_HOME, _END_OF_LINE, _REST = "\x1b[H", "\x1b[K\n", "\x1b[J"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of the verb."""
    add_url(parser)
    add_schemas(parser)
    parser.add_argument(
        "--agent",
        type=short_name,
        default=DEFAULT_QUEUE,
        metavar="QUEUE",
        help=f"whom to ask first who is there ({DEFAULT_QUEUE})",
    )
    parser.add_argument(
        "--wait", type=positive, default=1.0, metavar="SECONDS", help="how long for answers (1)"
    )
    parser.add_argument("--once", action="store_true", help="print who is there, and end")
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")
    parser.epilog = (
        "On a terminal it is a table that is kept up to date, else a line for each change.\n"
        "Ctrl-C ends it, with exit code 130."
    )


def run(arguments: argparse.Namespace) -> int:
    """Show who is there, once or until Ctrl-C."""
    stop_on_terminate()
    news: News = SimpleQueue()
    with ExitStack() as stack:
        bus = stack.enter_context(connect(url_of(arguments), schemas=schema_directories(arguments)))
        pulse = Pulse()
        stack.callback(pulse.close)
        roster = NodeRoster(bus, pulse)
        roster.on_change(news.put)
        stack.enter_context(roster)
        senders = bus.roster()
        senders.on_change(news.put)
        _ask(bus, roster, arguments)
        _show(roster, senders, news, arguments)
    return 0


def _ask(bus: Bus, roster: NodeRoster, arguments: argparse.Namespace) -> None:
    """Let an agent tell whom it knows, or, without one, the clients who they are."""
    try:
        with closing(
            RpcClient(bus.transport, queue=arguments.agent, timeout=arguments.wait)
        ) as client:
            roster.learn(client.call("getNodes", []), client.call("getClients", []))
    except (RpcTimeout, UnknownCommand):
        bus.publish(client_poll())
        if arguments.once:
            time.sleep(arguments.wait)
    except TransportError:
        raise
    except ClacksError as error:
        complain(f"the agent does not say who is there, so that it takes a while: {error}")


def _show(roster: NodeRoster, senders: Roster, news: News, arguments: argparse.Namespace) -> None:
    def present() -> Present:
        return Present(roster.nodes(), roster.clients(), tuple(senders))

    if arguments.once:
        print(_once(present(), arguments), flush=True)
    elif sys.stdout.isatty() and not arguments.json and os.environ.get("TERM") != "dumb":
        _refresh(present, news)
    else:
        print("watching; Ctrl-C ends", file=sys.stderr, flush=True)
        _follow(senders, news, change_as_json if arguments.json else change_as_line)


def _once(present: Present, arguments: argparse.Namespace) -> str:
    return present_as_json(present) if arguments.json else "\n".join(present_as_table(present))


def _refresh(present: Callable[[], Present], news: News) -> None:
    while True:
        size = shutil.get_terminal_size()
        lines = present_as_table(present())
        if len(lines) >= size.lines:
            hidden = len(lines) - size.lines + 2
            lines = [*lines[: size.lines - 2], f"… {hidden} lines more"]
        cut = (line[: size.columns - 1] for line in lines)
        picture = "".join(f"{line}{_END_OF_LINE}" for line in cut)
        print(f"{_HOME}{picture}{_REST}", end="", flush=True)
        time.sleep(_SHOWN_AT_LEAST)
        _take_all(news)


def _take_all(news: News) -> None:
    """Wait for something new and take it with all that came since."""
    try:
        news.get(timeout=_SHOWN_AT_MOST)
        while True:
            news.get_nowait()
    except Empty:
        return


def _follow(
    senders: Roster, news: News, shown: Callable[[PeerChange | Change, datetime], str]
) -> None:
    there = tuple(senders)
    for sender in there:
        print(shown(Change(Kind.ANNOUNCED, sender), _now()), flush=True)
    told = {sender.instance for sender in there}
    while True:
        change = _next(news)
        if not _is_known(change, told):
            print(shown(change, _now()), flush=True)


def _is_known(change: PeerChange | Change, told: set[str]) -> bool:
    if isinstance(change, PeerChange):
        # What is measured changes all the time; whoever wants that watches NodeStatus.
        return change.kind is PeerKind.REPORTED
    is_told = change.announcement.instance in told
    return is_told and change.kind is Kind.ANNOUNCED


def _next(news: News) -> PeerChange | Change:
    while True:
        try:
            return news.get(timeout=_GLANCE)
        except Empty:
            if is_abandoned(sys.stdout):
                raise BrokenPipeError from None


def _now() -> datetime:
    return datetime.now(UTC).astimezone()
