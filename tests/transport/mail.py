"""Readers of mailboxes for tests."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from clacks_events.transport.base import (
    Delivery,
    Mailboxes,
    Message,
    PublishOptions,
    Reading,
    Transport,
)
from tests.harness.broker import Broker
from tests.harness.waiting import wait_until
from tests.transport.traffic import CONFIRM

__all__ = ["Box", "keep", "mailboxes", "numbered", "publish", "queues"]

KEPT = PublishOptions(confirm=True, persistent=True)


def mailboxes(transport: Transport) -> Mailboxes:
    found = transport.mailboxes
    assert found is not None
    return found


class Box:
    """Collects what a mailbox delivers, and acknowledges it if it is to."""

    def __init__(self, transport: Transport, name: str, *, acks: bool = True, window: int = 100):
        self.bodies: list[bytes] = []
        self.unsettled: list[Delivery] = []
        self.went = threading.Event()
        self._acks = acks
        reading = mailboxes(transport).read(name, self._take, window, self.went.set)
        assert reading is not None, name
        self.reading: Reading = reading

    def _take(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self.bodies.append(delivery.message.body)
            if self._acks:
                delivery.ack()
            else:
                self.unsettled.append(delivery)

    def wait_for(self, count: int, timeout: float = 10.0) -> list[bytes]:
        wait_until(lambda: len(self.bodies) >= count, timeout, lambda: f"{self.bodies}")
        return self.bodies

    def close(self) -> None:
        self.reading.close()


def publish(transport: Transport, *bodies: bytes, key: str = "Event.A.s") -> None:
    """Return when the mailboxes have it."""
    for body in bodies:
        transport.publish(Message(body, key), CONFIRM)


def keep(transport: Transport, *bodies: bytes, key: str = "Event.A.s") -> None:
    """Have it survive a restart of the broker."""
    for body in bodies:
        transport.publish(Message(body, key), KEPT)


def queues(broker: Broker, vhost: str, column: str = "name") -> list[str]:
    """Return a column of the broker's list of mailboxes and of notes."""
    arguments = ("list_queues", "-p", vhost, "--no-table-headers", "name", column)
    rows = [line.split() for line in broker.ctl(*arguments).splitlines()]
    return sorted(row[-1] for row in rows if row[0].startswith("clacks.events."))


def numbered(count: int) -> list[bytes]:
    """Return so many different bodies."""
    return [str(number).encode() for number in range(count)]
