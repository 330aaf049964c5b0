"""Bodies that are too large, or too slow."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator

import pytest

from clacks_events.agent.policy import Policy
from tests.gateway.access.door import ALICE, Door, bearer, open_door, raw, read_answer

LIMIT = 100_000
HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
LENGTH = b"Content-Length: %d\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with open_door(Policy(), body=LIMIT, body_timeout=30) as opened:
        yield opened


@pytest.fixture(scope="module")
def hasty() -> Iterator[Door]:
    with open_door(Policy(), body=LIMIT, body_timeout=0.1) as opened:
        yield opened


def chunks(size: int, count: int | None = None) -> Iterator[bytes]:
    part = b"%x\r\n%s\r\n" % (size, b"x" * size)
    yield from itertools.repeat(part) if count is None else itertools.repeat(part, count)


def send_until_answered(connection: socket.socket, parts: Iterator[bytes]) -> int:
    """Send while the server takes it; returns how many bytes it took."""
    sent = 0
    try:
        for part in parts:
            connection.sendall(part)
            sent += len(part)
    except OSError:
        return sent
    return sent


def test_a_body_up_to_the_limit_is_taken(door: Door) -> None:
    for content in (b"", b"x", b"x" * LIMIT):
        assert door.ask("POST", content=content).json()["length"] == str(len(content))
        told = door.ask("POST", content=iter([content[:10], content[10:]])).json()
        assert told["length"] == str(len(content))


def test_one_that_says_it_is_larger_is_refused_at_once(door: Door) -> None:
    for length in (LIMIT + 1, 10**9, 10**18):
        # Nothing of it is ever sent.
        status, headers, body = raw(door, HEAD + LENGTH % length + b"\r\n")
        assert status == 413
        assert headers["connection"] == "close"
        assert headers["content-type"].startswith("application/problem+json")
        assert b"100000 bytes" in body


def test_one_that_turns_out_to_be_larger_is_refused(door: Door) -> None:
    with socket.create_connection(("127.0.0.1", door.port), timeout=20) as connection:
        connection.sendall(HEAD + CHUNKED + b"\r\n")
        for part in chunks(10_000, 11):
            connection.sendall(part)
        status, headers, _ = read_answer(connection)
    assert (status, headers["connection"]) == (413, "close")


def test_a_client_that_sends_all_of_it_first_reads_the_answer(door: Door) -> None:
    # As many do: a connection that is reset under them is all that they would see.
    content = b"x" * 12_000_000
    status, _, body = raw(door, HEAD + LENGTH % len(content) + b"\r\n" + content)
    assert (status, b"100000 bytes" in body) == (413, True)
    parts = b"".join(chunks(10_000, 1200))
    assert raw(door, HEAD + CHUNKED + b"\r\n" + parts + b"0\r\n\r\n")[0] == 413


def test_an_endless_body_is_cut_off(door: Door) -> None:
    with socket.create_connection(("127.0.0.1", door.port), timeout=20) as connection:
        connection.sendall(HEAD + CHUNKED + b"\r\n")
        sent = send_until_answered(connection, chunks(65_536))
    assert sent < 100 * 1024 * 1024


def test_a_length_that_is_none_is_a_bad_request(door: Door) -> None:
    for length in (b"-1", b"1e3", b"+5", b"5, 6", b""):
        status = raw(door, HEAD + b"Content-Length: " + length + b"\r\n\r\n")[0]
        assert status in (400, 413)


def test_a_body_that_does_not_come_is_a_timeout(hasty: Door) -> None:
    for lines in (LENGTH % 10, CHUNKED):
        with socket.create_connection(("127.0.0.1", hasty.port), timeout=20) as connection:
            connection.sendall(HEAD + lines + b"\r\n")
            status, headers, body = read_answer(connection)
            assert (status, headers["connection"]) == (408, "close")
            assert b"0.1 s" in body
            assert connection.recv(1) == b""


def test_one_that_drips_is_a_timeout_too(hasty: Door) -> None:
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=0.01) as connection:
        connection.sendall(HEAD + LENGTH % 50_000 + b"\r\n")
        answer = b""
        for _ in range(10_000):
            connection.sendall(b"x")
            try:
                answer = connection.recv(1000)
                break
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_who_waits_for_leave_to_send_a_body_is_told_before(door: Door) -> None:
    expect = b"Expect: 100-continue\r\n"
    status, _, _ = raw(door, HEAD + LENGTH % (LIMIT + 1) + expect + b"\r\n")
    assert status == 413
    with socket.create_connection(("127.0.0.1", door.port), timeout=20) as connection:
        connection.sendall(HEAD + LENGTH % 3 + expect + b"\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"abc")
        assert read_answer(connection)[0] == 200


def test_a_body_that_nobody_reads_ends_the_connection(door: Door) -> None:
    with socket.create_connection(("127.0.0.1", door.port), timeout=20) as connection:
        head = b"POST /ignore HTTP/1.1\r\nHost: localhost\r\n"
        connection.sendall(head + LENGTH % LIMIT + b"\r\nx")
        status, headers, _ = read_answer(connection)
        assert (status, headers["connection"]) == (200, "close")
        assert connection.recv(1) == b""


def test_connections_are_kept_after_bodies_that_were_read(door: Door) -> None:
    with socket.create_connection(("127.0.0.1", door.port), timeout=20) as connection:
        for _ in range(3):
            connection.sendall(HEAD + LENGTH % 3 + b"\r\nabc")
            status, headers, _ = read_answer(connection)
            assert status == 200
            assert "connection" not in headers


def test_who_is_not_let_in_does_not_get_to_send() -> None:
    with open_door(body=LIMIT) as door:
        content = b"x" * LIMIT
        assert door.ask("POST", content=content).status_code == 401
        assert door.ask("POST", content=content, headers=bearer("x.y")).status_code == 401
        assert door.ask("POST", content=content, headers=bearer(ALICE)).status_code == 200
        with socket.create_connection(("127.0.0.1", door.port), timeout=20) as connection:
            connection.sendall(HEAD + LENGTH % LIMIT + b"\r\nx")
            assert read_answer(connection)[0] == 401
            assert connection.recv(1) == b""


def test_refused_bodies_leave_no_fault_behind(
    door: Door, hasty: Door, caplog: pytest.LogCaptureFixture
) -> None:
    assert raw(hasty, HEAD + LENGTH % 10 + b"\r\n")[0] == 408
    assert door.ask("POST", content=iter([b"x" * (LIMIT + 1)])).status_code == 413
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_client_that_goes_away_is_no_timeout(door: Door) -> None:
    before = dict(door.guard.refusals)
    with socket.create_connection(("127.0.0.1", door.port), timeout=20) as connection:
        connection.sendall(HEAD + LENGTH % 10 + b"\r\nabc")
    assert door.ask("POST", content=b"abc").status_code == 200
    assert dict(door.guard.refusals) == before
