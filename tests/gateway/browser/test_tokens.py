"""Pages that bring a token: browsers cannot set headers for EventSource and WebSocket."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import httpx
import pytest

from clacks_events import EventMaker
from clacks_events.agent.policy import Effect, Policy, Rule, User
from clacks_events.agent.secrets import Cost, hash_secret, new_token
from tests.gateway.browser.pages import EventSource, WebSocket
from tests.gateway.site import Site, open_gateway
from tests.harness.browser import Page
from tests.harness.waiting import free_port, wait_until

e = EventMaker()

AFB = "x-afb-ws-json1"
ALICE, BOB, NOBODY = (new_token(name) for name in ("alice", "bob", "nobody"))


def user(token: str) -> User:
    return User(token=str(hash_secret(token, Cost(10, 1, 1))))


POLICY = Policy(
    rules=(Rule("phones", Effect.ALLOW, who=("alice",), publish=("*",), subscribe=("*Status",)),),
    users={"alice": user(ALICE), "bob": user(BOB)},
)


@pytest.fixture
def site(page: Page) -> Iterator[Site]:
    """A gateway that knows alice, who may see phones, and bob, who may not."""
    with open_gateway("memory://browser-tokens", policy=POLICY) as opened:
        page.open(f"{opened.url}/healthz")
        yield opened


def publish(site: Site) -> str:
    sent = site.bus.publish(e.PhoneStatus(e.CallerId("1"), e.ReceiverId("2"), e.Status("busy")))
    assert sent.id is not None
    return sent.id


def answered(site: Site, status: str) -> bool:
    """Tell whether a request for a stream was answered so."""
    headers = {"Authorization": f"Bearer {ALICE}"}
    lines = httpx.get(f"{site.url}/metrics", headers=headers).text.splitlines()
    return any(
        line.startswith("clacks_http_requests_total{") and f'status="{status}"' in line
        for line in lines
    )


def stream(page: Page, token: str) -> EventSource:
    return EventSource(page, f"/events?type=PhoneStatus&token={token}")


def test_an_event_source_with_a_token(site: Site, page: Page) -> None:
    source = stream(page, ALICE)
    source.wait_for_opening()
    assert source.take(0) == []
    id = publish(site)
    assert source.take(1)[0]["id"] == id


@pytest.mark.parametrize(
    ("token", "status"),
    [("", "401"), (NOBODY, "401"), (f"{ALICE}x", "401"), (BOB, "403")],
    ids=["none", "of nobody", "wrong", "of one who may not"],
)
def test_an_event_source_without_a_right_one(
    site: Site, page: Page, token: str, status: str
) -> None:
    source = stream(page, token)
    wait_until(lambda: answered(site, status))
    publish(site)
    assert source.messages == []
    assert source.state != EventSource.OPEN


def test_a_token_goes_with_an_event_source_that_comes_back(page: Page) -> None:
    address = f"127.0.0.1:{free_port()}"
    for round in range(2):
        with open_gateway("memory://browser-back", policy=POLICY, address=address) as site:
            if round == 0:
                page.open(f"{site.url}/healthz")
                source = stream(page, ALICE)
            source.wait_for_opening(1 + round)
            id = publish(site)
            page.wait_until(f"seen.messages.some(each => each.id === '{id}')")


def test_a_web_socket_with_a_token(site: Site, page: Page) -> None:
    socket = WebSocket(page, f"ws://{site.address}/api?token={ALICE}", AFB)
    assert socket.opens()
    socket.send([2, "1", "event/subscribe", "*/PhoneStatus"])
    assert socket.take(1)[0][:2] == [3, "1"]
    publish(site)
    assert socket.take(2)[1][:2] == [5, "tests/PhoneStatus"]


def test_the_policy_decides_about_a_web_socket(site: Site, page: Page) -> None:
    socket = WebSocket(page, f"ws://{site.address}/api?x-afb-token={BOB}", AFB)
    assert socket.opens()
    socket.send([2, "1", "event/subscribe", "*/PhoneStatus"])
    assert socket.take(1)[0][:2] == [4, "1"]


@pytest.mark.parametrize(
    "query", ["", f"?token={NOBODY}", f"?token={ALICE}x"], ids=["none", "of nobody", "wrong"]
)
def test_a_web_socket_without_a_right_one(site: Site, page: Page, query: str) -> None:
    assert not WebSocket(page, f"ws://{site.address}/api{query}", AFB).opens()
    assert "Authentication" in " ".join(page.errors())


def test_tokens_are_not_logged(site: Site, page: Page, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for token, status in ((ALICE, "200"), (NOBODY, "401")):
        stream(page, token)
        wait_until(lambda: answered(site, status))  # noqa: B023
        WebSocket(page, f"ws://{site.address}/api?token={token}", AFB).opens()
    assert caplog.records
    for token in (ALICE, NOBODY):
        assert token.partition(".")[2] not in caplog.text
