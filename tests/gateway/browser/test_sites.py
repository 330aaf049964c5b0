"""Pages of other sites: what a browser lets them try, and what the gateway makes of it.

The browser lets pages of this host call this host, so that nothing but the gateway refuses.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from clacks_events import Event, EventMaker
from clacks_events.gateway import AccessOptions, GatewayOptions
from clacks_events.subscription import Subscription
from tests.gateway.browser.pages import EventSource, WebSocket, serve_page
from tests.gateway.site import Site, open_gateway
from tests.harness.browser import FOREIGN, Page
from tests.harness.waiting import free_port, wait_until

e = EventMaker()

AFB = "x-afb-ws-json1"
XML = (
    '<e:PhoneStatus xmlns:e="http://www.gonicus.de/Events"><e:CallerId>evil</e:CallerId>'
    "<e:ReceiverId>2</e:ReceiverId><e:Status>busy</e:Status></e:PhoneStatus>"
)
FETCH = """async (url, options) => {
    try {
        const answer = await fetch(url, options);
        return {type: answer.type, status: answer.status, text: await answer.text()};
    } catch (error) {
        return {type: 'refused', status: 0, text: String(error)};
    }
}"""
BLOB = """async (url, text) => {
    await fetch(url, {method: 'POST', mode: 'no-cors', body: new Blob([text])});
}"""
FORM = """(url, text) => new Promise(done => {
    document.body.innerHTML = `<iframe name=into></iframe>
        <form target=into method=post enctype="text/plain"><input type=hidden></form>`;
    const form = document.forms[0];
    form.action = url;
    form.elements[0].name = text;
    // The first document of the frame is empty, and loaded already.
    frames.into.frameElement.onload = done;
    form.submit();
})"""
BEACON = """(url, text) => navigator.sendBeacon(url, text)"""


@pytest.fixture
def site() -> Iterator[Site]:
    with open_gateway("memory://browser-sites") as opened:
        yield opened


@pytest.fixture(params=["localhost", "127.0.0.1", FOREIGN])
def stranger(request: pytest.FixtureRequest, page: Page) -> Iterator[Page]:
    """A page of another origin: of this host, on another port, and of a site elsewhere."""
    with serve_page() as port:
        page.open(f"http://{request.param}:{port}/")
        yield page


def phone(site: Site) -> Event:
    return site.bus.publish(e.PhoneStatus(e.CallerId("1"), e.ReceiverId("2"), e.Status("busy")))


def fetch(page: Page, url: str, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = page.call(FETCH, url, options)
    return found


def post(page: Page, url: str, media: str, **options: Any) -> dict[str, Any]:
    headers = {"Content-Type": media}
    return fetch(page, f"{url}/events", method="POST", body=XML, headers=headers, **options)


def answers(site: Site) -> dict[str, int]:
    """Return how many requests were answered with each status."""
    text = httpx.get(f"{site.url}/metrics").text
    found: Counter[str] = Counter()
    for status, count in re.findall(r'^clacks_http_requests_total.*"(\d+)"} (\d+)', text, re.M):
        found[status] += int(count)
    return found


def assert_nothing_came(site: Site, events: Subscription) -> None:
    """Nothing but what is published now."""
    last = phone(site)
    assert events.get(timeout=10).id == last.id


def test_its_own_pages_may_do_everything(site: Site, page: Page) -> None:
    page.open(f"{site.url}/healthz")
    with site.bus.subscribe(types=["PhoneStatus"]) as events:
        assert post(page, "", "application/xml")["status"] == 202
        assert events.get(timeout=10).payload.findtext("{*}CallerId") == "evil"
        assert fetch(page, "/types")["status"] == 200


def test_a_stranger_cannot_read(site: Site, stranger: Page) -> None:
    source = EventSource(stranger, f"{site.url}/events?earliest=1")
    source.wait_for_refusal()
    for path in ("/events", "/types", "/metrics", "/roster"):
        assert fetch(stranger, site.url + path)["type"] == "refused"
        hidden = fetch(stranger, site.url + path, mode="no-cors")
        assert (hidden["type"], hidden["text"]) in (("opaque", ""), ("refused", hidden["text"]))
    assert source.messages == []
    assert answers(site).keys() == {"403"}
    assert site.gateway.url in " ".join(stranger.errors())


def test_a_stranger_cannot_publish(site: Site, stranger: Page) -> None:
    with site.bus.subscribe(types=["PhoneStatus"]) as events:
        for media in ("text/plain", "application/xml", "application/json"):
            assert post(stranger, site.url, media)["type"] == "refused"
            post(stranger, site.url, media, mode="no-cors")
        stranger.call(BLOB, f"{site.url}/events", XML)
        stranger.call(FORM, f"{site.url}/events", XML)
        assert answers(site).keys() == {"403"}
        assert_nothing_came(site, events)


def test_a_beacon_of_a_stranger_publishes_nothing(site: Site, stranger: Page) -> None:
    with site.bus.subscribe(types=["PhoneStatus"]) as events:
        for _ in range(3):
            assert stranger.call(BEACON, f"{site.url}/events", XML)
        wait_until(lambda: answers(site).get("403") == 3)
        assert_nothing_came(site, events)


def test_a_stranger_cannot_open_a_web_socket(site: Site, stranger: Page) -> None:
    for protocols in ((AFB,), ()):
        assert not WebSocket(stranger, f"ws://{site.address}/api", *protocols).opens()
    assert "403" in " ".join(stranger.errors())


def test_a_page_without_an_origin_is_a_stranger_too(site: Site, page: Page) -> None:
    page.open("data:text/html,<title>of nobody</title>")
    assert page.evaluate("origin") == "null"
    assert fetch(page, f"{site.url}/types")["type"] == "refused"
    EventSource(page, f"{site.url}/events").wait_for_refusal()
    assert not WebSocket(page, f"ws://{site.address}/api", AFB).opens()


def test_pages_of_a_site_that_is_named_may_do_everything(page: Page) -> None:
    with serve_page() as port:
        origin = f"http://{FOREIGN}:{port}"
        options = GatewayOptions(access=AccessOptions(origins=(origin,)))
        with open_gateway("memory://browser-origins", options) as site:
            page.open(origin)
            with site.bus.subscribe(types=["PhoneStatus"]) as events:
                # Not a media type that pages may send unasked: the browser asks first.
                assert post(page, site.url, "application/xml")["status"] == 202
                assert events.get(timeout=10).payload.findtext("{*}CallerId") == "evil"
            source = EventSource(page, f"{site.url}/events?type=PhoneStatus")
            source.wait_for_opening()
            sent = phone(site)
            assert source.take(1)[0]["id"] == sent.id
            assert WebSocket(page, f"ws://{site.address}/api", AFB).opens()
            assert page.errors() == []
            page.open(f"http://localhost:{port}/")
            assert fetch(page, f"{site.url}/types")["type"] == "refused"


def test_a_name_that_is_made_to_point_here_opens_nothing(page: Page) -> None:
    """DNS rebinding: for the browser, the gateway is then the site that the page came from."""
    port = free_port()
    with serve_page(port):
        page.open(f"http://{FOREIGN}:{port}/")
    with open_gateway("memory://browser-rebinding", address=f"127.0.0.1:{port}") as site:
        with site.bus.subscribe(types=["PhoneStatus"]) as events:
            for path in ("/types", "/events", "/metrics"):
                assert fetch(page, path)["status"] == 421
            assert post(page, "", "application/xml")["status"] == 421
            EventSource(page, "/events").wait_for_refusal()
            assert not WebSocket(page, f"ws://{FOREIGN}:{port}/api", AFB).opens()
            assert_nothing_came(site, events)
        page.open(f"http://{FOREIGN}:{port}/types")
        assert page.evaluate("origin") == f"http://{FOREIGN}:{port}"
        assert "421" in page.evaluate("document.body.innerText")
