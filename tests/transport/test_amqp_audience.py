"""Who listens, as RabbitMQ tells: what probes cost, and a broker that is away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import amqp
import pytest

from clacks_events import BusOptions, ConnectionLost, NobodyListens
from clacks_events.transport import open_transport
from clacks_events.transport.base import PROBE, InboxOptions, Message, Transport
from tests.harness.broker import Broker, connected
from tests.harness.waiting import wait_until
from tests.transport.traffic import CONFIRM, FORGET, Reader

KEY = "Event.A.s"


@pytest.fixture
def transport(amqp_url: str) -> Iterator[Transport]:
    opened = open_transport(amqp_url, BusOptions(publish_timeout=10.0))
    yield opened
    opened.close()


def is_taken(transport: Transport) -> bool:
    try:
        transport.publish(Message(b"1", KEY), CONFIRM)
    except NobodyListens:
        return False
    return True


def test_a_confirmed_event_tells_at_once(transport: Transport) -> None:
    told: list[int] = []
    transport.watch(KEY, told.append)
    for _ in range(3):
        inbox = transport.open_inbox(["Event.A.#"], Reader(), InboxOptions())
        assert transport.publish(Message(b"1", KEY), CONFIRM) == 1
        assert told[-1] == 1
        inbox.close()
        wait_until(lambda: not is_taken(transport))
        assert told[-1] == 0
    assert transport.publish(Message(b"1", KEY), FORGET) == 0


def test_who_is_told_may_publish(transport: Transport) -> None:
    reader, told = Reader(), list[int]()
    transport.open_inbox(["echo"], reader, InboxOptions())

    def tell(count: int) -> None:
        told.append(count)
        transport.publish(Message(b"%d" % count, "echo"), CONFIRM)

    transport.watch(KEY, tell)
    inbox = transport.open_inbox(["Event.A.#"], Reader(), InboxOptions())
    assert is_taken(transport)
    inbox.close()
    wait_until(lambda: told == [0, 1, 0])
    assert reader.wait_for(3) == [b"0", b"1", b"0"]


class Tap:
    """A foreign client that takes what is sent under KEY, probes as well."""

    def __init__(self, connection: Any, channel: Any) -> None:
        self.types: list[str] = []
        self._connection = connection
        queue = channel.queue_declare("", exclusive=True).queue
        channel.queue_bind(queue, "clacks.events", KEY)
        channel.basic_consume(queue, no_ack=True, callback=self._take)

    def _take(self, raw: amqp.Message) -> None:
        self.types.append(raw.properties["content_type"])

    def read_until(self, count: int, content_type: str) -> None:
        while self.types.count(content_type) < count:
            self._connection.drain_events(timeout=10.0)


def test_no_probes_are_sent_while_confirmed_events_tell_the_same(
    amqp_url: str, transport: Transport
) -> None:
    told: list[int] = []
    with connected(amqp_url) as other, other.channel() as channel:
        tap = Tap(other, channel)
        transport.watch(KEY, told.append)
        # Three seconds, in which three probes would be due.
        for _ in range(30):
            assert is_taken(transport)
            threading.Event().wait(0.1)
        tap.read_until(30, "application/xml")
        # The one that the watch began with.
        assert tap.types.count(PROBE) == 1
        tap.read_until(3, PROBE)
    assert told == [1]


def test_probes_do_not_pile_up_in_a_durable_inbox_without_a_reader(
    amqp_url: str, transport: Transport
) -> None:
    told: list[int] = []
    transport.open_inbox(["Event.A.#"], Reader(), InboxOptions(durable="kept")).close()
    transport.watch(KEY, told.append)
    other = transport.open_inbox(["Event.B.#"], Reader(), InboxOptions())
    transport.watch("Event.B.s", told.append)
    other.close()
    wait_until(lambda: told == [1, 1, 0])
    with connected(amqp_url) as connection, connection.channel() as channel:
        assert channel.queue_declare("kept", passive=True).message_count == 0


def test_a_watch_outlives_a_broker_that_is_away(private_broker: Broker) -> None:
    options = BusOptions(publish_timeout=1.0)
    consumer = open_transport(private_broker.url, options)
    transport = open_transport(private_broker.url, options)
    told: list[int] = []
    late: list[int] = []
    try:
        consumer.open_inbox(["Event.A.#"], Reader(), InboxOptions())
        watched = transport.watch(KEY, told.append)
        private_broker.stop()
        with pytest.raises(ConnectionLost, match="no broker for 1 s"):
            transport.watch(KEY, late.append)
        # Long enough for a probe to fail.
        threading.Event().wait(2.5)
        assert told == [1]
        private_broker.start()
        wait_until(lambda: consumer.counters.reconnects, 30.0)
        consumer.close()
        wait_until(lambda: told[-1] == 0, 30.0)
        assert late == []
        watched.close()
    finally:
        transport.close()
        consumer.close()


def test_the_thread_that_watches_ends_with_the_last_watch(transport: Transport) -> None:
    before = watching()
    watches = [transport.watch(key, lambda _: None) for key in (KEY, "Event.B.s")]
    assert watching() == before + 1
    for watched in watches:
        watched.close()
    wait_until(lambda: watching() == before)
    told: list[int] = []
    transport.watch(KEY, told.append)
    transport.open_inbox(["#"], Reader(), InboxOptions())
    wait_until(lambda: told == [0, 1])
    transport.close()
    assert watching() == before


def watching() -> int:
    return sum(thread.name == "clacks-watch" for thread in threading.enumerate())
