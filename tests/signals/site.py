"""A bus with its roster, and with a beacon that can fall silent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from queue import SimpleQueue
from typing import TypeAlias
from uuid import uuid4

from clacks_events import connect
from clacks_events.presence import Announcement, Change
from clacks_events.signals.beacon import Beacon
from clacks_events.signals.pulse import Pulse
from clacks_events.signals.roster import Roster

__all__ = ["LONG", "SHORT", "SPEED", "UNNAMED", "OpenSite", "Site", "gps", "sites"]

SPEED = "{urn:x}Speed"
SHORT = 0.15
LONG = 60.0
# Events of presence, by a query that does not name them: nothing is replayed to it.
UNNAMED = "exists(//e:Sender)"


def gps(name: str = "gps", interval: float = LONG) -> Announcement:
    return Announcement(name, str(uuid4()), (SPEED,), ("calibrate", "reset"), interval, "car")


class Site:
    """A bus with its roster, and with a beacon that can fall silent."""

    def __init__(self, url: str, source: str) -> None:
        self.bus = connect(url, source=source)
        self.pulse = Pulse()
        self.beacon = Beacon(self.bus.publishing, self.bus.subscribing, self.pulse)
        self.changes: SimpleQueue[Change] = SimpleQueue()

    @cached_property
    def roster(self) -> Roster:
        roster = self.bus.roster()
        roster.on_change(self.changes.put)
        return roster

    def told(self) -> Change:
        return self.changes.get(timeout=10.0)

    def close(self) -> None:
        self.beacon.close()
        self.pulse.close()
        self.bus.close()


OpenSite: TypeAlias = Callable[[str], Site]


@contextmanager
def sites(url: str) -> Iterator[OpenSite]:
    """Give what opens sites by their sources; in the end all are closed."""
    with ExitStack() as stack:

        def open_one(source: str) -> Site:
            site = Site(url, source)
            stack.callback(site.close)
            return site

        yield open_one
