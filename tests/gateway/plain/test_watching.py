from __future__ import annotations

import re

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from clacks_events.agent.policy import Effect, Policy, Rule
from clacks_events.embedded import ensure_server
from tests.gateway.plain.test_publishing import XML
from tests.gateway.site import Site, open_gateway
from tests.gateway.sse import open_stream
from tests.harness.waiting import wait_until


def measured(site: Site) -> dict[str, float]:
    """Return all samples by name and labels."""
    answer = httpx.get(f"{site.url}/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        ",".join([each.name, *(f"{k}={v}" for k, v in sorted(each.labels.items()))]): each.value
        for family in text_string_to_metric_families(answer.text)
        for each in family.samples
    }


def test_the_roster_tells_who_is_there(url: str) -> None:
    with open_gateway(url) as site, site.bus.sender("phone", types=["PhoneStatus"]):

        def roster() -> dict[str, list[dict[str, str]]]:
            answer = httpx.get(f"{site.url}/roster", timeout=20)
            assert answer.status_code == 200, answer.text
            assert answer.headers["cache-control"] == "no-store"
            found: dict[str, list[dict[str, str]]] = answer.json()
            return found

        wait_until(lambda: [each["name"] for each in roster()["senders"]] == ["phone"])
        wait_until(lambda: [each["id"] for each in roster()["nodes"]] == ["gateway"])
        assert roster()["clients"] == []


@pytest.mark.parametrize("command", ["getNodes", "getClients"])
def test_the_roster_is_for_those_who_may_ask_for_it(command: str) -> None:
    policy = Policy((Rule("who", Effect.DENY, commands=(command,)),), Effect.ALLOW)
    with open_gateway("memory://roster", policy=policy) as site:
        assert httpx.get(f"{site.url}/roster").status_code == 403


def test_health_and_readiness_follow_the_broker() -> None:
    with ensure_server("zmq://127.0.0.1:0") as server, open_gateway(server.url) as site:
        assert httpx.get(f"{site.url}/healthz").json() == {"status": "ok"}
        assert httpx.get(f"{site.url}/readyz").json() == {"status": "ok"}
        server.close()
        wait_until(lambda: httpx.get(f"{site.url}/readyz").status_code == 503)
        answer = httpx.get(f"{site.url}/readyz")
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert answer.headers["retry-after"] == "1"
        assert httpx.get(f"{site.url}/healthz").status_code == 200
        assert measured(site)["clacks_broker_up"] == 0
        with ensure_server(server.url):
            wait_until(lambda: httpx.get(f"{site.url}/readyz").status_code == 200, 30)


def test_what_happens_is_counted() -> None:
    with open_gateway("memory://counted") as site:
        before = measured(site)
        with open_stream(site.url, type="PhoneStatus") as stream:
            answer = httpx.post(
                f"{site.url}/events", content=XML, headers={"Content-Type": "text/xml"}
            )
            assert stream.next().id == answer.json()["id"]
            during = measured(site)
        wait_until(lambda: measured(site)["clacks_streams,kind=sse"] == 0)

    def grown(name: str) -> float:
        return during[name] - before.get(name, 0)

    assert during["clacks_streams,kind=sse"] == 1
    assert during["clacks_subscriptions"] == 1
    assert grown("clacks_events_delivered_total,kind=sse") == 1
    assert grown("clacks_publish_seconds_count") == 1
    assert grown("clacks_events_published_total") >= 1
    assert grown("clacks_http_requests_total,method=POST,route=/events,status=202") == 1
    assert during["clacks_broker_up"] == 1


def test_no_label_has_what_a_client_chose(site: Site, web: httpx.Client) -> None:
    for path in ("/types/Evil", "/schemas/evil.xsd", "/evil", "/evil/%22", "/types/a/b/evil"):
        web.get(path)
    web.request("EVIL", "/types")
    web.post("/events?evil=1", content="evil", headers={"Content-Type": "evil/evil"})
    text = httpx.get(f"{site.url}/metrics").text
    assert "evil" not in text.lower()
    assert 'route="/types/{name:path}",status="404"' in text
    assert re.search(r'method="(other|GET)",route="none",status="404"', text)


def test_every_metric_has_the_name_of_the_product(site: Site) -> None:
    found = {name.partition(",")[0] for name in measured(site)}
    assert all(name.startswith("clacks_") for name in found)
    assert not any(name.endswith("_created") for name in found)
    kinds = ("published", "received", "delivered", "matched", "dropped", "lost", "invalid")
    assert {f"clacks_events_{kind}_total" for kind in (*kinds, "malformed", "unknown")} <= found
    others = ["filter_errors", "handler_errors", "reconnects", "http_requests"]
    assert {f"clacks_{name}_total" for name in others} <= found
    waits = ["publish", "delivery", "poll_wait"]
    assert {f"clacks_{name}_seconds_bucket" for name in waits} <= found
    gauges = ["subscriptions", "streams", "channels", "polls_waiting", "build_info"]
    assert {f"clacks_{name}" for name in gauges} <= found
