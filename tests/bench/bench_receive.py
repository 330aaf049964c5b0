"""How fast is receiving with a query, beside a kombu consumer that only counts?

Everyone reads a queue that was filled before, while nobody publishes. Timed is what comes after
the first two windows, so that nothing was read ahead. ``query for content`` is
``/e:Event/e:PhoneStatus[e:Status='busy']/e:CallerId``.
"""

from __future__ import annotations

import multiprocessing
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

sys.path.insert(0, str(Path(__file__).parents[2]))

from clacks_events import Bus, BusOptions, Event, connect
from tests.bench.bench import Contender, Cost, alternate, headline, running_broker, show
from tests.bench.rivals import KombuPublisher, Progress, call_event, drain_with_kombu
from tests.harness.broker import connected
from tests.harness.waiting import wait_until

WINDOW = 1000
FIRST = 2 * WINDOW
EVENTS = 6000  # per round that are to match, FIRST of them not timed
ROUNDS = 5
ASKED = 0.9
RARE = 10
DURABLE = "bench"
ONE_TYPE = "./e:Event/e:PhoneStatus"
CONTENT = "/e:Event/e:PhoneStatus[e:Status='busy']/e:CallerId"

Fill: TypeAlias = Callable[[int], None]
"""Has the events of a round published, and so many times as many if only one in so many matches.

What does not match is acknowledged at once: only what matches keeps a reader from running ahead
of the clock, and of that there must be windows full.
"""


def publish_on_demand(url: str, orders: Any) -> None:
    """Publish a round for each order, until it is 0; runs in a process of its own."""
    event = call_event()
    with connected(url) as connection:
        busy = KombuPublisher(connection, event)
        # Of the same size, so that it costs all alike.
        idle = KombuPublisher(connection, Event.from_xml(event.xml.replace(b"busy", b"idle")))
        while one_in := orders.recv():
            for number in range(1, EVENTS * one_in + 1):
                publisher = idle if number % one_in else busy
                publisher.publish_alike()
                if number % WINDOW == 0:
                    # Not faster than the broker takes them.
                    publisher.flush()
            for publisher in (busy, idle):
                publisher.flush()
            orders.send(one_in)


@contextmanager
def filler(url: str) -> Iterator[Fill]:
    """Give a function that has the events of a round published by another process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=publish_on_demand, args=(url, theirs))
    process.start()
    theirs.close()

    def fill(one_in: int) -> None:
        ours.send(one_in)
        ours.recv()

    try:
        yield fill
    finally:
        ours.send(0)
        process.join()


def drain(fill: Fill, bus: Bus, query: str | None = None, types: Sequence[str] = ()) -> Cost:
    """Let the handler wait until the queue is full, then read it."""
    progress, gate = Progress(FIRST, EVENTS), threading.Event()

    def handle(_: Event) -> None:
        gate.wait()
        progress.step()

    with bus.subscribe(query, handle, types=types):
        try:
            fill(1)
        finally:
            gate.set()
        return progress.wait()


def drain_durable(fill: Fill, bus: Bus, url: str, one_in: int = 1) -> Cost:
    """Make the queue, fill it while nobody reads, then read it; the cost is per event in it."""
    progress = Progress(FIRST, EVENTS)
    bus.subscribe(CONTENT, durable=DURABLE).close()
    fill(one_in)
    with bus.subscribe(CONTENT, progress.step, durable=DURABLE):
        cost = progress.wait()
    remove_queue(url)
    return Cost(cost.wall / one_in, cost.cpu / one_in)


def remove_queue(url: str) -> None:
    """Remove the durable queue: it would keep what the others publish, and they would pay."""
    with connected(url) as connection, connection.channel() as channel:
        # Its reader leaves in its own time; to lose the queue would make him connect again.
        wait_until(lambda: not channel.queue_declare(DURABLE, passive=True).consumer_count)
        channel.queue_delete(DURABLE)


def kombu_round(url: str, fill: Fill, *, acks: bool) -> Cost:
    progress, full = Progress(FIRST, EVENTS), partial(fill, 1)
    return drain_with_kombu(url, "kombu", progress, full, acks=acks, window=WINDOW)


def compare(url: str, fill: Fill, bus: Bus, trusting: Bus) -> list[Contender]:
    kombu = Contender("kombu.Consumer, message.ack()", partial(kombu_round, url, fill, acks=True))
    blind = Contender("kombu.Consumer, no_ack", partial(kombu_round, url, fill, acks=False), kombu)
    ours = {
        "query for one type": partial(drain, fill, bus, ONE_TYPE),
        "query for content, all match": partial(drain, fill, bus, CONTENT),
        "the same, durable": partial(drain_durable, fill, bus, url),
        f"the same, one in {RARE} matches": partial(drain_durable, fill, bus, url, RARE),
    }
    steps = {
        "everything, not validated": partial(drain, fill, trusting),
        "types=, not validated": partial(drain, fill, trusting, types=["PhoneStatus"]),
        "types=, validated": partial(drain, fill, bus, types=["PhoneStatus"]),
    }
    return [
        kombu,
        blind,
        *(Contender(name, action, kombu, ASKED) for name, action in ours.items()),
        *(Contender(f"  {name}", action, kombu) for name, action in steps.items()),
    ]


def main() -> None:
    with running_broker() as broker:
        url = broker.url
        with (
            filler(url) as fill,
            connect(url) as bus,
            connect(url, options=BusOptions(check_incoming=False)) as trusting,
        ):
            contenders = compare(url, fill, bus, trusting)
            alternate(contenders, ROUNDS)
    headline("receive, match and count the events of a full queue")
    show(contenders)
    headline("the same beside kombu.Consumer with no_ack, which may lose what it has read")
    for contender in contenders:
        contender.rival = contenders[1]
    show(contenders)


if __name__ == "__main__":
    main()
