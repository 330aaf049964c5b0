"""An embedded server that dies, is stopped, and returns."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import pytest

from clacks_events import BusOptions, ConnectionLost, NameTaken, connect
from clacks_events.embedded import ensure_server
from clacks_events.transport.base import InboxOptions, Message, Request, Transport
from tests.harness.waiting import free_port, wait_until
from tests.transport.embedded import Serving, opened
from tests.transport.relay import Forwarder
from tests.transport.traffic import FORGET, Reader, echo, send

HWM = 50


class Outage:
    """A server on a port of its own that can be killed and started again."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        self.port = free_port()
        self.url = f"zmq://127.0.0.1:{self.port}"
        self._caplog = caplog
        self._server = Serving(self.url)

    def begin(self, clients: int) -> None:
        """Kill the server; returns when so many clients have noticed."""
        before = self._count("no server")
        self._server.process.kill()
        self._server.wait()
        wait_until(lambda: self._count("no server") == before + clients)

    def end(self) -> None:
        """Start a server in its place."""
        self.close()
        self._server = Serving(self.url)

    def _count(self, text: str) -> int:
        return self._caplog.text.count(text)

    def close(self) -> None:
        self._server.__exit__()


@pytest.fixture
def outage(caplog: pytest.LogCaptureFixture) -> Iterator[Outage]:
    started = Outage(caplog)
    yield started
    started.close()


def back(transport: Transport) -> None:
    """Return when a transport has said to a new server all that it wants."""
    wait_until(lambda: transport.counters.reconnects > 0)


def test_all_is_found_again(outage: Outage) -> None:
    reader, told = Reader(), SimpleQueue[int]()
    with opened(outage.url) as here, opened(outage.url) as there:
        here.open_inbox(["Event.A.#"], reader, InboxOptions())
        here.serve("work", echo)
        here.serve("name", echo, alone=True)
        here.watch("Event.A.s", told.put)
        assert told.get(timeout=10) == 1
        outage.begin(2)
        outage.end()
        back(here)
        back(there)
        send(there, b"1")
        assert reader.wait_for(1) == [b"1"]
        assert there.request("work", Message(b"a"), 10).result(10) == b"A"
        assert there.request("name", Message(b"b"), 10, alone=True).result(10) == b"B"
        with pytest.raises(NameTaken):
            there.serve("name", echo, alone=True)
        there.open_inbox(["#"], Reader(), InboxOptions())
        assert told.get(timeout=10) == 2
        assert here.counters.reconnects == there.counters.reconnects == 1


def test_what_is_published_meanwhile_arrives_up_to_the_mark(outage: Outage) -> None:
    reader = Reader()
    accepted: list[bytes] = []
    with opened(outage.url) as consumer, opened(f"{outage.url}?hwm={HWM}", 0) as publisher:
        consumer.open_inbox(["Event.#"], reader, InboxOptions())
        outage.begin(2)
        with pytest.raises(ConnectionLost, match=rf"no server for 0 s.*\(hwm={HWM}\)"):
            publish_all(publisher, accepted)
        # What was sent before counts until the socket has looked, now and then, what has gone.
        assert HWM // 2 <= len(accepted) <= HWM
        assert publisher.counters.published == len(accepted)
        outage.end()
        assert reader.wait_for(len(accepted)) == accepted


def publish_all(publisher: Transport, accepted: list[bytes]) -> None:
    for number in range(1000):
        send(publisher, b"%d" % number)
        accepted.append(b"%d" % number)


def test_above_the_mark_publishing_waits_for_the_server(outage: Outage) -> None:
    reader = Reader()
    bodies = [b"%d" % number for number in range(500)]
    with opened(outage.url) as consumer, opened(f"{outage.url}?hwm=10", 30) as publisher:
        consumer.open_inbox(["Event.#"], reader, InboxOptions())
        outage.begin(2)
        with ThreadPoolExecutor(1) as pool:
            sent = pool.submit(send, publisher, *bodies)
            wait_until(lambda: publisher.counters.published >= 5)
            assert not sent.done()
            outage.end()
            sent.result(20)
        assert reader.wait_for(500) == bodies


def test_threads_that_wait_in_turn_wait_no_longer_for_that(outage: Outage) -> None:
    with opened(f"{outage.url}?hwm=1", 1) as publisher:
        outage.begin(1)
        with ThreadPoolExecutor(20) as pool:
            sent = [pool.submit(send, publisher, b"1", b"2") for _ in range(20)]
            # One after the other it would be 20 s.
            errors = [future.exception(10) for future in sent]
        assert {type(error) for error in errors} == {ConnectionLost}


@pytest.mark.parametrize("timeout", [0, 0.3])
def test_nothing_waits_longer_than_it_may(outage: Outage, timeout: float) -> None:
    inbox_options = InboxOptions()
    with opened(outage.url, timeout) as transport:
        inbox = transport.open_inbox(["a"], Reader(), inbox_options)
        served = transport.serve("work", echo)
        outage.begin(1)
        with pytest.raises(ConnectionLost):
            transport.open_inbox(["b"], Reader(), inbox_options)
        with pytest.raises(ConnectionLost):
            inbox.bind(["c"])
        with pytest.raises(ConnectionLost):
            transport.serve("else", echo)
        inbox.close()
        served.close()


