"""What every transport does, whatever is behind it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from clacks_events import ConnectionLost, NobodyListens, PublishFailed
from clacks_events.event import HeaderValue
from clacks_events.topic import matches
from clacks_events.transport.base import Delivery, InboxOptions, Message, Request
from tests.harness.waiting import wait_until
from tests.transport.conftest import OpenTransport
from tests.transport.traffic import CONFIRM, FORGET, Reader, echo, flush, send

KEYS = ["Event.A.s", "Event.A.B.s", "Event.B.s", "Event.B.t", "Event", "a.b.c.d", "A"]
PATTERNS = [
    "#", "Event.#", "Event.*.s", "Event.#.B.#", "#.s", "*", "*.*", "Event.A.#.s", "Event",
    "#.B.#", "a.#.d", "a.*.d", "#.#", "*.#.t",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_select_keys_as_amqp_says(connected: OpenTransport, pattern: str) -> None:
    transport, reader = connected(), Reader()
    transport.open_inbox([pattern, "flush.flush"], reader, InboxOptions())
    for key in KEYS:
        send(transport, key.encode(), key=key)
    flush(transport, reader)
    assert reader.bodies == [key.encode() for key in KEYS if matches(pattern, key)]


def test_a_message_arrives_once_however_many_patterns_match(connected: OpenTransport) -> None:
    transport, reader = connected(), Reader()
    patterns = ["#", "Event.#", "Event.A.*", "flush.flush"]
    transport.open_inbox(patterns, reader, InboxOptions())
    send(transport, b"1")
    flush(transport, reader)
    assert reader.bodies == [b"1"]


def test_every_inbox_that_matches_gets_its_own_copy(connected: OpenTransport) -> None:
    publisher, one, two, three = connected(), Reader(), Reader(), Reader()
    consumer = connected()
    publisher.open_inbox(["Event.#"], one, InboxOptions())
    consumer.open_inbox(["Event.A.#"], two, InboxOptions())
    consumer.open_inbox(["Event.B.#"], three, InboxOptions())
    send(publisher, b"1")
    assert one.wait_for(1) == two.wait_for(1) == [b"1"]
    assert three.bodies == []


def test_nobody_listening_means_lost(connected: OpenTransport) -> None:
    transport, reader = connected(), Reader()
    send(transport, b"too early")
    transport.open_inbox(["#"], reader, InboxOptions())
    flush(transport, reader)
    assert reader.bodies == []


def test_messages_of_one_publisher_stay_in_order(connected: OpenTransport) -> None:
    publisher, reader = connected(), Reader()
    connected().open_inbox(["Event.#"], reader, InboxOptions(window=7))
    bodies = [str(number).encode() for number in range(500)]
    send(publisher, *bodies)
    assert reader.wait_for(500) == bodies


def test_threads_publish_on_one_transport(connected: OpenTransport) -> None:
    publisher, reader = connected(), Reader()
    connected().open_inbox(["Event.#"], reader, InboxOptions())

    def publish(thread: int) -> None:
        send(publisher, *(f"{thread} {number}".encode() for number in range(100)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(publish, range(8)))
    arrived = [tuple(map(int, body.split())) for body in reader.wait_for(800)]
    for thread in range(8):
        assert [number for sender, number in arrived if sender == thread] == list(range(100))


def test_what_is_said_about_a_message_travels(connected: OpenTransport) -> None:
    transport, reader = connected(), Reader()
    transport.open_inbox(["#"], reader, InboxOptions())
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    headers: dict[str, HeaderValue] = {
        "text": "ü", "yes": True, "number": -(2**40), "float": 0.5, "exact": Decimal("1.25"),
        "when": moment, "bytes": b"\x00\xff", "traceparent": "00-1-2-01",
    }  # fmt: skip
    transport.publish(Message(b"<a/>", "Event.A.s", headers, id="i", type="t", time=moment), FORGET)
    reader.wait_for(1)
    message = reader.messages[0]
    assert (message.body, message.key, message.id) == (b"<a/>", "Event.A.s", "i")
    assert (message.type, message.time) == ("t", moment)
    assert message.content_type == "application/xml"
    assert dict(message.headers) == headers
    assert {name: type(value) for name, value in message.headers.items()} == {
        name: type(value) for name, value in headers.items()
    }


def test_a_large_message_arrives_whole(connected: OpenTransport) -> None:
    transport, reader = connected(), Reader()
    transport.open_inbox(["#"], reader, InboxOptions())
    body = bytes(range(256)) * 12_000
    send(transport, b"before", body, b"after")
    assert reader.wait_for(3) == [b"before", body, b"after"]


def test_bindings_change_without_missing_those_that_stay(connected: OpenTransport) -> None:
    publisher, reader = connected(), Reader()
    inbox = connected().open_inbox(["Event.A.#"], reader, InboxOptions())
    done = threading.Event()
    sent: list[bytes] = []

    def publish() -> None:
        while not done.is_set():
            sent.append(str(len(sent)).encode())
            send(publisher, sent[-1])

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        for _ in range(20):
            inbox.bind(["Event.A.#", "Event.B.#"])
            inbox.bind(["Event.C.#", "Event.A.#"])
    finally:
        done.set()
        thread.join()
    assert reader.wait_for(len(sent)) == sent


def test_a_pattern_that_is_gone_selects_nothing(connected: OpenTransport) -> None:
    transport, reader = connected(), Reader()
    inbox = transport.open_inbox(["Event.A.#", "flush.flush"], reader, InboxOptions())
    inbox.bind(["Event.B.#", "flush.flush"])
    send(transport, b"old")
    send(transport, b"new", key="Event.B.s")
    flush(transport, reader)
    assert reader.bodies == [b"new"]


def test_an_inbox_without_patterns_gets_nothing(connected: OpenTransport) -> None:
    transport, reader, witness = connected(), Reader(), Reader()
    transport.open_inbox([], reader, InboxOptions())
    transport.open_inbox(["#"], witness, InboxOptions())
    send(transport, b"1")
    witness.wait_for(1)
    assert reader.bodies == []


def test_a_closed_inbox_delivers_no_more(connected: OpenTransport) -> None:
    transport, reader, witness = connected(), Reader(), Reader()
    inbox = transport.open_inbox(["#"], reader, InboxOptions())
    transport.open_inbox(["#"], witness, InboxOptions())
    send(transport, b"1")
    reader.wait_for(1)
    inbox.close()
    inbox.close()
    transport.open_inbox(["other"], Reader(), InboxOptions())
    send(transport, b"2")
    assert witness.wait_for(2) == [b"1", b"2"]
    assert reader.bodies == [b"1"]


def test_a_durable_inbox_that_was_stopped_hands_over_nothing_and_keeps_the_rest(
    connected: OpenTransport,
) -> None:
    publisher, reader, stopped = connected(), Reader(), threading.Event()
    bodies = [str(number).encode() for number in range(3000)]
    late: list[Message] = []

    def read(deliveries: Sequence[Delivery]) -> None:
        if stopped.is_set():
            late.extend(delivery.message for delivery in deliveries)
        reader(deliveries)

    options = InboxOptions(window=100, durable="mine")
    inbox = connected().open_inbox(["#"], read, options)
    send(publisher, *bodies[:1500])
    reader.wait_for(1)
    inbox.stop()
    stopped.set()
    send(publisher, *bodies[1500:])
    inbox.close()
    again = Reader()
    connected().open_inbox(["#"], again, options)
    wait_until(lambda: len(reader.messages) + len(again.messages) >= len(bodies))
    assert late == []
    assert set(reader.bodies) | set(again.bodies) == set(bodies)


def test_closing_while_messages_arrive_ends_cleanly(connected: OpenTransport) -> None:
    publisher, consumer, reader = connected(), connected(), Reader()
    consumer.open_inbox(["#"], reader, InboxOptions())
    done = threading.Event()

    def publish() -> None:
        while not done.is_set():
            send(publisher, b"1")

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        reader.wait_for(100)
        consumer.close()
        consumer.close()
    finally:
        done.set()
        thread.join()
    with pytest.raises(ConnectionLost, match="closed"):
        consumer.publish(Message(b"1", "a"), FORGET)


def test_a_confirmed_message_needs_somebody_to_take_it(connected: OpenTransport) -> None:
    transport, reader = connected(), Reader()
    assert issubclass(NobodyListens, PublishFailed)
    with pytest.raises(NobodyListens, match=r"nobody takes Event\.A\.s"):
        transport.publish(Message(b"1", "Event.A.s"), CONFIRM)
    transport.open_inbox(["Event.A.#"], reader, InboxOptions())
    assert transport.publish(Message(b"2", "Event.A.s"), CONFIRM) >= 1
    assert reader.wait_for(1) == [b"2"]
    with pytest.raises(NobodyListens):
        transport.publish(Message(b"3", "Event.B.s"), CONFIRM)
    assert transport.counters.published == 1


def test_a_durable_inbox_keeps_what_arrives_meanwhile(connected: OpenTransport) -> None:
    publisher, consumer, first, second = connected(), connected(), Reader(), Reader()
    options = InboxOptions(durable="kept")
    inbox = consumer.open_inbox(["Event.#"], first, options)
    send(publisher, b"1")
    first.wait_for(1)
    inbox.close()
    # Opening another inbox takes its turn behind the closing.
    consumer.open_inbox(["other"], Reader(), InboxOptions())
    publisher.publish(Message(b"2", "Event.A.s"), CONFIRM)
    connected().open_inbox(["Event.#"], second, options)
    assert second.wait_for(1) == [b"2"]
    assert first.bodies == [b"1"]


def test_a_call_is_answered(connected: OpenTransport) -> None:
    server, client = connected(), connected()
    server.serve("work", echo)
    answers = [client.request("work", Message(b"a%d" % n), 10.0) for n in range(50)]
    assert [answer.result(10.0) for answer in answers] == [b"A%d" % n for n in range(50)]


def test_a_call_waits_for_a_server_that_starts_in_time(connected: OpenTransport) -> None:
    client = connected()
    answer = client.request("work", Message(b"early"), 10.0)
    connected().serve("work", echo)
    assert answer.result(10.0) == b"EARLY"


def test_a_call_that_nobody_takes_in_time_is_withdrawn(connected: OpenTransport) -> None:
    client, seen = connected(), Reader()
    answer = client.request("work", Message(b"late"), 0.2)
    with pytest.raises(NotInTime):
        answer.result(0.3)
    answer.cancel()

    def serve(request: Request) -> None:
        seen.messages.append(request.message)
        echo(request)

    connected().serve("work", serve)
    assert client.request("work", Message(b"next"), 10.0).result(10.0) == b"NEXT"
    assert seen.bodies == [b"next"]


def test_servers_share_the_calls(connected: OpenTransport) -> None:
    done: Counter[str] = Counter()

    def server(name: str) -> Callable[[Request], None]:
        def serve(request: Request) -> None:
            done[name] += 1
            echo(request)

        return serve

    connected().serve("work", server("one"))
    connected().serve("work", server("two"))
    client = connected()
    for number in range(20):
        assert client.request("work", Message(b"%d" % number), 10.0).result(10.0)
    assert done["one"] + done["two"] == 20
    assert min(done.values()) > 0


def replying(body: bytes) -> Callable[[Request], None]:
    """Serve by answering at once, without a word that work begins."""

    def serve(request: Request) -> None:
        request.reply(body)

    return serve


def test_a_server_that_stopped_gets_no_more_calls(connected: OpenTransport) -> None:
    first, second, client = connected(), connected(), connected()
    served = first.serve("work", replying(b"first"))
    assert client.request("work", Message(b""), 10.0).result(10.0) == b"first"
    served.close()
    served.close()
    second.serve("work", replying(b"second"))
    wait_until(lambda: client.request("work", Message(b""), 10.0).result(10.0) == b"second")


def test_closing_ends_pending_calls(connected: OpenTransport) -> None:
    client = connected()
    client.request("work", Message(b"a"), 30.0)
    answer = client.request("work", Message(b"b"), 30.0)
    client.close()
    with pytest.raises(ConnectionLost):
        answer.result(10.0)


def test_counters_tell_what_happened(connected: OpenTransport) -> None:
    transport, reader = connected(), Reader()
    transport.open_inbox(["Event.#"], reader, InboxOptions())
    send(transport, b"1", b"2")
    send(transport, b"3", key="other")
    reader.wait_for(2)
    assert (transport.counters.published, transport.counters.received) == (3, 2)
