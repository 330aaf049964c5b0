"""What all streams together want of the broker."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection

from clacks_events.filter.analysis.interest import Demand
from clacks_events.gateway.bridge import Bridge
from clacks_events.signals.interest import Feed

__all__ = ["Union"]

log = logging.getLogger(__name__)

_ANY = Demand()


class Union:
    """Demands, each for as long as somebody has it and a while longer. Loop only."""

    def __init__(
        self, feed: Feed, bridge: Bridge, position: Callable[[], int], linger: float
    ) -> None:
        """``position`` numbers the events that came in, ``linger`` is in seconds."""
        self._feed = feed
        self._bridge = bridge
        self._position = position
        self._linger = linger
        self._held: Counter[Demand] = Counter()
        self._since: dict[Demand, int] = {}
        self._fading: dict[Demand, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._changes = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def want(self, demands: Collection[Demand]) -> None:
        """Have the events that meet the demands delivered; returns when they are.

        Raises ConnectionLost, and then nothing is wanted.
        """
        self._held.update(demands)
        for demand in demands:
            self._fading.pop(demand, None)
        try:
            if not self._since.keys() >= set(demands):
                await self._widen()
        except BaseException:
            self.release(demands)
            raise

    async def _widen(self) -> None:
        async with self._changes:
            wanted = frozenset(self._held) | self._since.keys()
            if self._since.keys() >= wanted:
                return
            await self._bridge.run(self._feed.widen, wanted)
            position = self._position()
            for demand in wanted:
                self._since.setdefault(demand, position)

    def restart(self) -> None:
        """Take all demands as in force from now on: before, events may have been missed."""
        self._since = dict.fromkeys(self._since, self._position())

    def since(self, demands: Collection[Demand]) -> int | None:
        """Return the number of the first event since which nothing that meets them was missed.

        None: they are not in force.
        """
        starts = [self._start(demand) for demand in demands]
        known = [start for start in starts if start is not None]
        return max(known, default=0) if len(known) == len(starts) else None

    def _start(self, demand: Demand) -> int | None:
        wider = {demand, _ANY, Demand(demand.type), Demand(source=demand.source)}
        return min((self._since[each] for each in wider if each in self._since), default=None)

    def release(self, demands: Collection[Demand]) -> None:
        """Undo ``want``; what nobody wants any more is not asked for after a while."""
        loop = asyncio.get_running_loop()
        for demand in demands:
            self._held[demand] -= 1
            if self._held[demand] <= 0:
                del self._held[demand]
                self._fading[demand] = loop.time() + self._linger
        if self._fading and self._timer is None:
            self._timer = loop.call_later(self._linger, self._fade)

    def _fade(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        gone = {demand for demand, end in self._fading.items() if end <= loop.time()}
        for demand in gone:
            del self._fading[demand]
        if gone:
            task = loop.create_task(self._narrow(gone))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if self._fading:
            soonest = min(self._fading.values()) - loop.time()
            # All that fade within a second go together.
            self._timer = loop.call_later(max(min(1.0, self._linger), soonest), self._fade)

    async def _narrow(self, gone: set[Demand]) -> None:
        async with self._changes:
            for demand in gone:
                if not self._held[demand]:
                    self._since.pop(demand, None)
            await self._bridge.run(self._feed.narrow, frozenset(self._since))

    def close(self) -> None:
        """Want nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
