"""``EventSource`` in a page, at a real gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from clacks_events import Bus, Event, EventMaker
from clacks_events.gateway import GatewayOptions, Limits
from clacks_events.gateway.stream import Bounds
from tests.gateway.afb.client import figure
from tests.gateway.browser.pages import EventSource
from tests.gateway.site import Site, open_gateway
from tests.harness.browser import Page
from tests.harness.waiting import free_port, wait_until
from tests.transport.relay import Forwarder

e = EventMaker()

PATH = "/events?type=PhoneStatus&format=json"
SOON = GatewayOptions(retry=100)
LOST = 'clacks_events_lost_total{kind="sse"}'


def phone(bus: Bus, caller: object = 1) -> Event:
    return bus.publish(e.PhoneStatus(e.CallerId(caller), e.ReceiverId("2"), e.Status("busy")))


def ids(messages: list[dict[str, str]]) -> list[str]:
    return [message["id"] for message in messages]


@pytest.fixture
def site(url: str) -> Iterator[Site]:
    with open_gateway(url, SOON) as opened:
        yield opened


@contextmanager
def relayed(site: Site) -> Iterator[Forwarder]:
    """A network between the page and the gateway."""
    forwarder = Forwarder(int(site.address.rpartition(":")[2]))
    try:
        yield forwarder
    finally:
        forwarder.close()


def open_page(page: Page, port: int | str) -> None:
    """Load a document of the gateway, so that the page is of the same origin."""
    page.open(f"http://127.0.0.1:{port}/healthz")


def test_events_arrive_with_their_ids(site: Site, page: Page) -> None:
    page.open(f"{site.url}/healthz")
    source = EventSource(page, PATH)
    source.wait_for_opening()
    sent = [phone(site.bus, caller) for caller in (1, "ä<ß>", 3)]
    site.bus.publish(e.UserSession(e.Id("x")))
    sent.append(phone(site.bus, 4))
    assert ids(source.take(4)) == [event.id for event in sent]
    assert [json.loads(each["data"]) for each in source.messages] == [each.json() for each in sent]
    assert {each["event"] for each in source.messages} == {"message"}
    assert page.errors() == []


def test_xml_of_several_lines_arrives_as_it_is(site: Site, page: Page) -> None:
    page.open(f"{site.url}/healthz")
    source = EventSource(page, "/events?type=PhoneStatus")
    source.wait_for_opening()
    sent = phone(site.bus, " one\r\n\n two ")
    (message,) = source.take(1)
    assert message["data"].encode() == sent.xml
    found = page.call(
        "text => new DOMParser().parseFromString(text, 'text/xml')"
        ".querySelector('CallerId').textContent",
        message["data"],
    )
    assert found == " one\r\n\n two "


def test_after_a_break_nothing_is_missing_and_nothing_twice(site: Site, page: Page) -> None:
    with relayed(site) as network:
        open_page(page, network.port)
        source = EventSource(page, PATH)
        source.wait_for_opening()
        sent = [phone(site.bus, number) for number in range(5)]
        source.take(5)
        for round in range(1, 4):
            network.lose_clients()
            sent += [phone(site.bus, number) for number in range(5)]
            source.wait_for_opening(1 + round)
            sent.append(phone(site.bus, "again"))
            assert ids(source.take(len(sent))) == [event.id for event in sent]
        assert {each["event"] for each in source.messages} == {"message"}


def test_a_break_before_the_first_event_needs_no_gap(site: Site, page: Page) -> None:
    with relayed(site) as network:
        open_page(page, network.port)
        source = EventSource(page, PATH)
        source.wait_for_opening()
        network.lose_clients()
        source.wait_for_opening(2)
        sent = phone(site.bus)
        assert source.take(1)[0]["id"] == sent.id


def test_the_wait_before_coming_back_is_the_one_that_it_was_told(page: Page) -> None:
    # Longer than what browsers wait by themselves, which is up to three seconds.
    with (
        open_gateway("memory://browser-retry", GatewayOptions(retry=4_000)) as site,
        relayed(site) as network,
    ):
        open_page(page, network.port)
        source = EventSource(page, PATH)
        source.wait_for_opening()
        # It is told at once, but in a part of its own.
        phone(site.bus)
        source.take(1)
        network.lose_clients()
        source.wait_for_opening(2)
        assert source.pauses[0] >= 3_900


def test_it_comes_back_to_a_gateway_that_was_started_anew(url: str, page: Page) -> None:
    address = f"127.0.0.1:{free_port()}"
    with open_gateway(url, SOON, address=address) as site:
        page.open(f"{site.url}/healthz")
        source = EventSource(page, PATH)
        source.wait_for_opening()
        first = phone(site.bus)
        source.take(1)
        site.gateway.close()
        page.wait_until("seen.broken.length")
        assert source.state == EventSource.CONNECTING
    with open_gateway(url, SOON, address=address) as site:
        source.wait_for_opening(2)
        # The past of the new one is empty: it cannot know what came in between.
        gap = source.take(2)[1]
        assert gap["event"] == "gap"
        assert json.loads(gap["data"])["last_event_id"] == first.id
        assert gap["id"] == first.id
        second = phone(site.bus)
        assert ids(source.take(3)) == [first.id, first.id, second.id]


def test_a_page_that_is_too_slow_is_told_how_much_it_lost(page: Page) -> None:
    options = GatewayOptions(limits=Limits(stream=Bounds(events=10)))
    with open_gateway("memory://browser-slow", options) as site, relayed(site) as network:
        open_page(page, network.port)
        source = EventSource(page, PATH)
        source.wait_for_opening()
        network.flows.clear()
        large = "x" * 100_000

        def is_full() -> bool:
            sent.append(phone(site.bus, large))
            return figure(site, LOST) >= 5

        sent: list[Event] = []
        wait_until(is_full)
        network.flows.set()
        last = phone(site.bus, "last")
        sent.append(last)
        page.wait_until(f"seen.messages.some(each => each.id === '{last.id}')")
        messages = source.messages
        lost = sum(json.loads(each["data"])["lost"] for each in messages if each["event"] == "lost")
        received = [each["id"] for each in messages if each["event"] == "message"]
        assert lost >= 5
        assert lost + len(received) == len(sent)
        assert received == [event.id for event in sent if event.id in received]


def test_what_was_before_can_be_asked_for(site: Site, page: Page) -> None:
    page.open(f"{site.url}/healthz")
    first = EventSource(page, PATH)
    first.wait_for_opening()
    sent = [phone(site.bus, number) for number in range(3)]
    first.take(3)
    page.evaluate("source.close()")
    again = EventSource(page, f"{PATH}&last_event_id={sent[0].id}")
    assert ids(again.take(2)) == [sent[1].id, sent[2].id]
    page.evaluate("source.close()")
    earliest = EventSource(page, f"{PATH}&earliest=1")
    assert ids(earliest.take(3)) == [event.id for event in sent]


def test_a_query_that_is_none_is_refused_for_good(site: Site, page: Page) -> None:
    page.open(f"{site.url}/healthz")
    source = EventSource(page, "/events?query=%2F%2F%2F")
    source.wait_for_refusal()
    assert "422" in " ".join(page.errors())
