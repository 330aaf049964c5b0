"""How busy a node is, measured."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from clacks_events.agent.peer_events import Status

__all__ = ["CpuLoad", "LoadMeter"]

_TIMES = Path("/proc/stat")
# proc_stat(5): user nice system idle iowait irq softirq steal; what follows is part of user.
_COUNTED = slice(1, 9)
_RESTING = (3, 4)


class CpuLoad:
    """Tells which part of all processors' time was used since it was last asked, 0 to 1.

    Where the system does not count that, it is the load average of a minute, 1 at most.
    """

    def __init__(self) -> None:
        self._last = _times()

    def __call__(self) -> float:
        """Return the load since the last call, or since this was made."""
        last, self._last = self._last, _times()
        if last is None or self._last is None:
            return min(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        busy, all = (now - before for now, before in zip(self._last, last, strict=True))
        return min(1.0, max(0.0, busy / all)) if all > 0 else 0.0


def _times() -> tuple[int, int] | None:
    """Return the busy and all time of the processors, in ticks since the start."""
    try:
        line = _TIMES.read_text().partition("\n")[0]
    except OSError:
        return None
    ticks = [int(field) for field in line.split()[_COUNTED]]
    total = sum(ticks)
    return total - sum(ticks[at] for at in _RESTING), total


class LoadMeter:
    """Measures the status of an agent with so many workers, for Membership.

    The load is the larger of two: the part of the processors' time that was used since the last
    status, and the part of the workers that are busy. An agent whose workers all wait for a
    database is as full as one whose processors are busy.
    """

    def __init__(
        self, workers: int, busy: Callable[[], int], cpu: Callable[[], float] | None = None
    ) -> None:
        """``busy`` tells how many workers are busy, ``cpu`` the load of the processors."""
        self._workers = workers
        self._busy = busy
        self._cpu = cpu or CpuLoad()

    def __call__(self) -> Status:
        """Return the status now."""
        busy = self._busy() / self._workers
        return Status(load=min(1.0, max(busy, self._cpu())), workers=self._workers)
