"""What goes over the wire: requests that the real client does not make, and hostile ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.gateway.site import Site, open_gateway
from tests.gateway.xerus.devices import NO_CHANNEL, error_of, post

ACCOUNT = "usermgmt.AccountAdded:1.0.0"
MEMBERS = {"source": None, "actUserName": "", "actIpAddr": "", "username": "x"}
CREATE = {"method": "createChannel", "params": {}, "id": 1}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with open_gateway("memory://xerus-wire") as opened:
        yield opened


@pytest.fixture(scope="module")
def rid(site: Site) -> str:
    found: str = post(site.url, "/eventservice", CREATE)["result"]["_ret_"]["rid"]
    return found


@pytest.mark.parametrize("id", [1, 0, -7, 1.5, "a", "", None, "\u00fc"])
def test_the_id_comes_back(site: Site, id: object) -> None:
    request: dict[str, object] = {"method": "getTypeInfo", "params": {}, "id": id}
    assert post(site.url, "/eventservice", request)["id"] == id
    assert post(site.url, "/eventservice", {**request, "jsonrpc": "2.0"})["id"] == id
    assert post(site.url, "/eventservice", {**request, "method": "none"})["id"] == id


def test_an_answer_byte_for_byte(site: Site, rid: str) -> None:
    request = {"method": "cancelEventType", "params": {"type": ACCOUNT}, "id": 5}
    answer = httpx.post(site.url + rid, json=request)
    assert answer.content == b'{"jsonrpc":"2.0","result":null,"id":5}'
    request = {"method": "pollEventsNb", "params": {}, "id": 6}
    answer = httpx.post(site.url + rid, json=request)
    assert answer.content == b'{"jsonrpc":"2.0","result":{"_ret_":false,"events":[]},"id":6}'
    reference = post(site.url, "/eventservice", CREATE)["result"]["_ret_"]
    assert reference["type"] == "event.Channel:1.0.1"
    assert reference["rid"].startswith("/event/channel/")
    assert len(reference["rid"].removeprefix("/event/channel/")) >= 22


@pytest.mark.parametrize(
    ("path", "type"),
    [
        ("/eventservice", "event.Service:1.0.1"),
        ("/bulk", "bulkrpc.BulkRequest:1.0.2"),
        ("/session", "session.SessionManager:2.0.0"),
        ("/event/channel/any", "event.Channel:1.0.1"),
    ],
)
def test_resources_say_what_they_are(site: Site, path: str, type: str) -> None:
    answer = post(site.url, path, {"method": "getTypeInfo", "params": {}, "id": 1})
    assert answer["result"] == {"_ret_": {"id": type, "parent": None}}


def test_resources_with_two_slashes_as_the_perl_client_has_them(site: Site, rid: str) -> None:
    poll = {"jsonrpc": "2.0", "method": "pollEventsNb", "params": {}, "id": "1"}
    assert post(site.url, f"/{rid}", poll)["result"] == {"_ret_": False, "events": []}
    assert post(site.url, "//eventservice", CREATE)["result"]["_ret_"]["rid"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b'{"id": NaN}',
        b'{"id": -Infinity}',
        b"[" * 200_000,
        b'{"id": ' + b"9" * 10_000 + b"}",
        b'{"method": "createChannel"} x',
    ],
)
def test_what_is_no_json(site: Site, body: bytes) -> None:
    answer = post(site.url, "/eventservice", body)
    assert answer["error"]["code"] == -32700
    assert answer["id"] is None


@pytest.mark.parametrize(
    "request_",
    [
        [],
        [CREATE],
        "createChannel",
        None,
        {},
        {"id": 1},
        {"id": True, "method": "createChannel"},
        {"id": {}, "method": "createChannel"},
        {"id": 1, "method": None},
        {"id": 1, "method": 5},
        {"id": 1, "method": "createChannel", "jsonrpc": "1.0"},
        {"id": 1, "method": "createChannel", "params": "x"},
    ],
)
def test_what_is_no_request(site: Site, request_: object) -> None:
    assert post(site.url, "/eventservice", json.dumps(request_).encode())["error"]["code"] == -32600


@pytest.mark.parametrize("method", ["", "nothing", "__init__", "pollEvents", "x" * 100_000])
def test_a_method_that_is_not_there(site: Site, method: str) -> None:
    code, message = error_of(site.url, "/eventservice", method, {})
    assert code == -32601
    assert len(message) < 200


@pytest.mark.parametrize(
    ("method", "params", "says"),
    [
        ("demandEventType", {}, "type is missing"),
        ("demandEventType", ["x"], "by name, not by position"),
        ("demandEventType", {"type": 5}, "type is a string, not a number"),
        ("demandEventType", {"type": True}, "type is a string, not a boolean"),
        ("demandEventType", {"type": "x" * 2000}, "type has at most 1024 characters"),
        ("demandEventType", {"type": ACCOUNT, "src": None}, "src is no parameter; known: type"),
        ("demandEventType", {"type": "usermgmt.AcountAdded:1.0.0"}, ACCOUNT),
        ("demandEventType", {"type": ""}, "type: "),
        ("demandEventType", {"type": "\ud800"}, "type: "),
        ("demandEventTypes", {"types": ACCOUNT}, "types is an array, not a string"),
        ("demandEventTypes", {"types": [ACCOUNT, 7]}, "types[1] is a string, not a number"),
        ("demandEventTypes", {"types": [ACCOUNT] * 1001}, "types has at most 1000 items"),
        ("demandEvent", {"type": ACCOUNT}, "src is missing"),
        ("demandEvent", {"type": ACCOUNT, "src": "/s"}, "src is an object, not a string"),
        ("demandEvent", {"type": ACCOUNT, "src": {"rid": "/s"}}, "src.type is missing"),
        ("demandEvent", {"type": ACCOUNT, "src": {"rid": 1, "type": "t"}}, "src.rid is a string"),
        ("demandEvent", {"type": ACCOUNT, "src": {"rid": "\x00", "type": "t"}}, "src.rid has a ch"),
        (
            "demandEvent",
            {"type": ACCOUNT, "src": {"rid": "\ud800", "type": ""}},
            "src.rid has a ch",
        ),
        ("demandEvents", {"events": [{"type": ACCOUNT}]}, "events[0].src is missing"),
        ("demandEvents", {"events": [{"type": "x", "src": None}]}, "events[0].type: "),
        ("cancelEvents", {"events": [None]}, "events[0] is an object, not null"),
        ("pollEvents", {"timeout": 5}, "timeout is no parameter; there are none"),
    ],
)
def test_parameters_that_do_not_fit_are_named(
    site: Site, rid: str, method: str, params: object, says: str
) -> None:
    body = json.dumps({"method": method, "params": params, "id": 1}).encode()
    error = post(site.url, rid, body)["error"]
    assert error["code"] == -32602
    assert says in error["message"]
    assert error["message"].startswith("Invalid params: ")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "event: a value object is needed"),
        ({"type": ACCOUNT}, "event: a value object has type and value; 'value' is missing"),
        ({"type": "x.Y:1.0.0", "value": {}}, "event.type: "),
        ({"type": ACCOUNT, "value": {**MEMBERS, "more": 1}}, "event.value"),
        ({"type": ACCOUNT, "value": {**MEMBERS, "username": None}}, "event.value.username"),
        ({"type": ACCOUNT, "value": {**MEMBERS, "username": "\x00"}}, "event.value.username"),
        ({"type": ACCOUNT, "value": {**MEMBERS, "source": {"rid": 1}}}, "event.value.source"),
    ],
)
def test_events_that_do_not_fit_are_not_published(site: Site, value: object, says: str) -> None:
    code, message = error_of(site.url, "/eventservice", "pushEvent", {"event": value})
    assert code == -32602
    assert says in message


@pytest.mark.parametrize("id", ["x", "0" * 32, "%2e%2e", "a b", "ü", "0" * 5000])
def test_channels_that_never_were(site: Site, id: str) -> None:
    for method in ("pollEvents", "pollEventsNb"):
        code, message = error_of(site.url, f"/event/channel/{id}", method, {})
        assert code == NO_CHANNEL
        assert "No such event channel" in message


def test_only_requests_that_are_posted_are_answered(site: Site, rid: str) -> None:
    for path in ("/eventservice", "/bulk", "/session", rid):
        answer = httpx.get(site.url + path)
        assert answer.status_code == 405
        assert answer.headers["allow"] == "POST"
    assert httpx.post(f"{site.url}/event/channel/", json=CREATE).status_code in (404, 405)
    assert httpx.post(f"{site.url}{rid}/more", json=CREATE).status_code in (404, 405)


def bulk(site: Site, requests: list[Any], method: str = "performBulk") -> list[Any]:
    answer = post(site.url, "/bulk", {"method": method, "params": {"requests": requests}, "id": 1})
    found: list[Any] = answer["result"]["responses"]
    return found


def test_each_request_of_a_bulk_has_a_status_of_its_own(site: Site, rid: str) -> None:
    poll = {"jsonrpc": "2.0", "method": "pollEventsNb", "params": {}, "id": 3}
    nested = {"method": "performBulk", "params": {"requests": []}, "id": 9}
    answers = bulk(
        site,
        [
            {"rid": rid, "json": poll},
            {"rid": "/nothing/here", "json": poll},
            {"rid": rid.removeprefix("/"), "json": poll},
            {"rid": "/bulk", "json": nested},
            {"rid": rid, "json": 5},
        ],
    )
    assert [each["statcode"] for each in answers] == [200, 404, 200, 200, 200]
    assert answers[0]["json"]["result"] == {"_ret_": False, "events": []}
    assert answers[1]["json"]["id"] == 3
    assert answers[3]["json"]["error"]["code"] == -32600
    assert answers[4]["json"]["error"]["code"] == -32600


def test_a_bulk_in_the_old_format(site: Site, rid: str) -> None:
    poll = json.dumps({"method": "pollEventsNb", "params": {}, "id": 3})
    requests = [{"rid": rid, "json": poll}, {"rid": rid, "json": "{"}]
    first, second = bulk(site, requests, "performRequest")
    assert json.loads(first["json"])["result"] == {"_ret_": False, "events": []}
    assert json.loads(second["json"])["error"]["code"] == -32700


def test_a_bulk_is_carried_out_as_a_whole_or_not_at_all(site: Site) -> None:
    push = {"method": "createChannel", "params": {}, "id": 1}
    requests = [{"rid": "/eventservice", "json": push}, {"rid": 5, "json": push}]
    code, message = error_of(site.url, "/bulk", "performBulk", {"requests": requests})
    assert code == -32602
    assert "requests[1].rid" in message
    code, message = error_of(site.url, "/bulk", "performBulk", {"requests": requests[:1] * 101})
    assert "requests has at most 100 items" in message
