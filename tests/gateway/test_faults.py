"""Clients that are slow, broken, hostile, or too many."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import httpx
import pytest

from clacks_events import EventMaker
from clacks_events.gateway import AccessOptions, ConnectionLimits, GatewayOptions
from tests.gateway.afb.client import open_client
from tests.gateway.site import Site, open_gateway
from tests.gateway.wire import Wire
from tests.harness.waiting import wait_until

e = EventMaker()

HEADER = 4096
BODY = 2000
MOST = 100_000_000  # bytes, of which some lie between both sides
LIMITS = GatewayOptions(
    connections=ConnectionLimits(header=HEADER, header_timeout=0.3, idle_timeout=1),
    access=AccessOptions(body=BODY, body_timeout=0.3),
)
XML = (
    b'<PhoneStatus xmlns="http://www.gonicus.de/Events"><CallerId>1</CallerId>'
    b"<ReceiverId>2</ReceiverId><Status>busy</Status></PhoneStatus>"
)
POST = (
    b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/xml\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(XML), XML)
)
CHUNKED = (
    b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/xml\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


@pytest.fixture
def site(caplog: pytest.LogCaptureFixture) -> Iterator[Site]:
    """A gateway with narrow limits, which has to answer others to the end, and has no fault."""
    with open_gateway("memory://faults", LIMITS) as opened:
        yield opened
        assert httpx.get(f"{opened.url}/healthz").status_code == 200
    for when in ("setup", "call", "teardown"):
        faults = [r for r in caplog.get_records(when) if r.levelno >= logging.ERROR]
        assert not faults, [record.getMessage() for record in faults]


def flood(wire: Wire, piece: bytes) -> None:
    """Send a piece again and again until there is an answer."""
    sent = 0
    while wire.send(piece) and not wire.has_answer():
        sent += len(piece)
        assert sent < MOST, "there is no end to what is taken"


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: local"])
def test_a_request_that_does_not_come_to_an_end(site: Site, begun: bytes) -> None:
    with Wire(site.address) as wire:
        wire.send(begun)
        assert wire.answer().status == 408
        assert wire.is_over()


def test_headers_that_drip(site: Site) -> None:
    with Wire(site.address) as wire:
        wire.send(b"GET / HTTP/1.1\r\n")
        while not wire.has_answer(0.01):
            wire.send(b"X")
        assert wire.answer().status == 408
        assert wire.is_over()


def test_a_second_request_that_drips(site: Site) -> None:
    with Wire(site.address) as wire:
        wire.get("/healthz")
        assert wire.answer().status == 200
        wire.send(b"GET / HTTP/1.1\r\n")
        while not wire.has_answer(0.01):
            wire.send(b"X")
        assert wire.answer().status == 408
        assert wire.is_over()


def test_a_connection_without_a_request_is_closed(site: Site) -> None:
    with Wire(site.address) as wire:
        wire.get("/healthz")
        assert wire.answer().status == 200
        assert wire.is_over()


def test_a_connection_on_which_only_line_ends_come_is_closed(site: Site) -> None:
    with Wire(site.address) as wire:
        wire.get("/healthz")
        assert wire.answer().status == 200
        wire.send(b"\r\n")
        assert wire.answer().status == 408
        assert wire.is_over()


@pytest.mark.parametrize(
    "piece",
    [b"x" * 500, b"X-Header: some value\r\n" * 50, b"x"],
    ids=["one line", "many lines", "byte by byte"],
)
def test_headers_that_never_end(site: Site, piece: bytes) -> None:
    with Wire(site.address) as wire:
        wire.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ")
        flood(wire, piece)
        assert wire.answer().status in (408, 431)
        assert wire.is_over()


@pytest.mark.parametrize(
    "headers",
    [
        b"X-Long: %s\r\n" % (b"x" * HEADER),
        b"X: y\r\n" * HEADER,
        b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nX: %s\r\n"
        % (b"x" * HEADER),
    ],
    ids=["one line", "many lines", "upgrade"],
)
def test_headers_that_are_too_large_in_one_piece(site: Site, headers: bytes) -> None:
    with Wire(site.address) as wire:
        wire.send(b"GET /api HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % headers)
        assert wire.answer().status == 431
        assert wire.is_over()


def test_an_address_that_is_too_long(site: Site) -> None:
    with Wire(site.address) as wire:
        wire.get("/types?" + "x" * HEADER)
        assert wire.answer().status == 431
        assert wire.is_over()


def test_headers_that_are_large_and_not_too_large(site: Site) -> None:
    with Wire(site.address) as wire:
        for _ in range(3):
            wire.get("/healthz", f"X-Long: {'x' * (HEADER - 200)}")
            assert wire.answer().status == 200


@pytest.mark.parametrize("piece", [b"X-Trailer: some value\r\n" * 50, b"x" * 1000])
def test_trailers_that_never_end(site: Site, piece: bytes) -> None:
    with Wire(site.address) as wire:
        wire.send(CHUNKED + b"%x\r\n%s\r\n0\r\nX: " % (len(XML), XML))
        flood(wire, piece)
        assert wire.answer().status == 431
        assert wire.is_over()


def test_chunks_and_trailers_of_usual_size(site: Site) -> None:
    with Wire(site.address) as wire:
        chunks = b"".join(b"1;a=b\r\n%c\r\n" % byte for byte in XML)
        wire.send(CHUNKED + chunks + b"0\r\nX: y\r\n\r\n")
        assert wire.answer().status == 202
        wire.get("/healthz")
        assert wire.answer().status == 200


def test_a_body_that_says_that_it_is_too_large(site: Site) -> None:
    with Wire(site.address) as wire:
        wire.send(POST.replace(b"%d" % len(XML), b"%d" % (BODY + 1), 1))
        assert wire.answer().status == 413


def test_a_body_that_does_not_say_how_large_it_is(site: Site) -> None:
    with Wire(site.address) as wire:
        wire.send(CHUNKED)
        flood(wire, b"64\r\n%s\r\n" % (b"x" * 100))
        assert wire.answer().status == 413


def test_a_body_that_does_not_come_to_an_end(site: Site) -> None:
    with Wire(site.address) as wire:
        wire.send(POST[:-10])
        assert wire.answer().status == 408
        assert wire.is_over()


def test_requests_in_a_row_are_answered_in_their_order(site: Site) -> None:
    with site.bus.subscribe(types=["PhoneStatus"]) as events, Wire(site.address) as wire:
        wire.get("/healthz")
        wire.send(POST)
        wire.get("/nowhere")
        wire.send(POST + POST)
        wire.get("/healthz")
        answers = [wire.answer() for _ in range(6)]
        assert [each.status for each in answers] == [200, 202, 404, 202, 202, 200]
        for number in (1, 3, 4):
            assert f'"{events.get(timeout=10).id}"'.encode() in answers[number].body


def test_very_many_requests_in_a_row(site: Site) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with Wire(site.address) as wire:
        wire.send(request * 500)
        assert {wire.answer().status for _ in range(500)} == {200}


def test_what_comes_behind_a_stream_does_not_disturb_it(site: Site) -> None:
    with Wire(site.address) as wire:
        wire.get("/events?type=PhoneStatus")
        wire.read_until(b"retry: ")
        wire.send(POST)
        id = site.bus.publish(XML).id
        assert id is not None
        assert wire.read_until(b"</").count(b"id: ") == 1


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        bytes(1000),
        b"\r\n" * 50 + b"\xff" * 100 + b"\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET\r\n\r\n",
        b"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nNo header\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        CHUNKED[:-2] + b"Content-Length: 5\r\n\r\n0\r\n\r\n",
        CHUNKED + b"fffffffffffffffff\r\n",
        CHUNKED + b"no\r\n",
    ],
)
def test_garbage(site: Site, garbage: bytes) -> None:
    with site.bus.subscribe(types=["PhoneStatus"]) as events, Wire(site.address) as wire:
        wire.send(garbage)
        assert 400 <= wire.answer().status < 500
        assert wire.is_over()
        last = site.bus.publish(XML)
        assert events.get(timeout=10).id == last.id


def test_a_web_socket_that_is_refused_is_no_fault(site: Site) -> None:
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    for header, status in (
        ("Origin: http://evil.example", 403),
        ("Sec-WebSocket-Protocol: chat", 412),
    ):
        with Wire(site.address) as wire:
            wire.get("/api", *upgrade, key, header)
            assert wire.answer().status == status
            assert wire.is_over()


def test_too_many_connections() -> None:
    limits = ConnectionLimits(connections_per_address=3)
    with open_gateway("memory://crowd", GatewayOptions(connections=limits)) as site:
        wires = [Wire(site.address) for _ in range(3)]
        try:
            for wire in wires:
                wire.get("/healthz")
                assert wire.answer().status == 200
            with Wire(site.address) as late:
                refused = late.answer()
                assert (refused.status, refused.headers["retry-after"]) == (503, "10")
                assert late.is_over()
            for wire in wires:
                wire.get("/healthz")
                assert wire.answer().status == 200
            wires.pop().__exit__(None, None, None)
            wait_until(lambda: _is_let_in(site))
        finally:
            for wire in wires:
                wire.__exit__(None, None, None)


def test_web_sockets_that_have_gone_are_not_counted() -> None:
    limits = ConnectionLimits(connections=2)
    with open_gateway("memory://sockets", GatewayOptions(connections=limits)) as site:
        for _ in range(6):
            wait_until(lambda: _is_let_in(site))
            with open_client(site.address) as client:
                client.call("event/list")
                with open_client(site.address) as other:
                    other.call("event/list")
                    assert not _is_let_in(site)
        wait_until(lambda: _is_let_in(site))


def _is_let_in(site: Site) -> bool:
    with Wire(site.address) as wire:
        wire.get("/healthz")
        return wire.answer().status == 200
