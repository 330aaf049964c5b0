"""Work queues served alone, when RabbitMQ goes, comes back or says no."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clacks_events import AccessDenied, BusOptions, NameTaken, NobodyListens
from clacks_events.transport import open_transport
from clacks_events.transport.base import InboxOptions, Message, Transport
from tests.harness.broker import Broker
from tests.harness.waiting import wait_until
from tests.transport.relay import Forwarder
from tests.transport.traffic import Reader, echo, send

PATIENT = BusOptions(publish_timeout=30.0)


@pytest.fixture
def relay(broker: Broker) -> Iterator[Forwarder]:
    forwarder = Forwarder(broker.port)
    yield forwarder
    forwarder.close()


def answers(client: Transport, queue: str = "work") -> bool:
    """Tell whether a call is answered; it is not while the broker thinks that a dead one serves."""
    call = client.request(queue, Message(b"a"), 0.5, alone=True)
    try:
        return call.result(0.5) == b"A"
    except (TimeoutError, NobodyListens):
        return False


def hears(sender: Transport, reader: Reader) -> bool:
    before = len(reader.messages)
    send(sender, b"event")
    try:
        wait_until(lambda: len(reader.messages) > before, 0.5)
    except AssertionError:
        return False
    return True


def test_a_name_is_taken_again_when_the_broker_has_given_up_the_former_connection(
    broker: Broker, amqp_url: str, relay: Forwarder, caplog: pytest.LogCaptureFixture
) -> None:
    # The broker misses a connection that went silent after two heartbeats or so.
    url = amqp_url.replace(f":{broker.port}/", f":{relay.port}/") + "?heartbeat=2"
    server, client = open_transport(url, PATIENT), open_transport(amqp_url, PATIENT)
    reader = Reader()
    try:
        server.serve("work", echo, alone=True)
        server.serve("else", echo)
        server.open_inbox(["#"], reader, InboxOptions())
        assert answers(client)
        relay.lose_clients()
        wait_until(lambda: "work is not served, trying again" in caplog.text)
        # Meanwhile all else is there again.
        wait_until(lambda: hears(client, reader))
        assert client.request("else", Message(b"b"), 10.0).result(10.0) == b"B"
        assert not answers(client)
        wait_until(lambda: answers(client), 30.0)
        assert server.counters.reconnects >= 1
        assert caplog.text.count("trying again: work is served already") == 1
        with pytest.raises(NameTaken):
            client.serve("work", echo, alone=True)
    finally:
        server.close()
        client.close()


def test_a_name_is_kept_over_a_restart_of_the_broker(private_broker: Broker) -> None:
    server = open_transport(private_broker.url, PATIENT)
    client = open_transport(private_broker.url, PATIENT)
    try:
        served = server.serve("work", echo, alone=True)
        assert answers(client)
        private_broker.restart()
        wait_until(lambda: answers(client), 30.0)
        private_broker.stop()
        # Closed while the broker is away, it does not come back.
        served.close()
        private_broker.start()
        client.serve("work", echo, alone=True)
        wait_until(lambda: server.counters.reconnects >= 2, 30.0)
        assert answers(client)
    finally:
        server.close()
        client.close()


def test_closing_does_not_wait_for_a_broker_that_is_silent(
    broker: Broker, amqp_url: str, relay: Forwarder
) -> None:
    url = amqp_url.replace(f":{broker.port}/", f":{relay.port}/")
    server = open_transport(url, BusOptions(publish_timeout=0.5))
    client = open_transport(amqp_url, PATIENT)
    try:
        served = server.serve("work", echo, alone=True)
        relay.flows.clear()
        served.close()
        with pytest.raises(NameTaken):
            client.serve("work", echo, alone=True)
        relay.flows.set()
        # What was asked of the broker is done as soon as it hears of it.
        wait_until(lambda: succeeds(client))
    finally:
        relay.flows.set()
        server.close()
        client.close()


def succeeds(client: Transport) -> bool:
    try:
        client.serve("work", echo, alone=True)
    except NameTaken:
        return False
    return True


def test_what_the_broker_forbids_is_not_called_a_taken_name(private_broker: Broker) -> None:
    private_broker.ctl("add_user", "reader", "secret")
    private_broker.ctl(
        "set_permissions", "-p", "org.clacks", "reader", r"^(clacks\.events\..*|mine)",
        r"^(clacks\.events\..*|mine|amq\.default)", ".*",
    )  # fmt: skip
    admin = open_transport(private_broker.url, PATIENT)
    user = open_transport(private_broker.url_for(user="reader"), PATIENT)
    try:
        for alone in (True, False):
            with pytest.raises(AccessDenied, match="refused"):
                user.serve("work", echo, alone=alone)
        waiting = user.request("mine", Message(b"mine"), 30.0)
        with pytest.raises(AccessDenied, match="refused"):
            user.request("work", Message(b""), 10.0).result(10.0)
        # Neither has cost the connection what else is on it.
        admin.serve("mine", echo)
        assert waiting.result(10.0) == b"MINE"
        assert user.counters.reconnects == 0
    finally:
        user.close()
        admin.close()
