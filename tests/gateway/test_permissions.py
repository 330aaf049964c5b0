"""What a policy lets clients of the gateway do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from clacks_events import EventMaker
from clacks_events.agent.secrets import Cost, hash_secret
from tests.gateway.site import Site, open_gateway
from tests.gateway.sse import open_stream
from tests.harness.waiting import wait_until

e = EventMaker()

ALICE = {"Authorization": "Basic YWxpY2U6c2VjcmV0"}  # alice:secret
PHONE = (
    b"<PhoneStatus xmlns='http://www.gonicus.de/Events'><CallerId>1</CallerId>"
    b"<ReceiverId>2</ReceiverId><Status>busy</Status></PhoneStatus>"
)
SESSION = b"<UserSession xmlns='http://www.gonicus.de/Events'><Id>x</Id></UserSession>"
RULES = """
[users.alice]
password = "{secret}"
[[rules]]
name = "phones"
effect = "allow"
who = ["alice"]
publish = ["PhoneStatus"]
subscribe = ["{subscribe}"]
"""


def write(path: Path, subscribe: str) -> Path:
    secret = str(hash_secret("secret", Cost(ln=10)))
    path.write_text(RULES.format(secret=secret, subscribe=subscribe))
    return path


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    return write(tmp_path / "policy.toml", "PhoneStatus")


@pytest.fixture
def site(policy: Path) -> Iterator[Site]:
    with open_gateway("memory://permissions", policy=policy) as opened:
        yield opened


def publish(site: Site, event: bytes) -> httpx.Response:
    headers = {**ALICE, "Content-Type": "application/xml"}
    return httpx.post(f"{site.url}/events", content=event, headers=headers)


def test_what_a_rule_allows_is_published(site: Site) -> None:
    with site.bus.subscribe(types=["PhoneStatus"]) as subscription:
        response = publish(site, PHONE)
        assert response.status_code == 202
        assert subscription.get(10).id == response.json()["id"]


def test_what_no_rule_allows_is_refused_and_not_published(site: Site) -> None:
    with site.bus.subscribe(types=["UserSession", "PhoneStatus"]) as subscription:
        response = publish(site, SESSION)
        assert response.status_code == 403
        said = "sending the event 'org.clacks.event.UserSession' is not permitted"
        assert response.json()["detail"] == said
        publish(site, PHONE)
        assert subscription.get(10).name == "PhoneStatus"


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"type": "PhoneStatus"}, 200),
        ({"query": "/e:Event/e:PhoneStatus[e:Status = 'busy']"}, 200),
        ({"type": "UserSession"}, 403),
        ({"query": "/e:Event/(e:PhoneStatus | e:UserSession)"}, 403),
        ({"query": "exists(//*:Id)"}, 403),
        ({}, 403),
    ],
)
def test_a_subscription_needs_all_that_it_can_bring(
    site: Site, parameters: dict[str, str], status: int
) -> None:
    with httpx.stream("GET", f"{site.url}/events", params=parameters, headers=ALICE) as response:
        assert response.status_code == status


def test_without_credentials_nobody_gets_in(site: Site) -> None:
    response = httpx.get(f"{site.url}/events", params={"type": "PhoneStatus"})
    assert response.status_code == 401
    assert "Basic" in response.headers["www-authenticate"]


def test_a_policy_that_changes_ends_what_it_forbids(site: Site, policy: Path) -> None:
    with open_stream(site.url, ALICE, type="PhoneStatus") as stream:
        site.bus.publish(PHONE)
        stream.next()
        write(policy, "UserSession")
        assert [each.retry for each in stream] == ["2000"]
    wait_until(lambda: _status(site, "PhoneStatus") == 403)


def _status(site: Site, type: str) -> int:
    with httpx.stream(
        "GET", f"{site.url}/events", params={"type": type}, headers=ALICE
    ) as response:
        return response.status_code
