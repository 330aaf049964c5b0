"""What became of the calls so far, and how often that is said."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, fields

__all__ = ["CallCounters", "CallTally"]

_QUIET = 60.0  # seconds between two log lines of one kind


@dataclass(slots=True)
class CallCounters:
    """What became of the calls so far; each call of a batch counts."""

    calls: int = 0
    """Those that a worker took up, whatever came of it."""
    failed: int = 0
    """Those among them that ended in an error."""
    refused: int = 0
    """What was no call, or one that nobody may make, or one too many."""
    expired: int = 0
    """Those that nobody waited for any more when a worker was free for them."""
    dropped: int = 0
    """Answers that nobody waited for any more."""

    def as_dict(self) -> dict[str, int]:
        """Return the counters by name."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


class CallTally:
    """Counts, and lets each kind of fault be logged at most once a minute."""

    def __init__(self) -> None:
        self.counters = CallCounters()
        self._said: dict[str, float] = {}
        self._lock = threading.Lock()

    def taken_up(self) -> None:
        """Count a call that is being carried out."""
        with self._lock:
            self.counters.calls += 1

    def count(self, kind: str) -> bool:
        """Count a fault and tell whether it is to be logged."""
        with self._lock:
            setattr(self.counters, kind, getattr(self.counters, kind) + 1)
            moment = time.monotonic()
            if moment - self._said.get(kind, -_QUIET) < _QUIET:
                return False
            self._said[kind] = moment
            return True
