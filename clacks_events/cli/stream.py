"""Cut a stream into XML documents: events one after the other, with or without declarations."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from clacks_events.errors import ConfigError

__all__ = ["Cut", "documents", "documents_of"]

_CHUNK = 65536

# What ends or interrupts what, as far as finding the end of a document goes (XML 1.0, 2.4 to
# 2.8 and 3.1).
_STOPS = {
    # A tag without quotes is taken as a whole, since most are like that.
    "text": re.compile(rb"<(?:/?[^\s!?/<>\"'][^<>\"']*(?P<whole>>)|!--|!\[CDATA\[|!DOCTYPE|[?/])?"),
    "tag": re.compile(rb"/?>|[\"']"),
    "doctype": re.compile(rb"[\"'\[>]"),
    "subset": re.compile(rb"<!--|<\?|[\"'\]]"),
    "comment": re.compile(rb"-->"),
    "section": re.compile(rb"\]\]>"),
    "instruction": re.compile(rb"\?>"),
    "quoted": re.compile(rb'"'),
    "single-quoted": re.compile(rb"'"),
}
_LONGEST_STOP = 4
_OPENS = {
    b"<!--": "comment",
    b"<![CDATA[": "section",
    b"<!DOCTYPE": "doctype",
    b"<?": "instruction",
    b"</": "tag",
    b"<": "tag",
    b"[": "subset",
    b'"': "quoted",
    b"'": "single-quoted",
}
_LONGEST_OPENER = max(map(len, _OPENS))
_NESTING = frozenset(("text", "tag", "doctype", "subset"))
_DECLARATION = re.compile(rb"<\?xml\s")
# What may follow a document and is none (XML 1.0, 2.8).
# Atomic, so that it never tries again what it has taken.
_MISC = re.compile(rb"(?>\s+|\xef\xbb\xbf|<!--.*?-->|<\?.*?\?>)*+", re.DOTALL)


class Cut(NamedTuple):
    """One document and the line of the stream, counted from 1, that it begins on."""

    line: int
    data: bytes


def documents_of(name: str) -> Iterator[Cut]:
    """Yield the documents of a file; ``-`` is standard input. Raises OSError."""
    if name != "-":
        with Path(name).open("rb") as stream:
            yield from documents(stream)
    elif sys.stdin is None:
        raise ConfigError("standard input is closed")
    else:
        yield from documents(sys.stdin.buffer)


def documents(stream: BinaryIO) -> Iterator[Cut]:
    """Yield each document as soon as it is complete; what cannot be cut comes as it is.

    White space before a document is dropped, and so are comments and processing instructions
    behind the last one or before an XML declaration. UTF-16 and UTF-32 are not cut: such a
    stream is one document.
    """
    first = stream.read(4)
    if first[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in first:
        yield Cut(1, first + stream.read())
        return
    cutter = _Cutter()
    chunk = first
    while chunk:
        yield from cutter.feed(chunk)
        chunk = _some(stream)
    yield from cutter.finish()


def _some(stream: BinaryIO) -> bytes:
    # read1 returns what is there, so that a pipe's events are not held back.
    read1 = getattr(stream, "read1", stream.read)
    data: bytes = read1(_CHUNK)
    return data


class _Cutter:
    """Reads each byte about once, however it is cut into chunks."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0
        self._line = 1
        self._depth = 0
        self._inside = ["text"]
        self._opener = b""
        self._start = 0

    def feed(self, chunk: bytes) -> Iterator[Cut]:
        self._buffer += chunk
        while (found := self._next()) is not None:
            self._at = found.end()
            if found.lastgroup is not None:
                yield from self._pass_tag(found[0], found[0])
            else:
                yield from self._pass(found[0], found.start())

    def _next(self) -> re.Match[bytes] | None:
        context = self._inside[-1]
        found = _STOPS[context].search(self._buffer, self._at)
        if found is None:
            # The beginning of a stop may be there already.
            self._at = max(self._at, len(self._buffer) - _LONGEST_STOP + 1)
        elif context == "text" and self._may_grow(found.start()):
            self._at = found.start()
            return None
        return found

    def _may_grow(self, start: int) -> bool:
        if len(self._buffer) - start >= _LONGEST_OPENER:
            return False
        tail = bytes(self._buffer[start:])
        return any(opener != tail and opener.startswith(tail) for opener in _OPENS)

    def _pass(self, stop: bytes, start: int) -> Iterator[Cut]:
        context = self._inside[-1]
        if context in _NESTING and stop in _OPENS:
            if context == "text":
                self._opener, self._start = stop, start
            self._inside.append(_OPENS[stop])
            return
        self._inside.pop()
        if context == "tag":
            yield from self._pass_tag(self._opener, stop)
        elif context == "instruction" and self._depth == 0:
            yield from self._before_declaration()

    def _pass_tag(self, head: bytes, end: bytes) -> Iterator[Cut]:
        if head.startswith(b"</"):
            self._depth -= 1
        elif not end.endswith(b"/>"):
            self._depth += 1
        if self._depth <= 0:
            yield self._cut(self._at)

    def _before_declaration(self) -> Iterator[Cut]:
        # A declaration begins a document: what is before it belongs to the one that has ended.
        if self._start and _DECLARATION.match(self._buffer, self._start):
            cut = self._cut(self._start)
            if not _MISC.fullmatch(cut.data):
                yield cut

    def _cut(self, end: int) -> Cut:
        data = bytes(self._buffer[:end])
        del self._buffer[:end]
        self._at -= end
        self._depth = 0
        body = data.lstrip()
        line = self._line + data.count(b"\n", 0, len(data) - len(body))
        self._line += data.count(b"\n")
        return Cut(line, body)

    def finish(self) -> Iterator[Cut]:
        self._at = len(self._buffer)
        cut = self._cut(self._at)
        if not _MISC.fullmatch(cut.data):
            yield cut
