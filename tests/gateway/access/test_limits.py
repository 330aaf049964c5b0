"""How often, and how much at a time, each client may ask."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from clacks_events.agent.policy import Policy
from clacks_events.gateway.access import AccessOptions
from clacks_events.gateway.access.buckets import Buckets
from tests.gateway.access.door import ALICE, BOB, PASSWORD, POLICY, Door, basic, bearer, open_door
from tests.harness.waiting import wait_until

SLOWLY = 1e-6  # requests a second: none comes back while a test runs


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as made:
        yield made


def test_a_bucket_holds_so_many_and_fills_up_again() -> None:
    clock = Clock()
    buckets = Buckets(2.0, 3, 10, clock)
    assert [buckets.take("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert buckets.take("b") == 0.0
    clock.now += 0.25
    assert buckets.take("a") == 0.25
    clock.now += 0.25
    assert [buckets.take("a"), buckets.take("a")] == [0.0, 0.5]
    clock.now += 1000.0
    assert buckets.level("a") == 3
    assert [buckets.take("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


def test_looking_takes_nothing_and_keeps_nothing() -> None:
    buckets = Buckets(1.0, 2, 10, Clock())
    assert (buckets.wait("a"), buckets.level("a"), len(buckets)) == (0.0, 2, 0)
    for _ in range(5):
        buckets.spend("a")
    assert (buckets.wait("a"), buckets.level("a"), len(buckets)) == (1.0, 0.0, 1)


def test_the_longest_unused_bucket_goes_first() -> None:
    buckets = Buckets(1.0, 1, 3, Clock())
    for key in "abcad":
        buckets.take(key)
    assert len(buckets) == 3
    assert [buckets.level(key) for key in "abcd"] == [0.0, 1, 0.0, 0.0]


def test_more_than_the_rate_is_too_many() -> None:
    with open_door(rate=SLOWLY, burst=3) as door:
        found = [door.get(headers=bearer(ALICE)) for _ in range(5)]
        assert [each.status_code for each in found] == [200] * 3 + [429] * 2
        assert int(found[-1].headers["retry-after"]) > 1
        assert found[-1].json()["detail"] == "too many requests"
        # It is the user who is counted, wherever he is and however he shows who he is.
        more = door.get(address="127.0.0.2", headers=basic("alice", PASSWORD))
        assert more.status_code == 429
        assert door.name(headers=bearer(BOB)) == "bob"
        assert door.get("/healthz").status_code == 200


def test_those_without_a_name_are_counted_by_address() -> None:
    door = Door(AccessOptions(rate=SLOWLY, burst=1, anonymous=True), POLICY)
    for client in ("10.0.0.1", "10.0.0.2", "2001:db8::1"):
        assert [door.seen_from(client).status_code for _ in range(2)] == [200, 429]
    assert door.seen_from("2001:db8::9:9").status_code == 429
    assert door.seen_from("2001:db8:0:1::1").status_code == 200


def test_this_host_is_not_limited_where_it_is_open(pool: ThreadPoolExecutor) -> None:
    with open_door(Policy(), rate=SLOWLY, burst=1, requests=1) as door:
        assert [door.get().status_code for _ in range(5)] == [200] * 5
        held = [pool.submit(door.get, "/hold") for _ in range(5)]
        wait_until(lambda: door.app.held == 5)
        door.app.let_go()
        assert [each.result().status_code for each in held] == [200] * 5


def test_only_so_many_are_open_at_a_time(pool: ThreadPoolExecutor) -> None:
    with open_door(requests=3) as door:
        held = [pool.submit(door.get, "/hold", headers=bearer(ALICE)) for _ in range(3)]
        wait_until(lambda: door.app.held == 3)
        refused = door.get(headers=bearer(ALICE))
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert refused.json()["detail"] == "too many requests at a time"
        assert door.name(headers=bearer(BOB)) == "bob"
        door.app.let_go()
        assert [each.result().status_code for each in held] == [200] * 3
        assert door.name(headers=bearer(ALICE)) == "alice"


def test_refusals_are_counted_by_status() -> None:
    with open_door(rate=SLOWLY, burst=1) as door:
        door.get()
        door.get(headers={"Host": "evil.example"})
        door.get(headers=bearer(ALICE))
        door.get(headers=bearer(ALICE))
        assert dict(door.guard.refusals) == {401: 1, 421: 1, 429: 1}
