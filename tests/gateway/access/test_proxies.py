"""Behind proxies: who the client is, and what it says of itself."""

from __future__ import annotations

from typing import Any

import pytest

from clacks_events.agent.policy import Policy
from clacks_events.gateway.access import AccessOptions
from tests.gateway.access.door import ALICE, PASSWORD, POLICY, Door, basic, bearer, open_door, raw

PROXIES = ("127.0.0.9", "10.0.0.0/8", "2001:db8:1::/48")


def door_of(policy: Policy = POLICY, **options: Any) -> Door:
    return Door(AccessOptions(proxies=PROXIES, **options), policy)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.1.1.1", "203.0.113.7", "203.0.113.7"),
        ("10.1.1.1", "203.0.113.7, 10.2.2.2", "203.0.113.7"),
        # What the client wrote itself is left of what proxies wrote.
        ("10.1.1.1", "127.0.0.1, 203.0.113.7", "203.0.113.7"),
        ("10.1.1.1", "10.9.9.9, 203.0.113.7", "203.0.113.7"),
        ("10.1.1.1", "garbage, 203.0.113.7", "203.0.113.7"),
        ("10.1.1.1", "203.0.113.7, garbage", "10.1.1.1"),
        ("10.1.1.1", "203.0.113.7, garbage, 10.2.2.2", "10.2.2.2"),
        ("10.1.1.1", "", "10.1.1.1"),
        ("10.1.1.1", ",,,", "10.1.1.1"),
        ("10.1.1.1", "10.3.3.3, 10.2.2.2", "10.3.3.3"),
        ("10.1.1.1", "203.0.113.7:4711", "203.0.113.7"),
        ("10.1.1.1", "[2001:db8:2::1]:4711", "2001:db8:2::/64"),
        ("10.1.1.1", "2001:db8:2::1", "2001:db8:2::/64"),
        ("10.1.1.1", "::ffff:203.0.113.7", "203.0.113.7"),
        ("10.1.1.1", ", ".join(["203.0.113.7"] + ["10.2.2.2"] * 500), "10.2.2.2"),
        ("::ffff:10.1.1.1", "203.0.113.7", "203.0.113.7"),
        ("2001:db8:1::5", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.9", "203.0.113.7", "203.0.113.7"),
        # No proxy of ours.
        ("203.0.113.9", "127.0.0.1", "203.0.113.9"),
        ("203.0.113.9", "10.1.1.1", "203.0.113.9"),
        ("127.0.0.1", "203.0.113.7", "127.0.0.1"),
    ],
)
def test_the_client_is_the_rightmost_that_is_no_proxy(
    peer: str, forwarded: str, client: str
) -> None:
    headers = {"X-Forwarded-For": forwarded, "Host": "10.0.0.1"}
    told = door_of(anonymous=True).seen_from(peer, headers=headers).json()
    assert told["client"] == f"at {client}"


def test_the_header_may_come_in_several_lines() -> None:
    headers = [
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-For", "203.0.113.7"),
        ("X-Forwarded-For", "10.2.2.2"),
    ]
    told = door_of(anonymous=True).seen_from("10.1.1.1", headers=headers).json()
    assert told["client"] == "at 203.0.113.7"


def test_it_is_not_believed_without_proxies() -> None:
    door = Door(AccessOptions(anonymous=True), POLICY)
    told = door.seen_from("10.1.1.1", headers={"X-Forwarded-For": "203.0.113.7"}).json()
    assert told["client"] == "at 10.1.1.1"


def test_nobody_forwards_himself_to_this_host() -> None:
    headers = {"X-Forwarded-For": "127.0.0.1", "Host": "localhost"}
    for peer in ("10.1.1.1", "203.0.113.7"):
        assert door_of(Policy()).seen_from(peer, headers=headers).status_code == 403


def test_guessing_is_counted_for_the_client_and_not_for_the_proxy() -> None:
    door = door_of(failures=2)

    def ask(client: str, token: str) -> int:
        headers = {**bearer(token), "X-Forwarded-For": client}
        return door.seen_from("10.1.1.1", headers=headers).status_code

    assert [ask("203.0.113.7", "x.y") for _ in range(3)] == [401, 401, 429]
    assert ask("203.0.113.8", ALICE) == 200
    # The addresses that it makes up change nothing.
    assert [ask(f"1.2.3.{number}, 203.0.113.9", "x.y") for number in range(3)] == [401, 401, 429]


def test_a_proxy_says_who_the_user_is() -> None:
    with open_door(Policy(), user_header="X-Remote-User", proxies=("127.0.0.9",)) as door:
        told = door.get(address="127.0.0.9", headers={"X-Remote-User": "dave"}).json()
        assert (told["name"], told["client"]) == ("dave", "user dave")
        heads = {"x-remote-user": "älice".encode()}
        assert door.name(address="127.0.0.9", headers=heads) == "älice"


def test_others_who_say_so_are_refused() -> None:
    with open_door(user_header="X-Remote-User", proxies=("127.0.0.9",), anonymous=True) as door:
        for address in ("127.0.0.1", "127.0.0.8"):
            for name in ("alice", "anonymous", "x"):
                response = door.get(address=address, headers={"X-Remote-User": name})
                assert response.status_code == 403
        # Also with credentials of their own, and with forged hops.
        headers = {**bearer(ALICE), "X-Remote-User": "bob", "X-Forwarded-For": "127.0.0.9"}
        assert door.get(headers=headers).status_code == 403


@pytest.mark.parametrize(
    "lines",
    [
        b"X-Remote-User: alice\r\nX-Remote-User: alice\r\n",
        b"X-Remote-User: admin\r\nX-Remote-User: alice\r\n",
        b"X-Remote-User: \xff\r\n",
        b"X-Remote-User: a\xc2\x85b\r\n",
        b"X-Remote-User: a\tb\r\n",
        b"X-Remote-User: " + b"a" * 256 + b"\r\n",
    ],
    ids=ascii,
)
def test_what_is_not_one_name_is_refused(lines: bytes) -> None:
    with open_door(user_header="X-Remote-User", proxies=("127.0.0.1",)) as door:
        assert raw(door, b"GET / HTTP/1.1\r\nHost: localhost\r\n" + lines + b"\r\n")[0] == 403


def test_without_the_header_nobody_is_known() -> None:
    proxied: dict[str, Any] = {"user_header": "X-Remote-User", "proxies": ("127.0.0.0/8",)}
    with open_door(Policy(), **proxied) as door:
        for headers in ({}, {"X-Remote-User": ""}, basic("alice", PASSWORD), bearer(ALICE)):
            response = door.get(headers=headers)
            assert response.status_code == 403
            assert "www-authenticate" not in response.headers
    with open_door(Policy(), **proxied, anonymous=True) as door:
        assert door.name() is None


def test_both_ways_go_together() -> None:
    with open_door(user_header="X-Remote-User", proxies=("127.0.0.9",)) as door:
        assert door.get().status_code == 401
        assert door.name(headers=bearer(ALICE)) == "alice"
        # Whom a proxy vouches for is that one, whatever else is sent along.
        heads = {**basic("alice", PASSWORD), "X-Remote-User": "dave"}
        assert door.name(address="127.0.0.9", headers=heads) == "dave"
