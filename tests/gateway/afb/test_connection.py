"""How connections begin, how they end, and what becomes of slow ones."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus

from clacks_events.gateway import ConnectionLimits, GatewayOptions, Limits
from clacks_events.gateway.stream import Bounds
from tests.gateway.afb.client import figure, open_client
from tests.gateway.site import Site, open_gateway
from tests.harness.waiting import wait_until

AFB_STREAMS = 'clacks_streams{kind="afb"}'
BIG = (
    '<e:Event xmlns:e="http://www.gonicus.de/Events" source="pbx"><e:PhoneStatus>'
    f"<e:CallerId>{'1' * 200_000}</e:CallerId><e:ReceiverId>%s</e:ReceiverId>"
    "<e:Status>busy</e:Status></e:PhoneStatus></e:Event>"
)


@pytest.fixture(scope="module")
def shared() -> Iterator[Site]:
    """A gateway that nobody changes."""
    with open_gateway("memory://afb-shared") as found:
        yield found


@pytest.fixture
def local() -> Iterator[Site]:
    with open_gateway("memory://afb-connections") as found:
        yield found


@pytest.mark.parametrize("subprotocol", ["x-afb-ws-json1", "X-AFB-WS-JSON1", None])
def test_the_subprotocol_may_be_written_in_any_case_and_left_out(
    shared: Site, subprotocol: str | None
) -> None:
    with open_client(shared.address, subprotocol=subprotocol) as client:
        assert client.connection.subprotocol == subprotocol
        assert client.call("agent/ping")["name"] == "gateway"


def test_any_other_subprotocol_is_refused(shared: Site) -> None:
    with (
        pytest.raises(InvalidStatus) as caught,
        open_client(shared.address, subprotocol="x-afb-ws-json2"),
    ):
        pass

    response = caught.value.response
    assert response.status_code == 412
    assert response.headers["Content-Type"].startswith("application/problem+json")
    assert response.body is not None
    assert b"x-afb-ws-json1" in response.body


def test_another_version_of_websocket_is_refused(shared: Site) -> None:
    request = (
        f"GET /api HTTP/1.1\r\nHost: {shared.address}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: MfpIVG082jFTV7SxTNNijQ==\r\n"
        "Sec-WebSocket-Version: 12\r\n\r\n"
    )
    host, _, port = shared.address.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request.encode())
        answer = connection.recv(4096)

    assert answer.split()[1] in (b"400", b"426")


def test_an_uuid_is_taken_and_says_nothing(shared: Site) -> None:
    with open_client(shared.address, "?x-afb-uuid=magic") as client:
        assert client.call("agent/ping")["name"] == "gateway"


def test_the_token_that_clients_send_by_habit_does_no_harm(shared: Site) -> None:
    with open_client(shared.address, "?token=HELLO&uuid=magic") as client:
        frame = client.reply(client.ask("agent/ping", None, "HELLO"))

    assert frame[0] == 3


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("no JSON", "invalid-frame"),
        ([2, "1", "event", None], "invalid-frame"),
        ([2, "1", "event/", None], "invalid-frame"),
        ([2, "1", "event/list"], "invalid-frame"),
        ([2, 1, "event/list", None], "invalid-frame"),
        ([9, "1", "event/list", None], "invalid-frame"),
        ([3, "1", {}], "unbound-call-id"),
        ([4, "1", {}], "unbound-call-id"),
    ],
)
def test_what_breaks_the_protocol_ends_the_connection(
    shared: Site, frame: object, reason: str
) -> None:
    with open_client(shared.address) as client:
        client.call("event/subscribe", ".")
        client.send(frame)

        assert client.closed() == (1008, reason)
    wait_until(lambda: figure(shared, AFB_STREAMS) == 0)


def test_a_binary_frame_ends_the_connection(shared: Site) -> None:
    with open_client(shared.address) as client:
        client.connection.send(b'[2,"1","event/list",null]')

        assert client.closed()[0] == 1003


@pytest.mark.parametrize("text", ["[" * 500_000, '[2,"1","a",' + "[]," * 300_000 + "[]]"])
def test_a_large_frame_that_says_nothing_ends_the_connection(shared: Site, text: str) -> None:
    with open_client(shared.address) as client:
        client.send(text)

        assert client.closed() == (1008, "invalid-frame")


def test_a_large_frame_is_a_call_like_any_other(shared: Site) -> None:
    with open_client(shared.address) as client:
        first = client.ask("nothing/list", ["x" * 500_000])
        second = client.ask("agent/ping")

        assert client.reply(first)[2]["request"]["code"] == -3
        assert client.reply(second)[0] == 3


def test_an_event_from_the_client_is_ignored(shared: Site) -> None:
    with open_client(shared.address) as client:
        client.send([5, "a/b", {"jtype": "afb-event", "event": "a/b", "data": None}])

        assert client.call("agent/ping")["name"] == "gateway"


def test_a_frame_has_a_size() -> None:
    options = GatewayOptions(connections=ConnectionLimits(frame=10_000))
    with (
        open_gateway("memory://afb-frames", options) as site,
        open_client(site.address) as client,
    ):
        assert client.fail("agent/ping", ["x" * 9_000])[1] == -12
        client.ask("agent/ping", ["x" * 11_000])

        assert client.closed()[0] == 1009


def test_there_are_only_so_many_connections() -> None:
    options = GatewayOptions(limits=Limits(streams_per_client=2))
    with (
        open_gateway("memory://afb-many", options) as site,
        open_client(site.address),
        open_client(site.address),
    ):
        with pytest.raises(InvalidStatus) as caught, open_client(site.address):
            pass

        assert caught.value.response.status_code == 429


def test_a_slow_reader_is_told_what_it_lost_and_slows_nobody() -> None:
    options = GatewayOptions(limits=Limits(stream=Bounds(events=5)))
    total = 120
    with (
        open_gateway("memory://afb-slow", options) as site,
        open_client(site.address, max_queue=1) as slow,
        open_client(site.address) as fast,
    ):
        slow.call("event/subscribe", "PhoneStatus")
        fast.call("event/subscribe", "PhoneStatus")
        for number in range(total):
            site.bus.publish(BIG % number)
            assert fast.event()[1]["ReceiverId"] == str(number)

        lost = 0
        received: list[int] = []
        while not received or received[-1] != total - 1:
            name, data = slow.event()
            if name == "event/lost":
                lost += data["lost"]
            else:
                received.append(int(data["ReceiverId"]))
        assert lost > 0
        assert received == sorted(received)
        assert lost + len(received) == total


def test_a_client_that_takes_nothing_is_cut_off() -> None:
    options = GatewayOptions(connections=ConnectionLimits(stall=1.0))
    with (
        open_gateway("memory://afb-stalled", options) as site,
        open_client(site.address, max_queue=1, close_timeout=0.1) as client,
    ):
        client.call("event/subscribe", "PhoneStatus")
        for number in range(120):
            site.bus.publish(BIG % number)

        wait_until(lambda: figure(site, AFB_STREAMS) == 0)


def test_the_end_of_the_gateway_is_told(local: Site) -> None:
    with open_client(local.address) as client:
        client.call("event/subscribe", ".")
        local.gateway.close()

        assert client.closed() == (1001, "the gateway ends")
