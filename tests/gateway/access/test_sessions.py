"""Sessions: tokens that expire."""

from __future__ import annotations

import dataclasses

import pytest

from clacks_events.agent.policy import Policy, User
from clacks_events.gateway.access import Principal, Sessions
from tests.gateway.access.door import ALICE, POLICY, bearer, open_door

PRINCIPAL = Principal("alice", "user alice")
NOBODY = Principal(None, "at 10.0.0.1")


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_token_is_known_again_until_it_expires() -> None:
    clock = Clock()
    sessions = Sessions(lambda: POLICY, 60.0, clock)
    for principal in (PRINCIPAL, NOBODY):
        token = sessions.issue(principal)
        int(token, 16)
        assert sessions.issue(principal) != token
        assert sessions.lookup(token) == principal
        clock.now += 59.0
        assert sessions.lookup(token) == principal
        clock.now += 1.0
        assert sessions.lookup(token) is None


def test_each_gateway_with_the_same_policy_takes_it() -> None:
    same = dataclasses.replace(POLICY, default=POLICY.default)
    token = Sessions(lambda: POLICY).issue(PRINCIPAL)
    assert Sessions(lambda: same).lookup(token) == PRINCIPAL
    assert Sessions(lambda: POLICY).lookup(Sessions(lambda: POLICY).issue(NOBODY)) is None


@pytest.mark.parametrize(
    "user",
    [
        None,
        User(),
        User(token=POLICY.users["bob"].token, password=POLICY.users["alice"].password),
        User(token=POLICY.users["alice"].token),
        User(password=POLICY.users["alice"].password),
    ],
)
def test_it_ends_when_a_secret_of_the_user_changes(user: User | None) -> None:
    policy = POLICY
    sessions = Sessions(lambda: policy)
    token = sessions.issue(PRINCIPAL)
    policy = Policy(users={} if user is None else {"alice": user})
    assert sessions.lookup(token) is None


def test_each_changed_digit_makes_it_worthless() -> None:
    sessions = Sessions(lambda: POLICY)
    token = sessions.issue(PRINCIPAL)
    for place in range(len(token)):
        other = "0" if token[place] != "0" else "1"
        assert sessions.lookup(token[:place] + other + token[place + 1 :]) is None


@pytest.mark.parametrize(
    "token", ["", "0", "zz", "00" * 48, "01" * 48, "ff" * 200, "00" * 100_000, "é" * 96, " " * 200]
)
def test_what_never_was_a_token_is_nobodys(token: str) -> None:
    assert Sessions(lambda: POLICY).lookup(token) is None


def test_a_user_without_a_secret_gets_one_that_opens_nothing() -> None:
    sessions = Sessions(lambda: POLICY)
    for name in ("carol", "nobody"):
        assert sessions.lookup(sessions.issue(Principal(name, f"user {name}"))) is None


def test_the_guard_takes_it_as_session_token_only() -> None:
    with open_door() as door:
        token = door.guard.sessions.issue(PRINCIPAL)
        told = door.get(headers={"X-SessionToken": token}).json()
        assert (told["name"], told["client"]) == ("alice", "user alice")
        assert door.get(headers=bearer(token)).status_code == 401
        assert door.get(f"/events?token={token}").status_code == 401
        door.policy = Policy(users={"bob": POLICY.users["bob"]})
        assert door.get(headers={"X-SessionToken": token}).status_code == 401


def test_an_expired_one_opens_nothing() -> None:
    clock = Clock()
    with open_door() as door:
        token = Sessions(lambda: POLICY, 60.0, clock).issue(PRINCIPAL)
        assert door.get(headers={"X-SessionToken": token}).status_code == 401


def test_a_session_of_nobody_opens_what_is_open_to_nobody() -> None:
    with open_door() as door:
        token = door.guard.sessions.issue(Principal(None, "at 127.0.0.1"))
        assert door.get(headers={"X-SessionToken": token}).status_code == 401
    with open_door(anonymous=True) as door:
        # Also that of another gateway: it is no more than no token.
        told = door.get(headers={"X-SessionToken": token}, address="127.0.0.2").json()
        assert (told["name"], told["client"]) == (None, "at 127.0.0.2")
        assert door.get(headers={"X-SessionToken": "01" + token[2:]}).status_code == 401
        assert door.name(headers=bearer(ALICE)) == "alice"
