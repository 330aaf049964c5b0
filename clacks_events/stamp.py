"""Identity and time for events that have none yet."""

from __future__ import annotations

import os
import socket
import time
from datetime import UTC, datetime

from lxml import etree

from clacks_events.envelope import Stamp, SureStamp, enveloped
from clacks_events.envelope import attributes as check_attributes
from clacks_events.errors import ConfigError, EventError

__all__ = ["Stamper", "default_source"]


class Stamper:
    """Makes stamps for one source."""

    def __init__(self, source: str) -> None:
        """Raise ConfigError for a source that no event could carry."""
        self.source = _checked(source)
        self._second = (0, "")

    def stamp(self) -> SureStamp:
        """Return an id, the source and the time, of one moment."""
        now = time.time_ns()
        seconds, rest = divmod(now, 1_000_000_000)
        known, text = self._second
        if seconds != known:
            text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            # In one assignment: threads see either pair, never halves of both.
            self._second = (seconds, text)
        return SureStamp(_uuid7(now), self.source, f"{text}.{rest // 1_000_000:03}Z")


def _uuid7(now: int) -> str:
    """Return a UUIDv7 of a time in ns: it sorts by the time of its making.

    Source: RFC 9562, 5.7 and, for the fraction of a millisecond in rand_a, 6.2 method 3.
    """
    milliseconds, rest = divmod(now, 1_000_000)
    fraction = rest * 4096 // 1_000_000
    noise = int.from_bytes(os.urandom(8), "big") >> 2
    value = milliseconds << 80 | 0x7000 << 64 | fraction << 64 | 0b10 << 62 | noise
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _checked(source: str) -> str:
    stamp = Stamp("a", source, "1970-01-01T00:00:00Z")
    try:
        check_attributes(enveloped(etree.Element("a"), stamp, is_parsed=True)[1])
    except EventError as error:
        raise ConfigError(f"not a source: {source[:80]!r}: {error.reason}") from error
    return source


def default_source() -> str:
    """Return the source of a bus that was given none: the name of this host."""
    return socket.gethostname()
