"""Messages and calls that tests send, and what takes them."""

from __future__ import annotations

from collections.abc import Sequence

from clacks_events.transport.base import Delivery, Message, PublishOptions, Request, Transport
from tests.harness.waiting import wait_until

FORGET = PublishOptions()
CONFIRM = PublishOptions(confirm=True)


class Reader:
    """Collects what an inbox delivers and acknowledges it."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def __call__(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self.messages.append(delivery.message)
            delivery.ack()

    @property
    def bodies(self) -> list[bytes]:
        return [message.body for message in self.messages]

    def wait_for(self, count: int) -> list[bytes]:
        wait_until(lambda: len(self.messages) >= count, message=lambda: f"{len(self.messages)}")
        return self.bodies


def send(transport: Transport, *bodies: bytes, key: str = "Event.A.s") -> None:
    for body in bodies:
        transport.publish(Message(body, key), FORGET)


def flush(transport: Transport, reader: Reader) -> None:
    """Return when all that was published before on this transport has arrived."""
    before = len(reader.messages)
    send(transport, b"last", key="flush.flush")
    wait_until(lambda: b"last" in reader.bodies[before:])
    reader.messages = [message for message in reader.messages if message.body != b"last"]


def echo(request: Request) -> None:
    request.accept()
    request.reply(request.message.body.upper())
