"""Guessing: neither does it succeed, nor does it eat the processor."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from clacks_events.agent.policy import Policy
from clacks_events.agent.secrets import new_token
from clacks_events.gateway.access import AccessOptions, Principal
from tests.gateway.access.door import (
    ALICE,
    BOB,
    PASSWORD,
    POLICY,
    Door,
    basic,
    bearer,
    open_door,
)
from tests.harness.waiting import wait_until

HASH = hashlib.scrypt


class Slow:
    """Checks that last until they are let go; says how many ran, and at a time."""

    def __init__(self) -> None:
        self.running = 0
        self.most = 0
        self.count = 0
        self.names: set[str] = set()
        self._lock = threading.Lock()
        self.let_go = threading.Event()

    def scrypt(self, password: bytes, **more: Any) -> bytes:
        with self._lock:
            self.running += 1
            self.count += 1
            self.most = max(self.most, self.running)
            self.names.add(threading.current_thread().name)
        assert self.let_go.wait(30)
        with self._lock:
            self.running -= 1
        return HASH(password, **more)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    made = Slow()
    monkeypatch.setattr("hashlib.scrypt", made.scrypt)
    yield made
    made.let_go.set()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(100) as made:
        yield made


def statuses(door: Door, count: int, address: str = "127.0.0.1") -> list[int]:
    return [
        door.get(address=address, headers=basic("alice", f"guess {number}")).status_code
        for number in range(count)
    ]


def test_an_address_that_fails_has_to_wait() -> None:
    with open_door(failures=10) as door:
        assert statuses(door, 12) == [401] * 10 + [429] * 2
        blocked = door.get(headers=basic("alice", "guess"))
        assert 1 <= int(blocked.headers["retry-after"]) <= 6
        assert "www-authenticate" not in blocked.headers
        # Nor is the right password told from a wrong one there.
        assert door.get(headers=basic("alice", PASSWORD)).status_code == 429
        assert door.get(headers=bearer(BOB)).status_code == 429
        # Other addresses go on.
        assert door.name(address="127.0.0.2", headers=basic("alice", PASSWORD)) == "alice"


def test_passwords_that_are_remembered_cannot_be_guessed_either() -> None:
    with open_door(failures=3) as door:
        assert door.name(headers=basic("alice", PASSWORD)) == "alice"
        assert door.name(headers=bearer(BOB)) == "bob"
        assert statuses(door, 5) == [401] * 3 + [429] * 2
        assert door.get(headers=basic("alice", PASSWORD)).status_code == 429
        # A token cannot be guessed: whoever has one is not locked out by his neighbours.
        assert door.name(headers=bearer(BOB)) == "bob"
        assert door.name(headers={"X-SessionToken": session(door)}) == "alice"


def session(door: Door) -> str:
    return door.guard.sessions.issue(Principal("alice", "user alice"))


def test_what_cannot_be_read_counts_as_well() -> None:
    with open_door(failures=3) as door:
        wrong = ["Basic !", "Bearer x", "Digest y", "Basic !", "Bearer " + ALICE]
        found = [door.get(headers={"Authorization": text}).status_code for text in wrong]
        assert found == [401, 401, 401, 429, 429]


def test_coming_without_credentials_is_no_failure() -> None:
    with open_door(failures=1) as door:
        assert [door.get().status_code for _ in range(5)] == [401] * 5
        assert door.name(headers=basic("alice", PASSWORD)) == "alice"


def test_right_ones_do_not_count(slow: Slow) -> None:
    slow.let_go.set()
    with open_door(failures=1) as door:
        for _ in range(5):
            assert door.name(headers=basic("alice", PASSWORD)) == "alice"
            assert door.name(headers=bearer(ALICE)) == "alice"
    assert slow.count == 2  # the rest was remembered


def test_wrong_ones_are_not_remembered(slow: Slow) -> None:
    slow.let_go.set()
    with open_door() as door:
        for _ in range(3):
            assert door.get(headers=basic("alice", "wrong")).status_code == 401
    assert slow.count == 3


def test_the_loop_goes_on_while_secrets_are_checked(slow: Slow, pool: ThreadPoolExecutor) -> None:
    with open_door(anonymous=True) as door:
        waiting = pool.submit(door.get, headers=bearer(ALICE))
        wait_until(lambda: slow.running == 1)
        assert door.name() is None
        assert not waiting.done()
        slow.let_go.set()
        assert waiting.result().json()["name"] == "alice"


def test_two_are_checked_at_a_time(slow: Slow, pool: ThreadPoolExecutor) -> None:
    with open_door() as door:
        waiting = [
            pool.submit(door.get, headers=basic(f"user {number}", "guess")) for number in range(8)
        ]
        wait_until(lambda: slow.running == 2)
        slow.let_go.set()
        assert {each.result().status_code for each in waiting} == {401}
    assert (slow.most, slow.count) == (2, 8)


def test_one_secret_is_checked_once_for_all_who_bring_it(
    slow: Slow, pool: ThreadPoolExecutor
) -> None:
    with open_door(failures=1) as door:
        waiting = [pool.submit(door.get, headers=bearer(ALICE)) for _ in range(20)]
        wait_until(lambda: slow.running == 1)
        slow.let_go.set()
        assert {each.result().json()["name"] for each in waiting} == {"alice"}
    assert slow.count == 1


def test_a_secret_that_is_changed_while_it_is_checked_is_wrong(
    slow: Slow, pool: ThreadPoolExecutor
) -> None:
    with open_door() as door:
        waiting = pool.submit(door.get, headers=bearer(ALICE))
        wait_until(lambda: slow.running == 1)
        door.policy = Policy(users={"bob": POLICY.users["bob"]})
        slow.let_go.set()
        assert waiting.result().status_code == 401


def test_more_than_may_fail_are_not_begun_from_one_address(
    slow: Slow, pool: ThreadPoolExecutor
) -> None:
    with open_door(failures=5, check_timeout=60) as door:
        waiting = [
            pool.submit(door.get, headers=basic("alice", f"guess {number}")) for number in range(30)
        ]
        wait_until(lambda: sum(each.done() for each in waiting) == 25)
        busy = [each.result() for each in waiting if each.done()]
        assert {(each.status_code, each.headers["retry-after"]) for each in busy} == {(503, "1")}
        slow.let_go.set()
        assert sorted(each.result().status_code for each in waiting) == [401] * 5 + [503] * 25
        assert door.get(headers=basic("alice", PASSWORD)).status_code == 429
    assert slow.count == 5


def test_how_many_wait_is_bounded(slow: Slow, pool: ThreadPoolExecutor) -> None:
    with open_door(failures=1000, check_timeout=60) as door:
        waiting = [
            pool.submit(door.get, headers=bearer(new_token(f"user {number}")))
            for number in range(80)
        ]
        wait_until(lambda: sum(each.done() for each in waiting) >= 16)
        slow.let_go.set()
        found = sorted(each.result().status_code for each in waiting)
    assert found == [401] * 64 + [503] * 16


def test_whoever_waits_too_long_is_told_to_come_again(slow: Slow) -> None:
    with open_door(check_timeout=0.05) as door:
        assert door.get(headers=bearer(ALICE)).status_code == 503
        slow.let_go.set()
        # The check went on, and is remembered once it has ended.
        wait_until(lambda: door.get(headers=bearer(ALICE)).status_code == 200)
    assert slow.count <= 2


def whose(door: Door, token: str) -> object:
    return door.ask("POST", "/by_token", content=token).json()["token"]


def test_a_protocol_may_ask_whose_a_token_is() -> None:
    with open_door(anonymous=True, failures=2) as door:
        assert whose(door, ALICE) == "user alice"
        for wrong in ("HELLO", new_token("alice")):
            assert whose(door, wrong) == "AccessDenied: wrong credentials"
        # They count with those that the guard sees.
        assert whose(door, new_token("bob")) == "LimitReached: too many wrong credentials"
        assert door.get(headers=basic("alice", PASSWORD)).status_code == 429
        assert whose(door, ALICE) == "user alice"


def test_where_everybody_comes_in_a_token_says_nothing() -> None:
    with open_door(Policy()) as door:
        assert whose(door, ALICE) == "at 127.0.0.1"


def test_failures_of_many_addresses_are_bounded_memory() -> None:
    door = Door(AccessOptions(failures=1, clients=10), POLICY)
    for number in range(50):
        door.seen_from(f"10.0.0.{number}", headers=bearer("x"))
    assert door.seen_from("10.0.0.49", headers=bearer(ALICE)).status_code == 429
    assert door.seen_from("10.0.0.1", headers=bearer(ALICE)).status_code == 200
