"""What happened on a bus so far, and how often that is said."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, fields

__all__ = ["Counters", "Tally"]

_QUIET = 60.0  # seconds between two log lines of one kind


@dataclass(slots=True)
class Counters:
    """What happened on a bus so far."""

    published: int = 0
    received: int = 0
    """Events that the broker delivered."""
    matched: int = 0
    """Deliveries that at least one filter matched."""
    malformed: int = 0
    """Deliveries that were no event: set aside."""
    unknown: int = 0
    """Events of a type that no schema here declares: set aside."""
    invalid: int = 0
    """Events that break their schema: set aside."""
    filter_errors: int = 0
    """Evaluations that ended in an error, which is no match."""
    handler_errors: int = 0
    failed: int = 0
    """Deliveries that could not be dealt with, by a mistake of this package: set aside."""
    lost: int = 0
    """Events that a full inbox could not take."""
    muted: int = 0
    """Events that were not sent because the bus was paused."""
    reconnects: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return the counters by name."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


class Tally:
    """Counts what happens, and lets each kind of fault be logged at most once a minute."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._said: dict[str, float] = {}
        self._lock = threading.Lock()

    def count(self, kind: str) -> bool:
        """Count one and tell whether it is to be logged."""
        with self._lock:
            setattr(self._counters, kind, getattr(self._counters, kind) + 1)
            moment = time.monotonic()
            if moment - self._said.get(kind, -_QUIET) < _QUIET:
                return False
            self._said[kind] = moment
            return True

    def count_match(self) -> None:
        """Count a delivery that somebody gets."""
        with self._lock:
            self._counters.matched += 1
