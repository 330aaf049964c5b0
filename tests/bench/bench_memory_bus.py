"""How many events a second go through memory:// with 1 to 1,000 subscriptions?"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).parents[2]))

from clacks_events import Bus, BusOptions, Event, connect
from tests.bench.bench import Contender, Cost, alternate, headline, show

EVENTS = 200  # per round
ROUNDS = 7
SUBSCRIPTIONS = (1, 10, 100, 1000)
CALL = (
    '<e:Event xmlns:e="http://www.gonicus.de/Events"><e:PhoneStatus><e:CallerId>0</e:CallerId>'
    "<e:ReceiverId>300</e:ReceiverId><e:Status>busy</e:Status></e:PhoneStatus></e:Event>"
)


def distinct(number: int) -> str:
    return f"./e:Event/e:PhoneStatus[e:CallerId = '{number}']"


def alike(number: int) -> str:
    return f"./e:Event/e:PhoneStatus[e:CallerId = '0' and {number} >= 0]"


class Room:
    """A bus with so many subscriptions; events go in and what they match comes out."""

    def __init__(self, bus: Bus, number: int, query: Callable[[int], str], matching: int) -> None:
        self._bus = bus
        self._event = Event.from_xml(CALL)
        self._left = 0
        self._matching = matching
        self._done = threading.Event()
        self._lock = threading.Lock()
        for at in range(number):
            bus.subscribe(query(at), self._count)

    def _count(self, _: Event) -> None:
        with self._lock:
            self._left -= 1
            if not self._left:
                self._done.set()

    def round(self) -> Cost:
        self._left = EVENTS * self._matching
        self._done.clear()
        wall, cpu = perf_counter(), process_time()
        for _ in range(EVENTS):
            self._bus.publish(self._event)
        if not self._done.wait(30):
            sys.exit(f"{self._left} events are missing")
        return Cost((perf_counter() - wall) * 1e6 / EVENTS, (process_time() - cpu) * 1e6 / EVENTS)


def compare(
    title: str,
    subscriptions: Sequence[int],
    query: Callable[[int], str],
    matching: Callable[[int], int],
) -> None:
    with ExitStack() as stack:
        first: Contender | None = None
        contenders = []
        for number in subscriptions:
            options = BusOptions(watch_schemas=False)
            bus = stack.enter_context(connect(f"memory://{number}", options=options))
            room = Room(bus, number, query, matching(number))
            contender = Contender(f"{number} subscriptions", room.round, first)
            first = first or contender
            contenders.append(contender)
        alternate(contenders, ROUNDS)
    headline(title)
    show(contenders)


def main() -> None:
    compare("distinct filters, one of which matches", SUBSCRIPTIONS, distinct, partial(min, 1))
    compare("distinct filters, all of which match", SUBSCRIPTIONS[:-1], alike, int)


if __name__ == "__main__":
    main()
