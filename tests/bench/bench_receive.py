"""How fast is receiving with a query, beside a kombu consumer that only counts?

Everyone reads a queue that was filled before, while nobody publishes. Timed is what comes after
the first two windows, so that nothing was read ahead.
"""

from __future__ import annotations

import multiprocessing
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from clacks_events import Bus, BusOptions, Event, connect
from tests.bench.bench import Contender, Cost, alternate, headline, running_broker, show
from tests.bench.rivals import KombuPublisher, Progress, call_event, drain_with_kombu
from tests.harness.broker import connected

WINDOW = 1000
FIRST = 2 * WINDOW
EVENTS = 4000  # per round, FIRST of them not timed
ROUNDS = 4
ASKED = 0.4
ONE_TYPE = "./e:Event/e:PhoneStatus"
CONTENT = "./e:Event/e:PhoneStatus[e:CallerId = '+49293312345' and e:Status = 'busy']"


def publish_on_demand(url: str, orders: Any) -> None:
    """Publish as many events as each order says; runs in a process of its own."""
    event = call_event()
    with connected(url) as connection:
        publisher = KombuPublisher(connection, event)
        while number := orders.recv():
            for _ in range(number):
                publisher.publish_alike()
            publisher.flush()
            orders.send(number)


@contextmanager
def filler(url: str) -> Iterator[Callable[[], None]]:
    """Give a function that has the events of a round published by another process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=publish_on_demand, args=(url, theirs))
    process.start()
    theirs.close()

    def fill() -> None:
        ours.send(EVENTS)
        ours.recv()

    try:
        yield fill
    finally:
        ours.send(0)
        process.join()


def drain(
    fill: Callable[[], None], bus: Bus, query: str | None = None, types: Sequence[str] = ()
) -> Cost:
    """Let the handler wait until the queue is full, then read it."""
    progress, gate = Progress(FIRST, EVENTS), threading.Event()

    def handle(_: Event) -> None:
        gate.wait()
        progress.step()

    with bus.subscribe(query, handle, types=types):
        try:
            fill()
        finally:
            gate.set()
        return progress.wait()


def drain_durable(fill: Callable[[], None], bus: Bus, query: str) -> Cost:
    """Make the queue, fill it while nobody reads, then read it."""
    bus.subscribe(query, durable="bench").close()
    fill()
    progress = Progress(FIRST, EVENTS)
    with bus.subscribe(query, progress.step, durable="bench"):
        return progress.wait()


def kombu_round(url: str, fill: Callable[[], None], *, acks: bool) -> Cost:
    return drain_with_kombu(url, "kombu", Progress(FIRST, EVENTS), fill, acks=acks, window=WINDOW)


def compare(url: str, fill: Callable[[], None], bus: Bus, trusting: Bus) -> list[Contender]:
    kombu = Contender("kombu.Consumer, message.ack()", partial(kombu_round, url, fill, acks=True))
    blind = Contender("kombu.Consumer, no_ack", partial(kombu_round, url, fill, acks=False), kombu)
    ours = {
        "query for one type": partial(drain, fill, bus, ONE_TYPE),
        "query for one type and content": partial(drain, fill, bus, CONTENT),
        "the same, durable": partial(drain_durable, fill, bus, CONTENT),
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
