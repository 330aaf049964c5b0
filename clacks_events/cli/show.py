"""Print events for people and for programs."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import TextIO

from lxml import etree

from clacks_events.cli.output import plain
from clacks_events.errors import ClacksError
from clacks_events.event import Event, JsonValue
from clacks_events.lexical import utc_text
from clacks_events.xml import local_name

__all__ = ["is_coloured", "show_event"]

_RESET, _BOLD, _DIM, _TAG, _STRING = "\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[36m", "\x1b[33m"
_MARKUP = re.compile(r"(?P<aside><!--.*?-->|<\?.*?\?>)|<[^<>]*>", re.DOTALL)
_QUOTED = re.compile(r"\"[^\"]*\"")
# Allowed in JSON as they are, but a terminal obeys the first and some readers of lines stop at
# the others.
_DELICATE = re.compile("[\x7f-\x9f\u2028\u2029]")


def is_coloured(stream: TextIO) -> bool:
    """Tell whether to colour what goes to a stream (no-color.org)."""
    dull = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not dull and stream.isatty()


def show_event(event: Event, form: str, *, coloured: bool) -> str:
    """Return an event as text: ``raw``, ``json`` or ``pretty``."""
    if form == "raw":
        text = event.xml.decode()
        return plain(text) if sys.stdout.isatty() else text
    if form == "json":
        return _json(event)
    return _pretty(event, coloured)


def _json(event: Event) -> str:
    try:
        data = event.json()
    except ClacksError as error:
        data = _untyped(event, str(error))
    text = json.dumps(data, ensure_ascii=False)
    return _DELICATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _untyped(event: Event, reason: str) -> dict[str, JsonValue]:
    return {
        "id": event.id,
        "source": event.source,
        "time": utc_text(event.time) if event.time else None,
        "type": event.type,
        "xml": etree.tostring(event.payload, encoding="unicode", with_tail=False),
        "error": reason,
    }


def _pretty(event: Event, coloured: bool) -> str:
    headers = "".join(f" {name}={value!s}" for name, value in event.headers.items())
    head = f"{_moment(event)} {local_name(event.type)} from {event.source or '-'}{headers}"
    head = plain(" ".join(head.splitlines()))
    payload = event.payload
    etree.indent(payload)
    text = plain(etree.tostring(payload, encoding="unicode", with_tail=False))
    if not coloured:
        return f"{head}\n{text}"
    return f"{_BOLD}{head}{_RESET}\n{_MARKUP.sub(_painted, text)}"


def _moment(event: Event) -> str:
    if event.time is None:
        return "--:--:--"
    try:
        return event.time.astimezone().strftime("%H:%M:%S.%f")[:-3]
    except OverflowError:
        # The first and the last day of the calendar have no local time everywhere.
        return event.time.isoformat()


def _painted(found: re.Match[str]) -> str:
    if found["aside"]:
        return f"{_DIM}{found[0]}{_RESET}"
    inner = _QUOTED.sub(lambda quoted: f"{_STRING}{quoted[0]}{_TAG}", found[0])
    return f"{_TAG}{inner}{_RESET}"
