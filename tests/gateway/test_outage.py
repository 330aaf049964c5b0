"""The broker goes away and comes back."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from clacks_events import Bus, connect
from clacks_events.config import parse_url
from clacks_events.gateway import GatewayOptions
from tests.gateway.afb.client import open_client
from tests.gateway.site import Site, open_gateway
from tests.gateway.sse import open_stream
from tests.gateway.wire import Wire
from tests.harness.broker import Broker
from tests.harness.waiting import wait_until
from tests.transport.relay import Forwarder

XML = (
    b'<PhoneStatus xmlns="http://www.gonicus.de/Events"><CallerId>1</CallerId>'
    b"<ReceiverId>2</ReceiverId><Status>busy</Status></PhoneStatus>"
)
MEDIA = {"Content-Type": "application/xml"}
OPTIONS = GatewayOptions(heartbeat=0.1)


def status(site: Site, path: str) -> int:
    return httpx.get(f"{site.url}{path}", timeout=30.0).status_code


def post(site: Site) -> httpx.Response:
    return httpx.post(f"{site.url}/events", content=XML, headers=MEDIA, timeout=30.0)


@pytest.fixture
def site(private_broker: Broker) -> Iterator[Site]:
    with open_gateway(private_broker.url, OPTIONS) as opened:
        yield opened


@pytest.mark.timeout(180)
def test_streams_stay_open_and_go_on(site: Site, private_broker: Broker) -> None:
    assert (status(site, "/readyz"), status(site, "/healthz")) == (200, 200)
    with (
        open_client(site.address) as client,
        open_stream(site.url, type="PhoneStatus") as stream,
        Wire(site.address) as wire,
    ):
        wire.get("/events?type=PhoneStatus")
        wire.read_until(b"retry: ")
        client.call("event/subscribe", "*/PhoneStatus")
        before = post(site).json()["id"]
        assert stream.next().id == before
        assert client.event()[0] == "gateway/PhoneStatus"

        private_broker.stop()
        wait_until(lambda: status(site, "/readyz") == 503, 30.0)
        assert status(site, "/healthz") == 200
        assert status(site, "/types") == 200
        refused = post(site)
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.headers["content-type"].startswith("application/problem+json")
        assert str(private_broker.port) not in refused.text
        _, _, info = client.fail("event/push", {"xml": XML.decode()})
        assert "no broker" in info
        assert str(private_broker.port) not in info
        wire.read_until(b":\n\n")

        private_broker.start()
        wait_until(lambda: status(site, "/readyz") == 200, 30.0)
        wait_until(lambda: post(site).status_code == 202, 30.0)
        # Those that were published on the way back may have come before the subscription.
        last = post(site).json()["id"]
        assert any(message.id == last for message in stream)
        wire.read_until(last.encode())
        assert client.event() == ("event/gap", {"reason": "the broker was away"})
        assert client.event()[0] == "gateway/PhoneStatus"


@pytest.mark.timeout(180)
def test_who_comes_while_the_broker_is_away_is_served_later(
    site: Site, private_broker: Broker
) -> None:
    private_broker.stop()
    wait_until(lambda: status(site, "/readyz") == 503, 30.0)
    answer = httpx.get(f"{site.url}/events?type=PhoneStatus", timeout=30.0)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    private_broker.start()
    wait_until(lambda: status(site, "/readyz") == 200, 30.0)
    with open_stream(site.url, type="PhoneStatus") as stream:
        sent = post(site).json()["id"]
        assert stream.next().id == sent


@pytest.fixture
def direct(amqp_url: str) -> Iterator[Bus]:
    with connect(amqp_url) as opened:
        yield opened


def test_a_gateway_that_was_cut_off_does_not_hide_it(amqp_url: str, direct: Bus) -> None:
    endpoint = parse_url(amqp_url)
    assert endpoint.port is not None
    network = Forwarder(endpoint.port)
    try:
        url = amqp_url.replace(f":{endpoint.port}/", f":{network.port}/")
        with open_gateway(url, OPTIONS) as site:
            with open_stream(site.url, type="PhoneStatus") as stream:
                first = direct.publish(XML).id
                assert stream.next().id == first
                cut(network, site, direct)
                last = direct.publish(XML).id
                assert stream.next().event == "gap"
                assert stream.next().id == last
            with open_stream(site.url, {"Last-Event-ID": str(first)}, type="PhoneStatus") as stream:
                assert stream.next().event == "gap"
                assert stream.next().id == last
    finally:
        network.close()


def cut(network: Forwarder, site: Site, direct: Bus) -> None:
    """Publish while the gateway has lost its broker, and return when it has it again."""
    counters = site.agent.bus.counters
    before = counters.reconnects
    network.flows.clear()
    network.lose_clients()
    direct.publish(XML)
    network.flows.set()
    wait_until(lambda: site.agent.bus.counters.reconnects > before, 30.0)
    wait_until(lambda: status(site, "/readyz") == 200, 30.0)
