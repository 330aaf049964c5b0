"""The states of nodes and clients, with a clock that the test sets."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clacks_events.agent.peer_table import TRANSITIONS, Effect, Heard, Input, PeerTable, retold
from clacks_events.agent.peers import (
    ClientInfo,
    NodeInfo,
    NodeMethod,
    PeerChange,
    PeerKind,
    PeerState,
)

TIMEOUT = 60.0
START = datetime(2026, 1, 1, tzinfo=UTC)
ADD = (NodeMethod("add"),)


class Nodes:
    """A table of nodes, and the time."""

    def __init__(self, most: int = 100) -> None:
        self.now = 1000.0
        self.table = PeerTable(NodeInfo, TIMEOUT, most=most)

    def hear(self, input: Input, id: str = "a", **facts: Any) -> tuple[PeerChange, ...]:
        facts.setdefault("last_seen", START + timedelta(seconds=self.now))
        return self.table.hear(Heard(id, input, facts), self.now)

    def after(self, seconds: float) -> tuple[PeerChange, ...]:
        self.now += seconds
        return self.table.expire(self.now)


@pytest.fixture
def nodes() -> Nodes:
    return Nodes()


def kinds(changes: tuple[PeerChange, ...]) -> list[str]:
    return [change.kind.value for change in changes]


def the(nodes: Nodes, id: str = "a") -> NodeInfo:
    found = nodes.table.get(id)
    assert found is not None
    return found


def test_a_node_announces_describes_reports_and_leaves(nodes: Nodes) -> None:
    (announced,) = nodes.hear(Input.ANNOUNCE)
    assert announced.kind is PeerKind.ANNOUNCED
    assert the(nodes).state is PeerState.ANNOUNCED
    assert kinds(nodes.hear(Input.DESCRIBE, methods=ADD)) == ["changed"]
    assert (the(nodes).state, the(nodes).methods) == (PeerState.READY, ADD)
    assert kinds(nodes.hear(Input.LIFE, load=0.5, workers=4)) == ["reported"]
    assert (the(nodes).load, the(nodes).workers, the(nodes).methods) == (0.5, 4, ADD)
    (left,) = nodes.hear(Input.LEAVE)
    assert (left.kind, left.reason, left.peer.methods) == (PeerKind.LEFT, "closed", ADD)
    assert (len(nodes.table), list(nodes.table)) == (0, [])


def test_what_is_said_again_changes_nothing_but_when_it_was_heard(nodes: Nodes) -> None:
    nodes.hear(Input.DESCRIBE, methods=ADD)
    nodes.hear(Input.LIFE, load=0.5)
    nodes.now += 10
    assert nodes.hear(Input.DESCRIBE, methods=ADD) == ()
    assert nodes.hear(Input.LIFE, load=0.5) == ()
    assert nodes.hear(Input.ANNOUNCE) == ()
    assert the(nodes).last_seen == START + timedelta(seconds=1010)


@pytest.mark.parametrize(
    ("input", "state"),
    [
        (Input.ANNOUNCE, PeerState.ANNOUNCED),
        (Input.DESCRIBE, PeerState.READY),
        (Input.LIFE, PeerState.ANNOUNCED),
    ],
)
def test_whoever_says_anything_is_there(nodes: Nodes, input: Input, state: PeerState) -> None:
    assert kinds(nodes.hear(input)) == ["announced"]
    assert the(nodes).state is state


def test_a_leave_of_nobody_is_nothing(nodes: Nodes) -> None:
    assert nodes.hear(Input.LEAVE) == ()
    assert len(nodes.table) == 0
    assert nodes.table.is_gone("a")


def test_who_is_silent_is_dropped_after_the_timeout(nodes: Nodes) -> None:
    nodes.hear(Input.ANNOUNCE)
    assert nodes.table.next_expiry() == 1060.0
    assert nodes.after(59.9) == ()
    (left,) = nodes.after(0.1)
    assert (left.kind, left.reason) == (PeerKind.LEFT, "expired")
    assert nodes.table.next_expiry() is None


def test_a_sign_of_life_puts_the_end_off(nodes: Nodes) -> None:
    nodes.hear(Input.ANNOUNCE, "a")
    nodes.hear(Input.ANNOUNCE, "b")
    nodes.now += 50
    nodes.hear(Input.LIFE, "a")
    assert [change.peer.id for change in nodes.after(10)] == ["b"]
    assert nodes.table.next_expiry() == 1110.0


def test_who_returns_from_silence_offers_what_it_did(nodes: Nodes) -> None:
    nodes.hear(Input.DESCRIBE, methods=ADD)
    nodes.after(100)
    (back,) = nodes.hear(Input.LIFE, load=0.1)
    assert back.kind is PeerKind.ANNOUNCED
    assert (the(nodes).state, the(nodes).methods, the(nodes).load) == (PeerState.READY, ADD, 0.1)


def test_who_has_left_and_lives_has_to_describe_itself_again(nodes: Nodes) -> None:
    nodes.hear(Input.DESCRIBE, methods=ADD)
    nodes.hear(Input.LEAVE)
    nodes.hear(Input.LIFE)
    assert (the(nodes).state, the(nodes).methods) == (PeerState.ANNOUNCED, ())


def test_there_is_a_bound() -> None:
    nodes = Nodes(most=2)
    for id in "abc":
        nodes.hear(Input.ANNOUNCE, id)
    assert [node.id for node in nodes.table] == ["a", "b"]
    assert nodes.table.is_full
    # Those that are in are heard.
    assert kinds(nodes.hear(Input.LIFE, "a", load=1.0)) == ["reported"]
    nodes.hear(Input.LEAVE, "b")
    assert kinds(nodes.hear(Input.ANNOUNCE, "c")) == ["announced"]


def told(state: PeerState, **facts: Any) -> NodeInfo:
    return NodeInfo("a", state, START, **facts)


def test_hearsay_of_the_unknown_is_all_taken() -> None:
    seen = START + timedelta(seconds=5)
    heard = retold(told(PeerState.READY, methods=ADD, load=0.5), None, seen)
    assert heard is not None
    assert (heard.id, heard.input) == ("a", Input.DESCRIBE)
    assert (heard.facts["methods"], heard.facts["load"], heard.facts["last_seen"]) == (
        ADD,
        0.5,
        seen,
    )
    mentioned = retold(told(PeerState.ANNOUNCED), None, seen)
    assert mentioned is not None
    assert mentioned.input is Input.ANNOUNCE


def test_hearsay_fills_gaps_only() -> None:
    known = told(PeerState.ANNOUNCED, load=0.0)
    heard = retold(told(PeerState.READY, methods=ADD, load=0.5), known, START + timedelta(1))
    assert heard is not None
    assert (heard.facts["methods"], heard.facts["load"], heard.facts["last_seen"]) == (
        ADD,
        0.0,
        START,
    )
    assert retold(told(PeerState.READY), told(PeerState.READY), START) is None
    assert retold(told(PeerState.ANNOUNCED), known, START) is None


def test_the_table_knows_every_pair_that_can_be() -> None:
    present = [PeerState.ANNOUNCED, PeerState.READY]
    possible = {(state, input) for state in present for input in Input} - {
        (state, Input.RETURN) for state in present
    }
    possible |= {(PeerState.ABSENT, input) for input in Input if input is not Input.SILENCE}
    assert set(TRANSITIONS) == possible
    assert {effect for _, effect in TRANSITIONS.values()} == set(Effect)


IDS = st.sampled_from("abc")
SAID = st.sampled_from([Input.ANNOUNCE, Input.DESCRIBE, Input.LIFE, Input.LEAVE])
STEPS = st.lists(st.tuples(IDS, SAID, st.floats(0, 80)), max_size=40)


@given(STEPS)
def test_nobody_leaves_who_is_not_there_and_nobody_outlives_the_timeout(
    steps: list[tuple[str, Input, float]],
) -> None:
    table, now = PeerTable(ClientInfo, TIMEOUT), 0.0
    there: defaultdict[str, bool] = defaultdict(bool)
    heard: dict[str, float] = {}
    for id, input, pause in steps:
        now += pause
        changes = list(table.expire(now))
        changes += table.hear(Heard(id, input, {"last_seen": START}), now)
        heard[id] = now
        for change in changes:
            if change.kind in (PeerKind.ANNOUNCED, PeerKind.LEFT):
                assert there[change.peer.id] is (change.kind is PeerKind.LEFT)
                there[change.peer.id] = change.kind is PeerKind.ANNOUNCED
        present = {client.id for client in table}
        assert present == {id for id, is_there in there.items() if is_there}
        assert all(now - heard[id] < TIMEOUT for id in present)
