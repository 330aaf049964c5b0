from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from clacks_events import Event
from clacks_events.agent.policy import Action, Effect, Policy, Rule
from clacks_events.envelope import NAMESPACE
from tests.gateway.site import Site, open_gateway

PAYLOAD = {"CallerId": "1", "ReceiverId": "2", "Status": "busy"}
XML = (
    f'<PhoneStatus xmlns="{NAMESPACE}"><CallerId>1</CallerId><ReceiverId>2</ReceiverId>'
    "<Status>busy</Status></PhoneStatus>"
)


@pytest.fixture
def broker_site(url: str) -> Iterator[Site]:
    with open_gateway(url) as opened:
        yield opened


def post(web: httpx.Client, content: str | bytes, media: str = "application/xml") -> httpx.Response:
    return web.post("/events", content=content, headers={"Content-Type": media})


def received(site: Site, **how: Any) -> Event:
    """Publish by HTTP; return what comes out at the bus, sure that it is what was answered."""
    with site.bus.subscribe(types=["PhoneStatus"]) as subscription:
        answer = httpx.post(f"{site.url}/events", **how)
        assert answer.status_code == 202, answer.text
        event = next(iter(subscription))
    assert answer.json() == {"id": event.id}
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    return event


def test_xml_and_json_land_on_the_bus(broker_site: Site) -> None:
    as_xml = received(broker_site, content=XML, headers={"Content-Type": "text/xml"})
    as_json = received(broker_site, json={"type": "PhoneStatus", "payload": PAYLOAD})
    for event in (as_xml, as_json):
        assert event.source == "gateway"
        assert event.json()["payload"] == PAYLOAD


def test_what_an_envelope_says_is_kept(site: Site) -> None:
    envelope = f'<Event xmlns="{NAMESPACE}" id="a&quot;b" source="phone">{XML}</Event>'
    event = received(site, content=envelope, headers={"Content-Type": "application/soap+xml"})
    assert (event.id, event.source) == ('a"b', "phone")


@pytest.mark.parametrize(
    "body",
    [
        XML.encode("utf-16"),
        f'<?xml version="1.0" encoding="iso-8859-1"?>{XML.replace("busy", "bü")}'.encode("latin-1"),
        XML.replace("busy", "bü").encode(),
    ],
)
def test_a_document_says_its_encoding_itself(site: Site, body: bytes) -> None:
    media = {"Content-Type": "application/xml; charset=us-ascii"}
    event = received(site, content=body, headers=media)
    assert event.element.findtext("{*}Status") in ("busy", "bü")


def test_a_body_in_pieces_is_one_body(site: Site) -> None:
    pieces = [XML[:10].encode(), b"", XML[10:].encode()]
    received(site, content=iter(pieces), headers={"Content-Type": "application/xml"})


@pytest.mark.parametrize("media", ["", "text/plain", "application/x-www-form-urlencoded", "xml"])
def test_other_media_types_are_refused(web: httpx.Client, media: str) -> None:
    answer = post(web, XML, media)
    assert answer.status_code == 415
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert "application/xml" in answer.headers["accept"]


def test_a_body_that_is_packed_is_refused(web: httpx.Client) -> None:
    headers = {"Content-Type": "application/xml", "Content-Encoding": "gzip"}
    assert web.post("/events", content=b"\x1f\x8b", headers=headers).status_code == 415


@pytest.mark.parametrize(
    ("body", "path", "line", "reason"),
    [
        (XML.replace("<Status>busy</Status>", ""), "/Event/PhoneStatus", 1, "Missing child"),
        (f"\n\n{XML[:-5]}", "", 3, ""),
        ("", "", 0, "empty"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "", 0, "DOCTYPE"),
        ("<PhoneStatus/>", "/Event/PhoneStatus", 1, "it is known as"),
    ],
)
def test_xml_at_fault_is_refused_with_the_place(
    web: httpx.Client, body: str, path: str, line: int, reason: str
) -> None:
    answer = post(web, body)
    assert answer.status_code == 422
    found = answer.json()
    assert found["path"] == path
    assert found["line"] >= line
    assert reason.lower() in found["reason"].lower()
    assert (found["status"], found["title"]) == (422, "Unprocessable Entity")


