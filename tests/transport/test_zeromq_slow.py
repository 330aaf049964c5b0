"""Clients of the embedded server that do not keep up, or are stopped."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from queue import SimpleQueue

import pytest

from clacks_events import Event, connect
from clacks_events.config import parse_url
from clacks_events.transport.base import InboxOptions, Message
from clacks_events.transport.zeromq import wire
from clacks_events.transport.zeromq.greeting import hello
from clacks_events.transport.zeromq.server import ensure_server
from clacks_events.transport.zeromq.server.broker import Broker
from clacks_events.transport.zeromq.server.queues import Limits
from tests.harness.waiting import wait_until
from tests.transport.embedded import Reading, Serving, memory, opened
from tests.transport.traffic import FORGET, Reader, send

EVENTS = 300_000
KEPT = Limits().backlog
WINDOW = 1000
MOST = 96 * 2**20  # bytes: what waits for one inbox, with all that is around it


@pytest.mark.parametrize("is_stopped", [True, False])
def test_one_that_does_not_read_is_told_what_it_lost_and_costs_the_others_nothing(
    is_stopped: bool,
) -> None:
    message = Message(bytes(400), "Event.A.s")
    with (
        Serving() as server,
        Reading(server.url, settles=is_stopped) as lame,
        Reading(server.url) as other,
        opened(server.url) as publisher,
    ):
        if is_stopped:
            lame.stop()
        before = memory(server.process.pid)
        for _ in range(EVENTS):
            publisher.publish(message, FORGET)
        wait_until(lambda: other.counted() == (EVENTS, 0), 30, lambda: str(other.counted()))
        assert memory(server.process.pid, "VmHWM") - before < MOST
        if is_stopped:
            lame.go_on()
            wait_until(lambda: sum(lame.counted()) == EVENTS, 30, lambda: str(lame.counted()))
            assert lame.counted()[0] >= KEPT
        else:
            # It sees what it loses while it is still not reading.
            expected = (WINDOW, EVENTS - WINDOW - KEPT)
            wait_until(lambda: lame.counted() == expected, 10, lambda: str(lame.counted()))
        assert "trying again" not in lame.err


def test_a_handler_that_hangs_loses_what_its_bus_is_told_of() -> None:
    goes_on, handled = threading.Event(), SimpleQueue[Event]()

    def handle(event: Event) -> None:
        goes_on.wait()
        handled.put(event)

    limits = Limits(backlog=100)
    with (
        ensure_server(parse_url("zmq://127.0.0.1:0"), keys=None, limits=limits) as server,
        connect(server.url) as publisher,
        connect(server.url) as consumer,
    ):
        consumer.subscribe(handler=handle)
        event = publisher.catalog.sample("PhoneStatus")
        for _ in range(2000):
            publisher.publish(event)
        wait_until(lambda: consumer.counters.lost == 2000 - WINDOW - 100)
        assert server.counters.lost == consumer.counters.lost
        goes_on.set()
        wait_until(lambda: handled.qsize() == WINDOW + 100)
        assert consumer.counters.received + consumer.counters.lost == 2000


def test_large_messages_are_bounded_by_their_size() -> None:
    reader = Reader()
    limits = Limits(backlog_size=2**20, in_flight_size=2**20)
    bodies = [bytes([number]) * 2**18 for number in range(100)]
    with (
        ensure_server(parse_url("zmq://127.0.0.1:0"), keys=None, limits=limits) as server,
        Reading(server.url, settles=False) as lame,
        opened(server.url) as transport,
    ):
        transport.open_inbox(["#"], reader, InboxOptions())
        for number, body in enumerate(bodies):
            send(transport, body)
            reader.wait_for(number + 1)
        assert reader.bodies == bodies
        # A little less than 1 MB waits, and a little more is on its way.
        expected = (4, len(bodies) - 4 - 3)
        wait_until(lambda: lame.counted() == expected, message=lambda: str(lame.counted()))


@pytest.mark.parametrize("size", [100_000, 3_000_000])
def test_large_messages_flow(zmq_url: str, size: int) -> None:
    """What is on its way is bounded by its size as well, and settled in time for that."""
    reader = Reader()
    with opened(zmq_url) as consumer, opened(zmq_url) as publisher:
        consumer.open_inbox(["#"], reader, InboxOptions(window=100_000))
        for _ in range(40_000_000 // size):
            send(publisher, bytes(size))
        assert len(reader.wait_for(40_000_000 // size)) == 40_000_000 // size


def test_large_headers_flow_too(zmq_url: str) -> None:
    reader = Reader()
    headers = {"long": "x" * 50_000}
    with opened(zmq_url) as consumer, opened(zmq_url) as publisher:
        consumer.open_inbox(["#"], reader, InboxOptions())
        for _ in range(400):
            publisher.publish(Message(b"1", "Event.A.s", headers), FORGET)
        reader.wait_for(400)


class Sent:
    """What a broker has sent, by peer."""

    def __init__(self) -> None:
        self.frames: list[tuple[bytes, bytes]] = []

    def __call__(self, peer: bytes, frames: Sequence[bytes]) -> None:
        self.frames.append((peer, frames[0]))


def broker_with_client(now: float) -> tuple[Broker, Sent]:
    sent = Sent()
    broker = Broker(sent, Limits())
    broker.tick(now)
    broker.take(b"client", (wire.ASK, wire.pack(0), hello("session")), b"", now)
    return broker, sent


def test_a_silent_client_is_kept_for_as_long_as_the_limit_says() -> None:
    broker, _ = broker_with_client(1000.0)
    for second in range(1, 31):
        broker.tick(1000.0 + second)
        assert broker.peers == (b"client",)
    broker.tick(1031.0)
    assert broker.peers == ()


def test_a_client_that_says_something_stays() -> None:
    broker, sent = broker_with_client(1000.0)
    for second in range(1, 100):
        broker.take(b"client", (wire.PING,), b"", 1000.0 + second)
        broker.tick(1000.0 + second)
    assert broker.peers == (b"client",)
    assert sent.frames.count((b"client", wire.PONG)) == 99


def test_a_server_that_was_stopped_itself_forgets_nobody() -> None:
    broker, _ = broker_with_client(1000.0)
    broker.tick(1001.0)
    broker.tick(2000.0)
    assert broker.peers == (b"client",)
    for second in range(1, 30):
        broker.tick(2000.0 + second)
    assert broker.peers == (b"client",)


def test_who_is_turned_away_hears_so_once_a_second() -> None:
    broker, sent = broker_with_client(1000.0)
    for _ in range(5):
        broker.take(b"stranger", (wire.PING,), b"", 1000.0)
    assert sent.frames.count((b"stranger", wire.WHO)) == 1
    broker.tick(1001.0)
    broker.take(b"stranger", (wire.PING,), b"", 1001.0)
    assert sent.frames.count((b"stranger", wire.WHO)) == 2
