"""``WebSocket`` in a page, with the subprotocol x-afb-ws-json1."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clacks_events import EventMaker
from tests.gateway.browser.pages import WebSocket
from tests.gateway.site import Site, open_gateway
from tests.harness.browser import Page

e = EventMaker()

AFB = "x-afb-ws-json1"
CALL = {"CallerId": "1", "ReceiverId": "2", "Status": "busy"}


@pytest.fixture
def site(url: str) -> Iterator[Site]:
    with open_gateway(url) as opened:
        yield opened


@pytest.fixture
def local(page: Page) -> Iterator[Site]:
    """A gateway for what has nothing to do with the broker; the page is one of its own."""
    with open_gateway("memory://browser-afb") as opened:
        page.open(f"{opened.url}/healthz")
        yield opened


def test_a_page_calls_subscribes_and_gets_events(site: Site, page: Page) -> None:
    page.open(f"{site.url}/healthz")
    socket = WebSocket(page, f"ws://{site.address}/api", AFB)
    assert socket.opens()
    assert socket.subprotocol == AFB
    socket.send([2, "1", "event/subscribe", {"value": "tests/PhoneStatus"}])
    (reply,) = socket.take(1)
    assert reply[:2] == [3, "1"]
    assert reply[2]["request"]["status"] == "success"
    site.bus.publish(e.UserSession(e.Id("x")))
    site.bus.publish(e.PhoneStatus(e.CallerId("1"), e.ReceiverId("2"), e.Status("busy")))
    name = "tests/PhoneStatus"
    assert socket.take(2)[1] == [5, name, {"jtype": "afb-event", "event": name, "data": CALL}]
    assert page.errors() == []


def test_a_page_pushes_an_event(local: Site, page: Page) -> None:
    with local.bus.subscribe(types=["PhoneStatus"]) as events:
        socket = WebSocket(page, f"ws://{local.address}/api", AFB)
        assert socket.opens()
        socket.send([2, "1", "event/push", {"event": "desk/PhoneStatus", "data": CALL}])
        (reply,) = socket.take(1)
        got = events.get(timeout=10)
        assert (got.id, got.source) == (reply[2]["response"]["id"], "desk")


def test_calls_of_the_agent_are_answered_and_errors_too(local: Site, page: Page) -> None:
    socket = WebSocket(page, f"ws://{local.address}/api", AFB)
    assert socket.opens()
    socket.send([2, "1", "agent/getEventTypes", []])
    (reply,) = socket.take(1)
    assert reply[:2] == [3, "1"]
    assert "PhoneStatus" in str(reply[2]["response"])
    socket.send([2, "2", "agent/none", []])
    assert socket.take(2)[1][:2] == [4, "2"]


def test_another_subprotocol_is_refused(local: Site, page: Page) -> None:
    assert not WebSocket(page, f"ws://{local.address}/api", "chat").opens()
    assert "412" in " ".join(page.errors())


def test_malformed_frames_close_with_1008(local: Site, page: Page) -> None:
    socket = WebSocket(page, f"ws://{local.address}/api", AFB)
    assert socket.opens()
    socket.send({"not": "a call"})
    assert socket.closed()[0] == 1008


def test_the_end_of_the_gateway_is_told(local: Site, page: Page) -> None:
    socket = WebSocket(page, f"ws://{local.address}/api", AFB)
    assert socket.opens()
    local.gateway.close()
    assert socket.closed()[0] == 1001
