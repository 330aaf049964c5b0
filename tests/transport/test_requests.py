"""What whoever serves a work queue may know and say of a call, on every transport."""

from __future__ import annotations

import time
from urllib.parse import urlencode

import pytest

from clacks_events import AMQPServiceProxy, BusOptions
from clacks_events.agent import Agent, AgentOptions
from clacks_events.transport import open_transport
from clacks_events.transport.base import Message, Request
from tests.harness.broker import Broker
from tests.harness.certificates import Certificates
from tests.harness.waiting import wait_until
from tests.transport.conftest import OpenTransport
from tests.transport.relay import Forwarder
from tests.transport.traffic import echo


def test_a_call_that_was_not_accepted_goes_to_another(connected: OpenTransport) -> None:
    client, first, second = connected(), connected(), connected()
    held: list[Request] = []
    taken: list[Request] = []
    served = first.serve("work", held.append)
    answers = [client.request("work", Message(b"a%d" % n), 20.0) for n in range(3)]
    wait_until(lambda: len(held) == 3)
    assert not any(request.is_redelivered for request in held)
    assert held[0].accept()
    served.close()

    def serve(request: Request) -> None:
        taken.append(request)
        echo(request)

    second.serve("work", serve)
    assert [answers[n].result(10.0) for n in (1, 2)] == [b"A1", b"A2"]
    assert [request.message.body for request in taken] == [b"a1", b"a2"]
    assert all(request.is_redelivered for request in taken)
    assert not answers[0].done()
    held[0].reply(b"own")
    assert answers[0].result(10.0) == b"own"


def test_no_more_is_handed_over_than_the_window_holds(connected: OpenTransport) -> None:
    client, server = connected(), connected()
    held: list[Request] = []
    server.serve("work", held.append, window=2)
    answers = [client.request("work", Message(b"%d" % n), 20.0) for n in range(5)]
    # Another queue of the same server: what comes over it comes after all that it could get.
    server.serve("other", echo)
    assert client.request("other", Message(b"x"), 10.0).result(10.0) == b"X"
    assert len(held) == 2
    for place in range(5):
        wait_until(lambda place=place: len(held) > place)  # type: ignore[misc]
        assert held[place].accept()
        assert held[place].reply(b"%d" % place)
    assert [answer.result(10.0) for answer in answers] == [b"0", b"1", b"2", b"3", b"4"]


def test_a_call_tells_how_long_its_caller_waits(connected: OpenTransport) -> None:
    client, server = connected(), connected()
    held: list[Request] = []
    server.serve("work", held.append)
    client.request("work", Message(b""), 30.0)
    wait_until(lambda: held)
    assert 25.0 < held[0].deadline - time.monotonic() <= 30.0


def test_a_call_of_a_lost_connection_cannot_be_accepted(broker: Broker) -> None:
    vhost = broker.fresh_vhost()
    relay = Forwarder(broker.port)
    url = broker.url_for(vhost)
    through = url.replace(f":{broker.port}", f":{relay.port}") + "?heartbeat=1"
    server = open_transport(through, BusOptions())
    client = open_transport(url)
    held: list[Request] = []
    try:
        server.serve("work", held.append)
        answer = client.request("work", Message(b"a"), 30.0)
        wait_until(lambda: held)
        relay.lose_clients()
        wait_until(lambda: server.counters.reconnects)
        assert not held[0].accept()
        # The broker may take the former connection for alive until its heartbeat is missing.
        wait_until(lambda: len(held) == 2, 40.0)
        assert held[1].is_redelivered
        assert held[1].accept()
        held[1].reply(b"A")
        assert answer.result(10.0) == b"A"
    finally:
        client.close()
        server.close()
        relay.close()


@pytest.mark.parametrize("idempotent", [True, False])
def test_agents_work_through_tls(
    amqps_url: str, certificates: Certificates, idempotent: bool
) -> None:
    url = f"{amqps_url}?{urlencode({'cacertfile': str(certificates.ca_file)})}"
    agent = Agent(url, options=AgentOptions(bus=BusOptions(watch_schemas=False)))
    agent.commands.add(lambda x: x, name="same", idempotent=idempotent)
    with agent, AMQPServiceProxy(url) as proxy:
        futures = [proxy.same.future(number) for number in range(100)]
        assert [future.result(10.0) for future in futures] == list(range(100))