def test_what_was_not_made_does_not_come_with_the_server(outage: Outage) -> None:
    kept, given_up = Reader(), Reader()
    with opened(outage.url, 0.2) as transport:
        inbox = transport.open_inbox(["Event.A.#"], kept, InboxOptions())
        outage.begin(1)
        with pytest.raises(ConnectionLost):
            transport.open_inbox(["Event.A.#"], given_up, InboxOptions())
        with pytest.raises(ConnectionLost):
            inbox.bind(["Event.B.#"])
        outage.end()
        back(transport)
        send(transport, b"b", key="Event.B.s")
        send(transport, b"a")
        assert kept.wait_for(1) == [b"a"]
        assert given_up.bodies == []


def test_closing_without_a_server_ends_in_time_and_warns(
    outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    bus = connect(outage.url, options=BusOptions(publish_timeout=1.0))
    handled = SimpleQueue[str]()
    bus.subscribe(handler=lambda event: handled.put(event.type))
    bus.subscribe(handler=lambda event: handled.put(event.type), durable="kept")
    bus.sender("phone", ["PhoneStatus"], methods={"ring": lambda: None})
    bus.roster()
    outage.begin(1)
    bus.publish(bus.catalog.sample("PhoneStatus"))
    with ThreadPoolExecutor(1) as pool:
        pool.submit(bus.close).result(20)
    assert "the server has not said that it has all that was published" in caplog.text
    assert "Traceback" not in caplog.text
    assert "no answer" not in caplog.text


def test_closing_at_once_loses_nothing(outage: Outage) -> None:
    reader = Reader()
    with opened(outage.url) as consumer:
        consumer.open_inbox(["#"], reader, InboxOptions())
        with opened(outage.url, 0) as publisher:
            send(publisher, *[b"%d" % number for number in range(500)])
        assert len(reader.wait_for(500)) == 500


def test_a_call_that_is_under_way_fails_and_one_made_meanwhile_waits(outage: Outage) -> None:
    requests = SimpleQueue[Request]()
    with opened(outage.url) as server, opened(outage.url) as client:
        server.serve("work", requests.put)
        lost = client.request("work", Message(b""), 30)
        former = requests.get(timeout=10)
        former.accept()
        outage.begin(2)
        with pytest.raises(ConnectionLost):
            lost.result(10)
        waiting = client.request("work", Message(b""), 30)
        late = client.request("nowhere", Message(b""), 30)
        outage.end()
        request = requests.get(timeout=10)
        # The new server counts from the beginning: this is not the answer to its first call.
        former.reply(b"old")
        request.reply(b"new")
        assert waiting.result(10) == b"new"
        outage.begin(2)
        with pytest.raises(ConnectionLost):
            late.result(10)


def test_a_server_that_keeps_dying_is_found_in_the_end(outage: Outage) -> None:
    reader = Reader()
    with opened(outage.url) as transport:
        transport.open_inbox(["#"], reader, InboxOptions())
        outage.begin(1)
        for _ in range(3):
            outage.end()
        back(transport)
        send(transport, b"1")
        assert reader.wait_for(1) == [b"1"]


def test_a_server_that_is_silent_for_a_while_has_forgotten_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    with ensure_server("zmq://127.0.0.1:0") as server:
        forwarder = Forwarder(server.port)
        reader = Reader()
        try:
            with opened(f"zmq://127.0.0.1:{forwarder.port}") as consumer:
                inbox = consumer.open_inbox(["Event.A.#"], reader, InboxOptions())
                closed = consumer.open_inbox(["Event.B.#"], Reader(), InboxOptions())
                forwarder.flows.clear()
                with opened(server.url) as publisher:
                    for number in range(2000):
                        publisher.publish(Message(b"%d" % number, "Event.A.s"), FORGET)
                closed.close()
                wait_until(lambda: "no sign of life" in caplog.text)
                with ThreadPoolExecutor(1) as pool:
                    bound = pool.submit(inbox.bind, ["Event.#"])
                    forwarder.flows.set()
                    bound.result(10)
                assert reader.wait_for(2000) == [b"%d" % number for number in range(2000)]
                assert "is heard again" in caplog.text
                assert "an error on the way" not in caplog.text
                assert consumer.counters.reconnects == 0
        finally:
            forwarder.close()


def test_who_is_cut_off_finds_its_names_free(caplog: pytest.LogCaptureFixture) -> None:
    with ensure_server("zmq://127.0.0.1:0") as server, opened(server.url) as other:
        forwarder = Forwarder(server.port)
        try:
            with opened(f"zmq://127.0.0.1:{forwarder.port}") as transport:
                transport.serve("name", echo, alone=True)
                forwarder.lose_clients()
                back(transport)
                assert other.request("name", Message(b"a"), 10, alone=True).result(10) == b"A"
                with pytest.raises(NameTaken):
                    other.serve("name", echo, alone=True)
        finally:
            forwarder.close()
    assert "trying again: the connection broke" in caplog.text
