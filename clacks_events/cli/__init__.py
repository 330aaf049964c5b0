"""The command line: one verb a file, and the table of them here."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import NoReturn

from clacks_events.cli.output import (
    complain,
    drop_output,
    open_missing_streams,
    redacted,
    set_up_log,
)
from clacks_events.ending import end_at_once
from clacks_events.errors import ClacksError

__all__ = ["COMMANDS", "main"]

log = logging.getLogger(__name__)

COMMANDS = {
    "publish": "publish events from files or standard input",
    "watch": "print the events that match a query",
    "check": "validate events and schemas",
    "types": "list the event types, or describe one",
    "explain": "show what becomes of a query",
    "serve": "run an agent that publishes events for others, and a server if there is none",
    "call": "call a command of an agent",
    "keys": "make the keys of a server and its clients",
    "policy": "tell who may do what by a policy file, and make secrets for it",
    "who": "show the nodes, clients and senders on the bus",
}
"""The verbs; each is a module of this package with ``add_arguments`` and ``run``."""

_INTERRUPTED = 130  # what a shell reports for a program that SIGINT ended
_ABANDONED = 141  # the same for SIGPIPE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code.

    0 done, 1 failed, 2 wrongly used, 130 interrupted, 141 nobody reads the output any more.
    """
    open_missing_streams()
    code = _guarded(partial(_run, arguments))
    # What is still in the buffer is written here, where a failure can be told.
    return _guarded(partial(_flush, code))


def _guarded(step: Callable[[], int]) -> int:
    try:
        return step()
    except SystemExit as end:
        return int(end.code or 0)
    except KeyboardInterrupt:
        # While Python shuts down, another one would be a traceback.
        end_at_once()
        return _INTERRUPTED
    except BrokenPipeError:
        drop_output()
        return _ABANDONED
    except (ClacksError, OSError) as error:
        complain(error)
    except Exception as error:
        complain(f"a fault of this program: {type(error).__name__}: {error}")
        log.info("the place of the fault", exc_info=True)
    return 1


def _flush(code: int) -> int:
    try:
        sys.stdout.flush()
    except OSError:
        drop_output()
        raise
    return code


def _run(arguments: Sequence[str] | None) -> int:
    parsed = _parser(arguments).parse_args(arguments)
    set_up_log(verbose=parsed.verbose, server=parsed.verb == "serve")
    return int(import_module(f"clacks_events.cli.{parsed.verb}").run(parsed))


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong, and never a password."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {redacted(message)}; see {self.prog} --help\n")


def _parser(arguments: Sequence[str] | None) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="clacks-events",
        description="An XML event bus: event types by XSD, filters by XQuery.",
        epilog="clacks-events VERB --help tells more about one of them.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    given = sys.argv[1:] if arguments is None else arguments
    for name, help in COMMANDS.items():
        verb = verbs.add_parser(
            name,
            help=help,
            description=f"{help[0].upper()}{help[1:]}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        verb.set_defaults(parser=verb)
        # Only the verb that is asked for has to be imported.
        if name in given:
            import_module(f"clacks_events.cli.{name}").add_arguments(verb)
        verb.add_argument("-v", "--verbose", action="store_true", help="log what happens")
    return parser


def _version() -> str:
    try:
        return version("clacks-events")
    except PackageNotFoundError:
        return "(not installed)"
