"""Options that several verbs share."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from clacks_events.embedded import DEFAULT_ADDRESS
from clacks_events.errors import ConfigError

__all__ = [
    "add_headers",
    "add_schemas",
    "add_selection",
    "add_url",
    "at_least",
    "positive",
    "query_of",
    "schema_directories",
    "short_name",
    "url_of",
    "wrong_usage",
]

_LONGEST_NAME = 255  # bytes of an AMQP short string


def wrong_usage(arguments: argparse.Namespace, reason: str) -> NoReturn:
    """End the program because its arguments do not fit together."""
    parser: argparse.ArgumentParser = arguments.parser
    parser.error(reason)


def add_url(parser: argparse.ArgumentParser) -> None:
    """Add ``--url``."""
    parser.add_argument(
        "--url", default=os.environ.get("CLACKS_URL"), help="the broker (default: $CLACKS_URL)"
    )


def url_of(arguments: argparse.Namespace) -> str:
    """Return the broker's URL; without one that is wrong usage."""
    if not arguments.url:
        wrong_usage(
            arguments,
            "which broker? give --url URL or set $CLACKS_URL; 'clacks-events serve' starts one at"
            f" {DEFAULT_ADDRESS}",
        )
    return str(arguments.url)


def add_schemas(parser: argparse.ArgumentParser) -> None:
    """Add ``--schemas``."""
    parser.add_argument(
        "--schemas",
        action="append",
        metavar="DIR",
        help="a directory of XSD files beside the built-in ones; may be given several times"
        " (default: $CLACKS_SCHEMAS, separated by colons)",
    )


def schema_directories(arguments: argparse.Namespace) -> list[Path]:
    """Return the schema directories that were asked for."""
    given = arguments.schemas
    if given is None:
        given = [part for part in os.environ.get("CLACKS_SCHEMAS", "").split(os.pathsep) if part]
    return [Path(directory) for directory in given]


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add a query, ``--file``, ``--type`` and ``--source``."""
    parser.add_argument("query", nargs="?", help="XQuery; without it every event matches")
    parser.add_argument("-f", "--file", help="read the query from a file; - is standard input")
    parser.add_argument(
        "--type",
        action="append",
        default=[],
        help="only events of this type and of those derived from it; may be given several times",
    )
    parser.add_argument("--source", help="only events that this source published")


def query_of(arguments: argparse.Namespace) -> str | None:
    """Return the query, None without one. Raises OSError, or ConfigError for a file of no text."""
    query: str | None = arguments.query
    if arguments.file is None:
        return query
    if query is not None:
        wrong_usage(arguments, "give the query or --file, not both")
    try:
        if arguments.file == "-":
            return sys.stdin.read() if sys.stdin is not None else ""
        return Path(arguments.file).read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{arguments.file} is not UTF-8 text") from error


def add_headers(parser: argparse.ArgumentParser, help: str) -> None:
    """Add ``--header``, which makes a list of pairs."""
    parser.add_argument(
        "-H", "--header", type=_header, action="append", default=[], metavar="NAME=VALUE", help=help
    )


def _header(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals or not _is_unicode(text):
        raise argparse.ArgumentTypeError(f"a header is NAME=VALUE, not {text!r}")
    return name, value


def short_name(text: str) -> str:
    """Take an option that AMQP carries as a name: 1 to 255 bytes of UTF-8."""
    if not text or not _is_unicode(text) or len(text.encode()) > _LONGEST_NAME:
        raise argparse.ArgumentTypeError(f"a name of 1 to {_LONGEST_NAME} bytes, not {text!r}")
    return text


def _is_unicode(text: str) -> bool:
    # Bytes of an argument that are none in the locale's encoding come as lone surrogates.
    return not any("\ud800" <= char <= "\udfff" for char in text)


def at_least(least: int) -> Callable[[str], int]:
    """Return a type of option: a whole number from ``least`` on."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"a whole number from {least} on, not {text!r}")
        return int(text)

    return number


def positive(text: str) -> float:
    """Take an option that is a number above zero."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not (number > 0 and math.isfinite(number)):
        raise argparse.ArgumentTypeError(f"a number above 0, not {text!r}")
    return number
