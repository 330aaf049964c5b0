"""Who is there, by a clock that the test sets."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clacks_events.errors import ConfigError
from clacks_events.presence import (
    EXPIRED,
    LONGEST_INTERVAL,
    REPLACED,
    SHORTEST_INTERVAL,
    TRANSITIONS,
    Announcement,
    Change,
    Effect,
    Input,
    Kind,
    PresenceTable,
    State,
    bounded_interval,
)

GPS = Announcement("gps", "life-1", ("{urn:x}Speed",), ("calibrate",), 10.0, "car")
NEXT_LIFE = replace(GPS, instance="life-2")
ENTERED = Change(Kind.ANNOUNCED, GPS)


def present(*announcements: Announcement, now: float = 0.0) -> PresenceTable:
    table = PresenceTable()
    for announcement in announcements:
        table.announce(announcement, now)
    return table


def names(table: PresenceTable) -> list[str]:
    return sorted(seen.announcement.name for seen in table)


def test_nobody_is_there_at_first() -> None:
    table = PresenceTable()
    assert (len(table), list(table), table.get("gps"), table.next_expiry()) == (0, [], None, None)
    assert table.expire(1e9) == ()


def test_who_announces_itself_is_there() -> None:
    table = PresenceTable()
    assert table.announce(GPS, 100.0) == (ENTERED,)
    assert table.get("gps") == (GPS, 100.0)
    assert list(table) == [(GPS, 100.0)]
    assert table.next_expiry() == 125.0


def test_renewing_puts_the_expiry_off_and_tells_nothing() -> None:
    table = present(GPS)
    assert table.announce(GPS, 20.0) == ()
    assert table.get("gps") == (GPS, 20.0)
    assert table.next_expiry() == 45.0
    assert table.expire(44.9) == ()


def test_who_is_silent_for_two_and_a_half_intervals_is_gone() -> None:
    table = present(GPS)
    assert table.expire(24.9) == ()
    assert table.expire(25.0) == (Change(Kind.LEFT, GPS, EXPIRED),)
    assert (table.get("gps"), table.next_expiry(), table.expire(100.0)) == (None, None, ())


def test_who_was_cut_off_and_comes_back_is_there_again() -> None:
    table = present(GPS)
    table.expire(30.0)
    assert table.announce(GPS, 31.0) == (ENTERED,)


def test_leaving() -> None:
    table = present(GPS)
    assert table.leave("gps", "life-1", "closed", 1.0) == (Change(Kind.LEFT, GPS, "closed"),)
    assert (len(table), table.next_expiry()) == (0, None)


@pytest.mark.parametrize("announced", [(), (NEXT_LIFE,)])
def test_a_late_announce_of_who_has_left_is_ignored(announced: tuple[Announcement, ...]) -> None:
    table = present(GPS)
    table.leave("gps", "life-1", "closed", 1.0)
    for announcement in announced:
        assert table.announce(announcement, 1.5) == (Change(Kind.ANNOUNCED, announcement),)
    assert table.announce(GPS, 2.0) == ()
    assert [seen.announcement for seen in table] == list(announced)


def test_a_leave_that_overtakes_its_announce_counts() -> None:
    table = PresenceTable()
    assert table.leave("gps", "life-1", "closed", 1.0) == ()
    assert table.announce(GPS, 1.1) == ()
    assert len(table) == 0


def test_the_leave_of_a_former_life_changes_nothing() -> None:
    table = present(NEXT_LIFE)
    assert table.leave("gps", "life-1", "closed", 1.0) == ()
    assert table.get("gps") == (NEXT_LIFE, 0.0)


def test_a_new_life_replaces_the_former() -> None:
    table = present(GPS)
    changes = table.announce(NEXT_LIFE, 1.0)
    assert changes == (Change(Kind.LEFT, GPS, REPLACED), Change(Kind.ANNOUNCED, NEXT_LIFE))
    assert list(table) == [(NEXT_LIFE, 1.0)]


def test_two_of_one_name_do_not_replace_each_other_again_and_again() -> None:
    table = present(GPS, NEXT_LIFE)
    for now in range(1, 20_000, 10):
        assert table.announce(GPS, now) == ()
        assert table.announce(NEXT_LIFE, now) == ()
    assert table.get("gps") == (NEXT_LIFE, now)


def test_who_was_replaced_has_the_name_again_when_the_other_is_gone() -> None:
    table = present(GPS, NEXT_LIFE)
    table.leave("gps", "life-2", "closed", 1.0)
    assert table.announce(GPS, 2.0) == (ENTERED,)


@pytest.mark.parametrize(
    "altered",
    [replace(GPS, types=()), replace(GPS, methods=("reset",)), replace(GPS, interval=1.0)],
)
def test_one_life_may_announce_something_else(altered: Announcement) -> None:
    table = present(GPS)
    assert table.announce(altered, 1.0) == (Change(Kind.CHANGED, altered),)
    assert table.get("gps") == (altered, 1.0)
    assert table.next_expiry() == 1.0 + 2.5 * altered.interval


def test_an_interval_that_grows_or_shrinks_counts_from_the_last_announce() -> None:
    table = present(GPS)
    table.announce(replace(GPS, interval=1.0), 1.0)
    table.announce(replace(GPS, interval=100.0), 2.0)
    assert table.expire(251.9) == ()
    assert table.next_expiry() == 252.0
    assert [change.kind for change in table.expire(252.0)] == [Kind.LEFT]


def test_an_interval_that_shrinks_overtakes_the_others() -> None:
    table = present(replace(GPS, interval=100.0), replace(GPS, name="other"))
    table.announce(replace(GPS, interval=1.0), 1.0)
    assert table.next_expiry() == 3.5
    assert [change.announcement.name for change in table.expire(24.0)] == ["gps"]


def test_those_who_expire_together_are_told_in_the_order_of_their_time() -> None:
    slow = replace(GPS, name="slow", interval=20.0)
    table = present(slow, GPS, replace(GPS, name="other"))
    table.announce(replace(GPS, name="other"), 1.0)
    assert [change.announcement.name for change in table.expire(100.0)] == ["gps", "other", "slow"]


@pytest.mark.parametrize("interval", [0.0, -1.0, 0.049, 3600.1, float("nan"), float("inf")])
def test_an_interval_out_of_bounds_is_refused(interval: float) -> None:
    with pytest.raises(ConfigError, match=r"'gps': an interval has 0\.05 to 3600 seconds, not "):
        replace(GPS, interval=interval)


def test_an_interval_is_brought_into_bounds() -> None:
    found = [bounded_interval(interval) for interval in (-1.0, 0.0, 7.5, 1e9, float("inf"))]
    assert found == [SHORTEST_INTERVAL, SHORTEST_INTERVAL, 7.5, LONGEST_INTERVAL, LONGEST_INTERVAL]


def test_what_is_remembered_of_the_departed_is_bounded() -> None:
    table = PresenceTable()
    table.leave("gps", "life-1", "closed", 0.0)
    for number in range(10_000):
        table.leave("other", f"life-{number}", "closed", 1.0)
    assert table.announce(GPS, 2.0) == (ENTERED,)
    late = PresenceTable()
    late.leave("gps", "life-1", "closed", 0.0)
    assert late.announce(GPS, 9000.0) == ()
    assert late.announce(GPS, 20_000.0) == (ENTERED,)


def test_ten_thousand_that_come_renew_and_go() -> None:
    table = PresenceTable()
    crowd = [replace(GPS, name=f"sender-{number}") for number in range(10_000)]
    for now in (0.0, 8.0, 16.0, 24.0):
        for number, announcement in enumerate(crowd):
            table.announce(announcement, now + number / 10_000)
            assert table.expire(now + number / 10_000) == ()
    assert len(table) == 10_000
    assert len(table.expire(24.0 + 25.5)) == pytest.approx(5000, abs=2)
    assert len(table.expire(100.0)) == pytest.approx(5000, abs=2)
    assert table.next_expiry() is None


def test_who_comes_and_goes_leaves_nothing_behind() -> None:
    table = PresenceTable()
    tracemalloc.start()
    try:
        for number in range(60_000):
            life = replace(GPS, instance=f"life-{number}", interval=LONGEST_INTERVAL)
            table.announce(life, 1.0)
            table.leave("gps", life.instance, "closed", 1.0)
            if number == 20_000:
                settled, _ = tracemalloc.get_traced_memory()
        grown = tracemalloc.get_traced_memory()[0] - settled
    finally:
        tracemalloc.stop()
    assert grown < 500_000


def test_the_table_says_what_happens_in_each_state() -> None:
    impossible = {
        (State.ABSENT, heard) for heard in (Input.SAME, Input.ALTERED, Input.LEAVE, Input.SILENCE)
    }
    assert set(TRANSITIONS) == set(product(State, Input)) - impossible
    assert {effect for _, effect in TRANSITIONS.values()} == set(Effect)


def reach(state: State, heard: Input) -> PresenceTable:
    """Bring a table to where an announce, a leave or silence of GPS is this input."""
    table = PresenceTable()
    if heard in (Input.SAME, Input.LEAVE, Input.SILENCE, Input.OUSTED):
        table.announce(GPS, 0.0)
    elif heard is Input.ALTERED:
        table.announce(replace(GPS, types=()), 0.0)
    elif heard is Input.DEPARTED:
        table.leave("gps", "life-1", "closed", 0.0)
    if heard in (Input.OTHER, Input.DEPARTED, Input.OUSTED, Input.STALE_LEAVE):
        if state is State.PRESENT or heard is Input.OUSTED:
            table.announce(NEXT_LIFE, 0.0)
        if state is State.ABSENT:
            table.leave("gps", "life-2", "closed", 0.0)
    assert (table.get("gps") is not None) is (state is State.PRESENT)
    return table


@pytest.mark.parametrize(("state", "heard"), TRANSITIONS)
def test_the_table_says_where_each_input_leads(state: State, heard: Input) -> None:
    table = reach(state, heard)
    if heard in (Input.LEAVE, Input.STALE_LEAVE):
        changes = table.leave("gps", "life-1", "closed", 1.0)
    elif heard is Input.SILENCE:
        changes = table.expire(100.0)
    else:
        changes = table.announce(GPS, 1.0)
    after, effect = TRANSITIONS[state, heard]
    assert (table.get("gps") is not None) is (after is State.PRESENT)
    tells = effect.value.partition("tell ")[2]
    assert [change.kind.name for change in changes] == [*filter(None, tells.split(" and "))]


LIVES = [replace(GPS, name=name, instance=f"{name}-{life}") for name in "ab" for life in "12"]
ANNOUNCES = st.tuples(
    st.just("announce"), st.sampled_from(LIVES), st.sampled_from([0.05, 10.0, 25.0])
)
LEAVES = st.tuples(st.just("leave"), st.sampled_from(LIVES), st.just(0.0))
PAUSES = st.tuples(st.just("expire"), st.sampled_from(LIVES), st.sampled_from([0.0, 0.1, 12.5, 40]))
STEPS = st.lists(st.one_of(ANNOUNCES, ANNOUNCES, LEAVES, PAUSES), min_size=5, max_size=60)


def told(table: PresenceTable, steps: list[tuple[str, Announcement, float]]) -> Iterable[Change]:
    """Yield what each step tells, with what must hold after it."""
    now = 0.0
    for what, life, number in steps:
        if what == "announce":
            yield from table.announce(replace(life, interval=number), now)
        elif what == "leave":
            yield from table.leave(life.name, life.instance, "closed", now)
            found = table.get(life.name)
            assert found is None or found.announcement.instance != life.instance
        else:
            now += number
            yield from table.expire(now)
            assert all(now - seen.last_heard < 2.5 * seen.announcement.interval for seen in table)
        dues = [seen.last_heard + 2.5 * seen.announcement.interval for seen in table]
        assert table.next_expiry() == min(dues, default=None)


@given(STEPS)
def test_each_life_is_told_to_come_before_it_is_told_to_go(
    steps: list[tuple[str, Announcement, float]],
) -> None:
    table = PresenceTable()
    there: dict[str, Announcement] = {}
    for change in told(table, steps):
        name, former = change.announcement.name, there.get(change.announcement.name)
        if change.kind is Kind.ANNOUNCED:
            assert former is None
            there[name] = change.announcement
        elif change.kind is Kind.CHANGED:
            assert former is not None
            assert former != change.announcement
            assert former.instance == change.announcement.instance
            there[name] = change.announcement
        else:
            assert there.pop(name) == change.announcement
            assert change.reason in ("closed", EXPIRED, REPLACED)
    assert there == {seen.announcement.name: seen.announcement for seen in table}


@given(STEPS)
def test_who_has_left_never_comes_back(steps: list[tuple[str, Announcement, float]]) -> None:
    table, gone = PresenceTable(), set()
    for step in steps:
        for change in told(table, [step]):
            assert change.kind is Kind.LEFT or change.announcement.instance not in gone
        if step[0] == "leave":
            gone.add(step[1].instance)
