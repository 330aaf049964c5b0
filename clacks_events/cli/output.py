"""What the command line says beside its results, and standard streams that break."""

from __future__ import annotations

import logging
import os
import re
import select
import sys
from typing import TextIO

from clacks_events.errors import EventError, MalformedEvent

__all__ = [
    "complain",
    "drop_output",
    "is_abandoned",
    "located",
    "open_missing_streams",
    "plain",
    "redacted",
    "set_up_log",
    "use_utf8",
]

# Strictly for other schemes: queries have namespaces and attributes in them.
_PASSWORD = re.compile(r"\b(?:(amqps?:/+[^\s:/@]*):\S*@|([\w+.-]+://[^\s:/@]*):[^\s/\"']*@)")
# Much of what is printed comes from others: what a terminal would obey is shown instead
# (ECMA-48 control codes).
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_LINE = re.compile(r"(mismatch: \S+ line )(\d+)")


def plain(text: str) -> str:
    """Return text without the characters that a terminal obeys; lines and tabs stay."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def redacted(text: str) -> str:
    """Return text without the passwords of the broker URLs in it."""
    return _PASSWORD.sub(lambda found: f"{found[1] or found[2]}@", text)


def complain(error: object) -> None:
    """Print what went wrong on standard error."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        name = f"{error.filename}: " if error.filename is not None else ""
        text = f"{name}{error.strerror}"
    print(f"clacks-events: {plain(redacted(text))}", file=sys.stderr, flush=True)


def located(name: str, line: int, error: EventError) -> str:
    """Return one line, ``file:line: what``, for an event that begins on ``line`` of a file."""
    reason = f"{error.path}: {error.reason}" if error.path else error.reason
    if isinstance(error, MalformedEvent):
        # The parser counts from where the event begins.
        reason = _LINE.sub(lambda found: f"{found[1]}{line - 1 + int(found[2])}", reason)
    place = line - 1 + (error.line or 1)
    return plain(f"{name}:{place}: {' '.join(reason.split())}")


def set_up_log(*, verbose: bool, server: bool) -> None:
    """Send the log to standard error; a server's has times, levels and tracebacks."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines(tracebacks=verbose or server, times=server))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    if verbose or server:
        logging.getLogger("clacks_events").setLevel(logging.INFO)


class _Lines(logging.Formatter):
    def __init__(self, *, tracebacks: bool, times: bool) -> None:
        head = "%(asctime)s %(levelname)s" if times else "clacks-events:"
        super().__init__(f"{head} %(message)s")
        self._tracebacks = tracebacks

    def format(self, record: logging.LogRecord) -> str:
        if self._tracebacks or not record.exc_info:
            return plain(redacted(super().format(record)))
        error = record.exc_info[1]
        brief = logging.makeLogRecord({**record.__dict__, "exc_info": None, "exc_text": None})
        return plain(redacted(f"{super().format(brief)}: {error}"))


def open_missing_streams() -> None:
    """Replace the standard streams that whoever started the program has closed."""
    if sys.stdout is None:
        sys.stdout = _nowhere()
    if sys.stderr is None:
        sys.stderr = _nowhere()
    for stream in (sys.stdout, sys.stderr):
        # In a locale without UTF-8 a character too many must not end the program.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def use_utf8() -> None:
    """Write UTF-8 on standard output, whatever the locale: programs expect that."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")


def is_abandoned(stream: TextIO) -> bool:
    """Tell whether a stream is a pipe that nobody reads any more."""
    try:
        number = stream.fileno()
    except OSError:
        return False
    poll = select.poll()
    poll.register(number, 0)
    return any(happened & select.POLLERR for _, happened in poll.poll(0))


def drop_output() -> None:
    """Throw away what standard output could not take, so that Python does not complain at exit."""
    try:
        number = sys.stdout.fileno()
    except OSError:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
