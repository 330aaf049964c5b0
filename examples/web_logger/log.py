"""The last events, bounded in number and in bytes."""

from __future__ import annotations

import copy
import itertools
from collections import deque
from dataclasses import dataclass
from threading import Lock
from typing import Final

from lxml import etree

from clacks_events import Event
from clacks_events.xml import local_name
from examples.web_logger.markup import printable

__all__ = ["LIMIT", "MOST_BYTES", "MOST_EVENTS", "Entry", "EventLog"]

LIMIT: Final = 100
"""How many events are kept until told otherwise."""
MOST_EVENTS: Final = 1000
MOST_BYTES: Final = 2**21
"""Of all events together."""
LONGEST_EVENT: Final = 2**15
"""In bytes; of a longer one the beginning is kept."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is kept of an event. Texts of any length are bytes, because their size is known."""

    time: str
    source: str
    type: str
    """The Clark name."""
    summary: bytes
    """Its first fields."""
    xml: bytes
    indented: bytes
    """The same for reading."""

    @property
    def size(self) -> int:
        """How many bytes it counts for."""
        return len(self.summary) + len(self.xml) + len(self.indented)

    @property
    def line(self) -> str:
        """Time, sender, type and XML, separated by tabs; a tab inside of them is ``\\t``."""
        texts = (self.time, self.source, local_name(self.type), self.xml.decode(errors="replace"))
        return "\t".join(printable(text.replace("\\", r"\\"), r"\n") for text in texts)


class EventLog:
    """Keeps the last events. Safe to use from several threads."""

    def __init__(self) -> None:
        self._limit = LIMIT
        self._received = 0
        self._entries: deque[Entry] = deque()
        self._size = 0
        self._latest = b""
        self._lock = Lock()

    @property
    def limit(self) -> int:
        """How many events are kept."""
        return self._limit

    @property
    def received(self) -> int:
        """How many events came so far."""
        return self._received

    def add(self, event: Event) -> None:
        """Keep an event, unless it is the one that came last: two listeners may want it."""
        xml = event.xml
        with self._lock:
            if xml == self._latest:
                return
            self._latest = xml
        entry = _entry(event)
        with self._lock:
            self._received += 1
            self._entries.append(entry)
            self._size += entry.size
            self._trim()

    def newest_first(self) -> list[Entry]:
        """Return what is kept."""
        with self._lock:
            return list(reversed(self._entries))

    def set_limit(self, limit: int) -> None:
        """Keep no more events than that."""
        with self._lock:
            self._limit = limit
            self._trim()

    def clear(self) -> None:
        """Forget all events."""
        with self._lock:
            self._entries.clear()
            self._size = 0

    def _trim(self) -> None:
        while len(self._entries) > self._limit or self._size > MOST_BYTES:
            self._size -= self._entries.popleft().size


def _entry(event: Event) -> Entry:
    xml = event.xml
    if len(xml) > LONGEST_EVENT:
        beginning = xml[:LONGEST_EVENT].decode(errors="ignore")
        xml = indented = f"{beginning}… ({len(xml)} bytes in all)".encode()
    else:
        indented = _indented(event)
    time = event.envelope.get("time", "")
    return Entry(time, event.source or "", event.type, _summary(event.element), xml, indented)


def _indented(event: Event) -> bytes:
    root = copy.deepcopy(event.envelope)
    etree.indent(root)
    xml = etree.tostring(root, encoding="utf-8", xml_declaration=False)
    # What is nested deep grows a hundredfold.
    return xml if len(xml) <= LONGEST_EVENT else event.xml


def _summary(payload: etree._Element) -> bytes:
    fields = (
        f"{local_name(str(each.tag))}: {each.text.strip()[:60]}"
        for each in itertools.islice(payload.iter(etree.Element), 200)
        if not len(each) and each.text and each.text.strip()
    )
    return (", ".join(itertools.islice(fields, 6)) or "no text").encode()
