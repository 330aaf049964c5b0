"""Who comes in, by which credentials."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Iterator

import pytest

from clacks_events.agent.policy import Policy, User
from clacks_events.agent.secrets import Cost, hash_secret, new_token
from clacks_events.gateway.access import AccessOptions
from tests.gateway.access.door import (
    ALICE,
    BOB,
    CHEAP,
    PASSWORD,
    POLICY,
    Door,
    basic,
    bearer,
    open_door,
    raw,
)


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    """One where failing does not lock anybody out."""
    with open_door(failures=100_000) as opened:
        yield opened


@pytest.mark.parametrize(
    "headers",
    [
        bearer(ALICE),
        {"Authorization": f"bearer   {ALICE}"},
        {"Authorization": f"BEARER {ALICE}"},
        basic("alice", PASSWORD),
        {"X-SessionToken": ALICE},
        {"x-afb-token": ALICE},
        # The first counts.
        {**bearer(ALICE), "X-SessionToken": BOB, "x-afb-token": BOB},
        {"X-SessionToken": ALICE, "x-afb-token": "HELLO"},
    ],
    ids=ascii,
)
def test_right_credentials_open(door: Door, headers: dict[str, str]) -> None:
    for _ in range(2):
        told = door.get(headers=headers).json()
        assert (told["name"], told["client"]) == ("alice", "user alice")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        bearer("HELLO"),
        bearer("."),
        bearer(ALICE[:-1]),
        bearer(ALICE + "A"),
        bearer(ALICE.upper()),
        bearer(ALICE.replace(".", ".A")),
        bearer(new_token("alice")),
        bearer(new_token("carol")),
        bearer(new_token("nobody")),
        bearer(f"{new_token('bob').partition('.')[0]}.{ALICE.partition('.')[2]}"),
        bearer(PASSWORD.encode().hex()),
        bearer("x" * 20_000),
        # The hash is no secret, and a token is no password.
        bearer(str(POLICY.users["alice"].token)),
        basic("alice", str(POLICY.users["alice"].password)),
        basic("alice", ALICE),
        basic("alice", ""),
        basic("alice", PASSWORD + "\0"),
        basic("alice", "x" * 5000),
        basic("Alice", PASSWORD),
        basic("", PASSWORD),
        basic("bob", ""),
        basic("bob", PASSWORD),
        basic("carol", ""),
        basic("nobody", PASSWORD),
        {"Authorization": "Basic"},
        {"Authorization": "Basic !!!!"},
        {"Authorization": "Basic YWxpY2U="},
        {"Authorization": "Basic " + base64.b64encode(b"\xff:\xff").decode()},
        {"Authorization": ALICE},
        {"Authorization": f"Token {ALICE}"},
        {"Authorization": 'Digest username="alice"'},
        {"Authorization": "Negotiate YII="},
        {"X-SessionToken": ""},
        {"X-SessionToken": "00"},
        {"X-SessionToken": "f" * 128},
        {"X-SessionToken": "z" * 128},
        {"X-SessionToken": PASSWORD.encode().hex() * 500},
        {"x-afb-token": "HELLO"},
        # The first counts, also when it is wrong.
        {**bearer(BOB + "x"), "X-SessionToken": ALICE},
        {"Cookie": f"x-afb-uuid-80={ALICE}; token={ALICE}; session={ALICE}"},
        {"X-Remote-User": "alice"},
        {"X-Forwarded-User": "alice"},
    ],
    ids=lambda headers: ascii(headers)[:60],
)
def test_all_others_do_not(door: Door, headers: dict[str, str]) -> None:
    response = door.get(headers=headers)
    assert response.status_code == 401
    challenges = response.headers.get_list("www-authenticate")
    assert challenges == [
        'Basic realm="clacks-events", charset="UTF-8"',
        'Bearer realm="clacks-events"',
    ]
    assert response.headers["content-type"].startswith("application/problem+json")
    assert response.headers["cache-control"] == "no-store"


def test_two_authorizations_are_none(door: Door) -> None:
    line = b"Authorization: Bearer " + ALICE.encode() + b"\r\n"
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\n" + line
    assert raw(door, head + b"\r\n")[0] == 200
    assert raw(door, head + line + b"\r\n")[0] == 401


def test_an_unknown_user_is_told_the_same(door: Door) -> None:
    answers = [
        door.get(headers=headers)
        for headers in (
            basic("alice", "wrong"),
            basic("carol", "wrong"),
            basic("nobody", "wrong"),
            bearer(new_token("alice")),
            bearer(new_token("nobody")),
        )
    ]
    assert len({(answer.status_code, answer.text) for answer in answers}) == 1
    assert len({tuple(name for name, _ in answer.headers.multi_items()) for answer in answers}) == 1


def test_an_unknown_user_costs_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    cost = Cost(11, 2, 2)
    policy = Policy(users={"alice": User(password=str(hash_secret("s", cost)))})
    asked = []

    def record(_: bytes, *, n: int, r: int, p: int, **__: object) -> bytes:
        asked.append((n, r, p))
        return b"\0" * 32

    with open_door(policy) as door:
        monkeypatch.setattr("hashlib.scrypt", record)
        for name in ("alice", "nobody"):
            assert door.get(headers=basic(name, "wrong")).status_code == 401
    assert asked == [(2048, 2, 2)] * 2


@pytest.mark.parametrize("name", ["x-afb-token", "token", "access_token", "%74oken", "X-AFB-Token"])
def test_tokens_in_the_query_count_where_browsers_cannot_set_headers(door: Door, name: str) -> None:
    told = door.get(f"/events?query=a%26b&{name}={ALICE}&type=A").json()
    assert (told["name"], told["query"]) == ("alice", "query=a%26b&type=A")
    encoded = ALICE.replace(".", "%2E")
    assert door.get(f"/events?{name}={encoded}").json()["query"] == ""


def test_elsewhere_they_do_not_and_are_removed_still(door: Door) -> None:
    for method, path in (
        ("GET", "/"),
        ("GET", "/types"),
        ("GET", "/api"),
        ("POST", "/events"),
        ("HEAD", "/events"),
        ("GET", "/events/"),
        ("GET", "/x/events"),
    ):
        assert door.ask(method, f"{path}?token={ALICE}").status_code == 401
    told = door.get(f"/types?a=1&token={BOB}&b=token&access_token=x", headers=bearer(ALICE)).json()
    assert (told["name"], told["query"]) == ("alice", "a=1&b=token")


def test_of_several_in_the_query_the_first_counts(door: Door) -> None:
    assert door.name(f"/events?token={ALICE}&access_token={BOB}") == "alice"
    assert door.get(f"/events?token=&token={ALICE}").status_code == 401
    # What a header says goes before it.
    assert door.name(f"/events?token={ALICE}", headers=bearer(BOB)) == "bob"


def test_a_password_may_be_composed_otherwise(door: Door) -> None:
    assert door.name(headers=basic("alice", "correct: ho\u0308rse")) == "alice"


def test_a_changed_policy_counts_at_once() -> None:
    with open_door() as door:
        assert door.name(headers=bearer(ALICE)) == "alice"
        assert door.name(headers=bearer(BOB)) == "bob"
        token = new_token("alice")
        users = {**POLICY.users, "alice": User(token=str(hash_secret(token, CHEAP)))}
        del users["bob"]
        door.policy = dataclasses.replace(POLICY, users=users)
        assert door.get(headers=bearer(ALICE)).status_code == 401
        assert door.get(headers=bearer(BOB)).status_code == 401
        assert door.get(headers=basic("alice", PASSWORD)).status_code == 401
        assert door.name(headers=bearer(token)) == "alice"
        door.policy = POLICY
        assert door.name(headers=bearer(ALICE)) == "alice"


def test_without_secrets_this_host_comes_in_and_no_other() -> None:
    with open_door(Policy(users={"alice": User(("ops",))})) as door:
        told = door.get().json()
        assert (told["name"], told["client"]) == (None, "at 127.0.0.1")
        # What clients bring along does not matter.
        assert door.name(headers=basic("admin", "raritan")) is None
        assert door.name(headers={"X-SessionToken": "00"}) is None
    for peer in ("10.0.0.9", "192.168.1.1", "2001:db8::1", "0.0.0.0", ""):
        response = door.seen_from(peer, headers={"Host": "localhost"})
        assert response.status_code == 403
        assert "another" in response.json()["detail"]
    for peer in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"):
        assert door.seen_from(peer, headers={"Host": "localhost"}).status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_without_secrets_nobody_comes_in_through_a_proxy(header: str) -> None:
    door = Door(AccessOptions(), Policy())
    heads = {"Host": "localhost", header: "127.0.0.1"}
    assert door.seen_from("127.0.0.1", headers=heads).status_code == 403


def test_what_was_closed_stays_closed() -> None:
    with open_door(Policy()) as door:
        assert door.name() is None
        door.policy = POLICY
        assert door.get().status_code == 401
        # A policy that lost its secrets, by mistake or not.
        door.policy = Policy()
        assert door.get().status_code == 403
        assert door.get(headers=bearer(ALICE)).status_code == 403


def test_anonymous_comes_in_where_that_is_allowed() -> None:
    with open_door(anonymous=True) as door:
        told = door.get().json()
        assert (told["name"], told["client"]) == (None, "at 127.0.0.1")
        assert door.name(headers=bearer(ALICE)) == "alice"
        # Whoever says he is somebody has to show it.
        assert door.get(headers=basic("alice", "wrong")).status_code == 401
    assert door.seen_from("10.0.0.9").json()["client"] == "at 10.0.0.9"
    for peer in ("2001:db8::1", "2001:db8::2:3"):
        assert door.seen_from(peer).json()["client"] == "at 2001:db8::/64"


def test_a_secret_of_the_policy_that_is_no_hash_opens_nothing() -> None:
    policy = Policy(users={"alice": User(token=ALICE, password=PASSWORD)})
    with open_door(policy) as door:
        assert door.get(headers=bearer(ALICE)).status_code == 401
        assert door.get(headers=basic("alice", PASSWORD)).status_code == 401
        assert door.get().status_code == 401
