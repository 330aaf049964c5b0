"""Identity and time for events that have none yet."""

from __future__ import annotations

import os
import socket
import time
from datetime import UTC, datetime

from clacks_events.lexical import utc_text

__all__ = ["default_source", "new_id", "now"]


def new_id() -> str:
    """Return a UUIDv7: it sorts by the time of its making.

    Source: RFC 9562, 5.7 and, for the fraction of a millisecond in rand_a, 6.2 method 3.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000
    noise = int.from_bytes(os.urandom(8), "big") >> 2
    value = milliseconds << 80 | 0x7000 << 64 | fraction << 64 | 0b10 << 62 | noise
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def now() -> str:
    """Return the time as RFC 3339 in UTC."""
    return utc_text(datetime.now(UTC))


def default_source() -> str:
    """Return the source of a bus that was given none: the name of this host."""
    return socket.gethostname()