@pytest.mark.parametrize(
    ("body", "path", "reason"),
    [
        ("{", "", "not JSON"),
        ("[]", "$", "a JSON object is needed"),
        ("7", "$", "a JSON object is needed"),
        ('"\xff"', "", "not JSON"),
        ("[" * 100_000, "", "nested too deeply"),
        ('{"type": "PhoneStatus", "payload": {"Status": NaN}}', "", "NaN is no number"),
        ('{"type": "PhoneStatus", "payload": {"Status": 1e999}}', "", "write it as text"),
        ('{"type": "PhoneStatus", "payload": %s}' % ("9" * 5000), "", "not JSON"),
        ('{"type": "a", "type": "b", "payload": 1}', "", "'type' is there twice"),
        ('{"payload": {}}', "$.type", "the name of an event type"),
        ('{"type": 1, "payload": {}}', "$.type", "the name of an event type"),
        ('{"type": "PhoneStatus"}', "$.payload", "missing"),
        ('{"type": "PhoneStatus", "payload": {}, "id": "1"}', "$.id", "set by the gateway"),
        ('{"type": "PhoneStatus", "payload": {}, "time": "1"}', "$.time", "set by the gateway"),
        ('{"type": "PhoneStatus", "payload": {}, "to": 1}', "$", "no member 'to'"),
        ('{"type": "PhoneStatsu", "payload": {}}', "", "did you mean PhoneStatus"),
        ('{"type": "PhoneStatus", "payload": {"Stat": 1}}', "$.payload.Stat", "mean Status"),
        ('{"type": "PhoneStatus", "payload": {"Status": {"x": 1}}}', "$.payload", "unknown key"),
        ('{"type": "PhoneStatus", "payload": {}}', "/Event/PhoneStatus", "Missing child"),
        ('{"type": "PhoneStatus", "payload": {"Status": "\\u0000"}}', "$.payload", "not XML"),
        ('{"type": "PhoneStatus", "payload": {"Status": "\\ud800"}}', "$.payload", "not XML"),
    ],
)  # fmt: skip
def test_json_at_fault_is_refused_with_the_place(
    web: httpx.Client, body: str, path: str, reason: str
) -> None:
    answer = post(web, body.encode("latin-1"), "application/json")
    assert answer.status_code == 422, answer.text
    found = answer.json()
    assert found["path"].startswith(path)
    assert reason in found["reason"]


@pytest.mark.parametrize("query", ["sure=1", "confirm=maybe", "confirm=true&to=x"])
def test_parameters_that_do_not_exist_are_refused(web: httpx.Client, query: str) -> None:
    answer = web.post(f"/events?{query}", content=XML, headers={"Content-Type": "text/xml"})
    assert answer.status_code == 400


def test_confirm_tells_whether_somebody_listens(broker_site: Site) -> None:
    url, headers = f"{broker_site.url}/events?confirm=true", {"Content-Type": "text/xml"}
    alone = httpx.post(url, content=XML, headers=headers)
    assert (alone.status_code, alone.json()["title"]) == (409, "Conflict")
    with broker_site.bus.subscribe(types=["PhoneStatus"]):
        assert httpx.post(url, content=XML, headers=headers).status_code == 202
    unsure = httpx.post(url.replace("true", "false"), content=XML, headers=headers)
    assert unsure.status_code == 202


def test_the_policy_decides() -> None:
    status = f"{{{NAMESPACE}}}PhoneStatus"
    policy = Policy((Rule("calls", Effect.DENY, publish=(status,)),), Effect.ALLOW)
    with open_gateway("memory://denied", policy=policy) as strict:
        for how in ({"content": XML}, {"json": {"type": "PhoneStatus", "payload": PAYLOAD}}):
            media = "application/xml" if "content" in how else "application/json"
            answer = httpx.post(
                f"{strict.url}/events",
                headers={"Content-Type": media},
                **how,
            )
            assert answer.status_code == 403
            assert "PhoneStatus" in answer.json()["detail"]
    assert policy.decide(Action.PUBLISH, None, (status,)).is_allowed is False


def test_a_client_that_goes_in_the_middle_harms_nobody(site: Site, web: httpx.Client) -> None:
    head = f"POST /events HTTP/1.1\r\nHost: {site.address}\r\nContent-Type: text/xml\r\n"
    host, _, port = site.address.rpartition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"{head}Content-Length: {len(XML)}\r\n\r\n{XML[:20]}".encode())
    assert post(web, XML).status_code == 202
