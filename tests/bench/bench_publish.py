"""How fast is publishing with validation and stamping, beside bare kombu?"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from lxml import etree

from clacks_events import Bus, Event, connect
from tests.bench.bench import Contender, Cost, alternate, headline, running_broker, show, timed
from tests.bench.rivals import CALL, KEY, KombuPublisher, call_event, queue_of
from tests.harness.broker import connected
from tests.harness.waiting import wait_until

EVENTS = 500  # per round
ROUNDS = 31
ASKED = 0.9
LAST = "Event.NodeLeave.#"


class Turn:
    """Rounds of publishing, none of which begins before the broker has dealt with the last."""

    def __init__(self, bus: Bus, mark: Any) -> None:
        self._bus = bus
        self._mark = mark
        self._leave = bus.catalog.sample("NodeLeave")

    def __call__(self, publish: Callable[[], object]) -> Callable[[], Cost]:
        def turn() -> Cost:
            cost = timed(publish, EVENTS)
            self._bus.publish(self._leave)
            wait_until(lambda: self._mark.get(no_ack=True) is not None)
            return cost

        return turn


def compare(url: str, title: str) -> None:
    element = etree.fromstring(CALL)
    fresh, stamped = Event.from_xml(CALL), call_event()
    with (
        connected(url) as connection,
        connect(url, source="pbx") as bus,
        queue_of(url, "mark", LAST, exclusive=True) as mark,
    ):
        turn, kombu = Turn(bus, mark), KombuPublisher(connection, stamped)
        bare = Contender("kombu.Producer.publish, the same bytes", turn(kombu.publish))
        alike = Contender("kombu with our properties", turn(kombu.publish_alike), bare)
        ours = [
            Contender(f"bus.publish of {name}", turn(partial(bus.publish, form)), bare, ASKED)
            for name, form in (
                ("an element", element),
                ("bytes", CALL),
                ("an Event", fresh),
                ("stamped bytes", stamped.xml),
            )
        ]
        contenders = [bare, alike, *ours]
        alternate(contenders, ROUNDS)
    headline(title)
    show(contenders)


def main() -> None:
    with running_broker() as broker:
        compare(broker.url, "publish, nobody bound")
        with queue_of(
            broker.url, "one", KEY, exclusive=True, queue_arguments={"x-max-length": 1000}
        ):
            compare(broker.url, "publish, one bound queue")


if __name__ == "__main__":
    main()
