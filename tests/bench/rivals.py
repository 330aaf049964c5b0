"""kombu as people use it without this package, and the queues that a benchmark needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from typing import Any

from clacks_events import Event
from tests.bench.bench import Cost
from tests.harness.broker import USER, connected
from tests.harness.waiting import wait_until

__all__ = [
    "CALL",
    "EXCHANGE",
    "KEY",
    "KombuPublisher",
    "Progress",
    "call_event",
    "drain_with_kombu",
    "queue_of",
]

kombu: Any = import_module("kombu")  # it says that it is typed and is not

EXCHANGE = kombu.Exchange("clacks.events", "topic", durable=True)
KEY = "Event.PhoneStatus.pbx"
CALL = (
    b'<PhoneStatus xmlns="http://www.gonicus.de/Events"><CallerId>+49293312345</CallerId>'
    b"<ReceiverId>300</ReceiverId><Status>busy</Status></PhoneStatus>"
)
_STAMPED = (
    b'<e:Event xmlns:e="http://www.gonicus.de/Events" '
    b'id="0197b3c5-7a10-7c3e-9a51-0d3f5b9c6e21" source="pbx" time="2026-01-31T12:00:00.123456Z">'
    b"%b</e:Event>"
)


def call_event() -> Event:
    """Return the call as it travels: in its envelope and stamped."""
    return Event.from_xml(_STAMPED % CALL)


class KombuPublisher:
    """A kombu.Producer that publishes the same event again and again."""

    def __init__(self, connection: Any, event: Event) -> None:
        self._body = event.xml
        self._properties = {
            "message_id": event.id,
            "type": event.type,
            "timestamp": int(event.time.timestamp()) if isinstance(event.time, datetime) else 0,
            "user_id": USER,
        }
        channel = connection.channel()
        self._producer = kombu.Producer(channel, EXCHANGE)

    def publish(self) -> None:
        """Publish the bytes with their content type alone."""
        self._producer.publish(
            self._body, routing_key=KEY, content_type="application/xml", delivery_mode=1
        )

    def publish_alike(self) -> None:
        """Publish the bytes with all properties that ours carry."""
        self._producer.publish(
            self._body,
            routing_key=KEY,
            content_type="application/xml",
            delivery_mode=1,
            **self._properties,
        )

    def flush(self) -> None:
        """Return when the broker has routed what was published."""
        # It answers on a channel in the order of what it was sent there.
        self._producer.channel.basic_qos(0, 1, False)


@contextmanager
def queue_of(url: str, name: str, pattern: str, **options: Any) -> Iterator[Any]:
    """Give a queue, bound to the exchange, and remove it in the end."""
    with connected(url) as connection:
        queue = kombu.Queue(name, EXCHANGE, pattern, **options)(connection.channel())
        queue.declare()
        yield queue
        queue.delete()


class Progress:
    """Counts events, and times those between ``first`` and ``last``."""

    def __init__(self, first: int, last: int) -> None:
        self._first = first
        self._last = last
        self.count = 0
        self.is_done = False
        self._begun = (0.0, 0.0)
        self.cost = Cost(0.0, 0.0)

    def step(self, *_: object) -> None:
        self.count += 1
        if self.count == self._first:
            self._begun = (time.perf_counter(), time.process_time())
        elif self.count == self._last:
            wall, cpu = time.perf_counter() - self._begun[0], time.process_time() - self._begun[1]
            events = self._last - self._first
            self.cost = Cost(wall * 1e6 / events, cpu * 1e6 / events)
            self.is_done = True

    def wait(self) -> Cost:
        """Wait for the last event, without much CPU of our own."""
        wait_until(lambda: self.is_done, 30.0, lambda: f"{self.count} of {self._last}")
        return self.cost


def drain_with_kombu(
    url: str, name: str, progress: Progress, fill: Callable[[], None], *, acks: bool, window: int
) -> Cost:
    """Fill a queue and read it with a kombu.Consumer whose callback only counts."""

    def count(message: Any) -> None:
        progress.step()
        if acks:
            message.ack()

    options = {"exclusive": True, "auto_delete": True}
    with connected(url) as connection:
        channel = connection.channel()
        queue = kombu.Queue(name, EXCHANGE, KEY, **options)(channel)
        queue.declare()
        fill()
        channel.basic_qos(0, window, False)
        with kombu.Consumer(channel, [queue], on_message=count, no_ack=not acks):
            while not progress.is_done:
                connection.drain_events(timeout=30.0)
    return progress.cost
