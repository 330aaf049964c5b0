"""Mailboxes when a reader, the connection or the broker goes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import amqp
import pytest

from clacks_events import BusOptions, ConnectionLost
from clacks_events.transport import open_transport
from clacks_events.transport.amqp import notes, readings
from clacks_events.transport.base import MailboxOptions, Transport
from tests.harness.broker import Broker
from tests.harness.program import Program
from tests.harness.waiting import wait_until
from tests.transport.conftest import OpenTransport
from tests.transport.mail import Box, keep, mailboxes, numbered, publish, queues
from tests.transport.relay import Forwarder

PATIENT = BusOptions(publish_timeout=30.0)
QUICK = BusOptions(publish_timeout=1.0)

HOARDER = """
import sys, threading
from clacks_events.transport import open_transport

held = []

def hold(deliveries):
    held.extend(deliveries)
    if len(held) >= 20:
        for delivery in held[:5]:
            delivery.ack()
        print("held", flush=True)

mailboxes = open_transport(sys.argv[1]).mailboxes
reading = mailboxes.read("m", hold, 20)
threading.Event().wait()
"""


@pytest.fixture
def url(amqp_url: str) -> str:
    """Only RabbitMQ has mailboxes."""
    return amqp_url


@contextmanager
def opened(url: str, options: BusOptions = PATIENT) -> Iterator[Transport]:
    transport = open_transport(url, options)
    try:
        yield transport
    finally:
        transport.close()


def test_what_a_killed_reader_held_comes_again_elsewhere(
    connected: OpenTransport, url: str, broker: Broker
) -> None:
    transport = connected()
    mailboxes(transport).open("m", b"what for", ["#"])
    publish(transport, *numbered(100))
    with Program(url, command=(sys.executable, "-c", HOARDER)) as hoarder:
        hoarder.wait_for("held")
        # The broker may not have heard of all that was acknowledged when it dies.
        unsettled = ["1", "95"]
        wait_until(lambda: queues(broker, urlsplit(url).path[1:], "messages") == unsettled)
        hoarder.process.kill()
        hoarder.wait()
    assert mailboxes(transport).note("m") == b"what for"
    assert Box(transport, "m").wait_for(95) == numbered(100)[5:]


def test_reading_goes_on_after_the_connection_was_closed(
    connected: OpenTransport, url: str, broker: Broker
) -> None:
    transport = connected()
    mailboxes(transport).open("m", b"", ["#"])
    publish(transport, *numbered(10))
    box = Box(transport, "m", acks=False)
    box.wait_for(10)
    box.unsettled[0].ack()
    vhost = urlsplit(url).path[1:]
    wait_until(lambda: queues(broker, vhost, "messages") == ["1", "9"])
    broker.ctl("close_all_connections", "--vhost", vhost, "as a test")
    box.wait_for(19)
    assert box.bodies[10:] == numbered(10)[1:]
    # Those of the former connection mean nothing any more.
    for delivery in box.unsettled:
        delivery.ack()
    publish(transport, b"after")
    box.wait_for(20)
    box.close()
    assert Box(transport, "m").wait_for(1) == [b"after"]


def test_a_mailbox_survives_a_restart_with_its_note_and_its_readings(
    private_broker: Broker,
) -> None:
    with opened(private_broker.url) as one, opened(private_broker.url) as two:
        options = MailboxOptions(expires=120)
        mailboxes(one).open("read", b"read", ["Event.A.#"], options)
        mailboxes(one).open("unread", b"unread", ["#"], options)
        box = Box(two, "read")
        for end in (private_broker.stop, private_broker.kill):
            keep(one, b"before")
            box.wait_for(1)
            end()
            private_broker.start()
            assert mailboxes(two).note("unread") == b"unread"
            assert mailboxes(one).note("read") == b"read"
            keep(one, b"after")
            wait_until(lambda: box.bodies[-1] == b"after", 30.0)
            box.bodies.clear()
        assert mailboxes(two).change("read", b"changed", ["Event.B.#"], ["Event.A.#"])
        keep(one, b"other", key="Event.B.s")
        wait_until(lambda: box.bodies == [b"other"], 30.0)
        unread = Box(two, "unread")
        assert unread.wait_for(5) == [b"before", b"after", b"before", b"after", b"other"]


def test_without_a_broker_calls_fail_in_time_and_work_afterwards(private_broker: Broker) -> None:
    with opened(private_broker.url, QUICK) as transport, opened(private_broker.url) as other:
        found = mailboxes(transport)
        found.open("m", b"", ["#"], MailboxOptions(expires=120))
        box = Box(transport, "m")
        private_broker.stop()
        calls = (
            lambda: found.note("m"),
            lambda: found.open("n", b"", []),
            lambda: found.change("m", b"", [], []),
            lambda: found.read("m", lambda _: None, 1),
            lambda: found.close("m"),
        )
        with ThreadPoolExecutor(5) as pool:
            for failed in [pool.submit(call) for call in calls]:
                with pytest.raises(ConnectionLost):
                    failed.result(10.0)
        private_broker.start()
        assert mailboxes(other).note("m") == b""
        publish(other, b"1")
        # The reading that failed has not begun behind our back: this one gets it.
        assert box.wait_for(1, 30.0) == [b"1"]


def test_a_first_use_without_a_broker_fails_and_the_next_works(broker: Broker, url: str) -> None:
    relay = Forwarder(broker.port)
    through = url.replace(f":{broker.port}/", f":{relay.port}/") + "?connection_timeout=300"
    with opened(through, QUICK) as transport:
        relay.flows.clear()
        with pytest.raises(ConnectionLost):
            mailboxes(transport).note("m")
        relay.flows.set()
        wait_until(lambda: is_free(transport, "m"), 30.0)
        mailboxes(transport).open("m", b"note", [])
        assert mailboxes(transport).note("m") == b"note"
    relay.close()


def is_free(transport: Transport, name: str) -> bool:
    try:
        return mailboxes(transport).note(name) is None
    except ConnectionLost:
        return False


def test_a_mailbox_that_goes_while_its_reader_is_cut_off_is_told_as_gone(
    broker: Broker, url: str, connected: OpenTransport, caplog: pytest.LogCaptureFixture
) -> None:
    relay = Forwarder(broker.port)
    through = url.replace(f":{broker.port}/", f":{relay.port}/")
    through += "?heartbeat=1&connection_timeout=500"
    other = connected()
    for name in ("goes", "stays"):
        mailboxes(other).open(name, b"", ["#"])
    with opened(through) as transport:
        gone, there = Box(transport, "goes"), Box(transport, "stays")
        relay.flows.clear()
        wait_until(lambda: "trying again" in caplog.text, 30.0)
        assert mailboxes(other).close("goes")
        relay.flows.set()
        assert gone.went.wait(30.0)
        assert gone.reading.is_gone
        publish(other, b"1")
        assert there.wait_for(1, 30.0) == [b"1"]
        assert not there.reading.is_gone
    relay.close()


def test_a_mailbox_closed_just_before_it_is_read_costs_others_no_event(
    connected: OpenTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RabbitMQ closes a channel, with all its consumers, that asks for a queue that is gone."""
    reader, closer = connected(), connected()
    for name in ("goes", "stays"):
        mailboxes(closer).open(name, b"", ["#"])
    box = Box(reader, "stays", acks=False)
    publish(closer, *numbered(5))
    box.wait_for(5)

    def look_and_lose(channel: amqp.Channel, name: str) -> notes.Note:
        found = notes.look(channel, name)
        if name == "goes":
            assert mailboxes(closer).close(name)
        return found

    monkeypatch.setattr(readings, "look", look_and_lose)
    assert mailboxes(reader).read("goes", lambda _: None, 1) is None
    publish(closer, b"after")
    assert box.wait_for(11) == [*numbered(5), *numbered(5), b"after"]
    for delivery in box.unsettled:
        delivery.ack()
    box.close()
    publish(closer, b"last")
    assert Box(closer, "stays").wait_for(1) == [b"last"]
    assert reader.counters.reconnects == 0


def test_a_change_in_the_midst_of_another_takes_no_pattern_from_the_last(
    connected: OpenTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = connected(), connected()
    mailboxes(one).open("m", b"", ["Event.A.#"])
    store = notes._store

    def interrupted(channel: amqp.Channel, name: str, note: notes.Note) -> None:
        if note.text == b"last":
            assert mailboxes(two).change("m", b"between", ["Event.B.#"], ["Event.A.#"])
        store(channel, name, note)

    monkeypatch.setattr(notes, "_store", interrupted)
    assert mailboxes(one).change("m", b"last", ["Event.A.#"], ["Event.A.#"])
    assert mailboxes(one).note("m") == b"last"
    publish(one, b"1")
    assert Box(two, "m").wait_for(1) == [b"1"]


def test_a_closed_transport_has_no_mailboxes_any_more(url: str) -> None:
    transport = open_transport(url)
    mailboxes(transport).open("m", b"", ["#"])
    box = Box(transport, "m")
    transport.close()
    box.close()
    with pytest.raises(ConnectionLost, match="closed"):
        mailboxes(transport).note("m")
    with opened(url) as other:
        assert mailboxes(other).note("m") == b""
