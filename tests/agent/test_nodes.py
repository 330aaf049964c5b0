"""A roster of nodes and clients beside those that announce themselves, on every transport."""

from __future__ import annotations

import json
import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from clacks_events import ConfigError, ConnectionLost, EventMaker, RpcError, UnknownCommand
from clacks_events.agent.membership import Capabilities
from clacks_events.agent.nodes import NodeRoster
from clacks_events.agent.peer_events import node_capabilities
from clacks_events.agent.peers import (
    ClientInfo,
    NodeMethod,
    NodeObject,
    PeerChange,
    PeerKind,
    PeerState,
)
from tests.agent.site import ADD_USER, CAPABILITIES, DEVICE, PROFILE, RUN, OpenSite, Site
from tests.harness.program import Program
from tests.harness.waiting import wait_until

SHORT = 0.3

e = EventMaker()


@pytest.fixture
def open_site(url: str) -> Iterator[OpenSite]:
    with ExitStack() as stack:
        yield lambda source, **more: stack.enter_context(Site(url, source, **more))


@pytest.fixture
def desk(open_site: OpenSite) -> Site:
    """Where somebody looks."""
    return open_site("desk")


@pytest.fixture
def rack(open_site: OpenSite) -> Site:
    """Where the nodes and clients are."""
    return open_site("rack")


@pytest.fixture
def memory_desk() -> Iterator[Site]:
    with Site("memory://", "desk") as site:
        yield site


def told_until(site: Site, kind: PeerKind) -> list[PeerChange]:
    changes = [site.told()]
    while changes[-1].kind is not kind:
        changes.append(site.told())
    return changes


def test_a_node_is_there_with_all_that_it_tells(rack: Site, desk: Site) -> None:
    assert desk.roster.nodes() == ()
    objects = (NodeObject("Job", "(self)"), NodeObject("User"))
    rack.node("node-7", Capabilities((ADD_USER,), objects), load=0.25)
    desk.roster.wait_for("node-7", 10.0)
    wait_until(lambda: desk.roster.nodes()[0].load is not None)
    (node,) = desk.roster.nodes()
    assert (node.id, node.state) == ("node-7", PeerState.READY)
    assert (node.methods, node.objects) == ((ADD_USER,), objects)
    assert (node.load, node.workers, node.indexed) == (0.25, 2, True)
    assert node.latency is not None
    assert 0 < node.latency < 10
    assert abs(datetime.now(UTC) - node.last_seen) < timedelta(seconds=30)
    assert desk.roster.node("node-7") == node
    assert desk.roster.node("node-8") is None


def test_a_client_is_there_with_all_that_it_tells(rack: Site, desk: Site) -> None:
    rack.client()
    client = desk.roster.wait_for("b7d0", 10.0)
    assert isinstance(client, ClientInfo)
    assert (client.name, client.state) == ("pc-7", PeerState.READY)
    assert (client.methods, client.devices) == ((RUN,), (DEVICE,))
    assert desk.roster.clients() == (client,)
    assert desk.roster.client("b7d0") == client
    assert desk.roster.client("node-7") is None


def test_changes_are_told_in_their_order(rack: Site, desk: Site) -> None:
    client = rack.client()
    desk.roster.wait_for("b7d0", 10.0)
    client.close()
    changes = told_until(desk, PeerKind.LEFT)
    assert [change.kind.value for change in changes] == ["announced", "changed", "left"]
    assert {change.peer.id for change in changes} == {"b7d0"}
    assert changes[-1].reason == "closed"
    assert desk.roster.clients() == ()


def test_a_listener_that_fails_or_is_gone_disturbs_nobody(
    memory_desk: Site, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: PeerChange) -> None:
        raise RuntimeError("mine")

    memory_desk.roster.on_change(fail)()
    with memory_desk.bus.subscribe(types=["ClientAnnounce"]):
        memory_desk.client()
        told_until(memory_desk, PeerKind.CHANGED)
    assert caplog.records == []
    ignore = memory_desk.roster.on_change(fail)
    memory_desk.roster.on_change(memory_desk.changes.put)
    memory_desk.client(replace(PROFILE, id="second"))
    wait_until(lambda: memory_desk.changes.qsize() == 4)
    ignore()
    assert {record.getMessage() for record in caplog.records} == {
        "a listener failed on 'second': announced",
        "a listener failed on 'second': changed",
    }


def test_who_dies_without_a_word_is_dropped(url: str) -> None:
    with Site(url, "desk", node_timeout=SHORT, client_timeout=SHORT) as desk:
        with Site(url, "rack") as rack:
            rack.node("node-7", interval=0.05)
            rack.client(ping_interval=0.05)
            desk.roster.wait_for("node-7", 10.0)
            desk.roster.wait_for("b7d0", 10.0)
            rack.fall_silent()
            wait_until(lambda: not desk.roster.nodes() and not desk.roster.clients())
            left = {desk.told() for _ in range(desk.changes.qsize())}
        found = {(change.peer.id, change.reason) for change in left if change.kind.value == "left"}
        assert {("node-7", "expired"), ("b7d0", "expired")} <= found


def test_who_was_cut_off_returns_with_what_it_offers(url: str) -> None:
    with Site(url, "desk", client_timeout=SHORT) as desk, Site(url, "rack") as rack:
        rack.client()
        desk.roster.wait_for("b7d0", 10.0)
        wait_until(lambda: not desk.roster.clients())
        rack.bus.publish(e.ClientPing(e.Id("b7d0")))
        client = desk.roster.wait_for("b7d0", 10.0)
        assert isinstance(client, ClientInfo)
        assert (client.name, client.methods) == ("pc-7", (RUN,))


PROCESS = """
import sys, threading
from clacks_events import connect
from clacks_events.agent.client import ClientPresence, ClientProfile
from clacks_events.agent.membership import Capabilities, Membership, Status
from clacks_events.signals.pulse import Pulse
bus, pulse = connect(sys.argv[1], source="rack"), Pulse()
Membership(
    bus, pulse, "node-7", describe=Capabilities, measure=lambda: Status(0.0, 1), interval=0.1
).open()
ClientPresence(bus, pulse, ClientProfile("b7d0", "pc-7"), ping_interval=0.1).open()
print("there", flush=True)
threading.Event().wait()
"""


@pytest.mark.parametrize("transport", ["zmq", "amqp"])
def test_a_killed_process_is_dropped(transport: str, request: pytest.FixtureRequest) -> None:
    url: str = request.getfixturevalue(f"{transport}_url")
    with (
        Site(url, "desk", node_timeout=2.0, client_timeout=2.0) as desk,
        Program(url, command=(sys.executable, "-c", PROCESS)) as process,
    ):
        process.wait_for("there")
        assert desk.roster.wait_for("node-7", 10.0).id == "node-7"
        assert desk.roster.wait_for("b7d0", 10.0).id == "b7d0"
        # It stays for as long as it lives.
        reported = desk.roster.nodes()[0].last_seen
        wait_until(lambda: desk.roster.nodes()[0].last_seen > reported + timedelta(seconds=2.2))
        assert len(desk.roster.clients()) == 1
        assert process.end(signal.SIGKILL) == -signal.SIGKILL
        wait_until(lambda: not desk.roster.nodes() and not desk.roster.clients())
        left = [change for change in drained(desk) if change.kind is PeerKind.LEFT]
        assert sorted((change.peer.id, change.reason) for change in left) == [
            ("b7d0", "expired"),
            ("node-7", "expired"),
        ]


def drained(site: Site) -> list[PeerChange]:
    done = object()
    # What is told comes a moment after what is there: on the thread of the pulse.
    site.pulse.after(0.0, lambda: site.changes.put(done))  # type: ignore[arg-type]
    changes: list[PeerChange] = []
    while (change := site.told()) is not done:
        changes.append(change)
    return changes


def offering(*names: str) -> Capabilities:
    return Capabilities(tuple(NodeMethod(name) for name in names))


def test_the_least_loaded_node_that_offers_a_command_is_found(rack: Site, desk: Site) -> None:
    rack.node("busy", load=0.9)
    rack.node("idle", load=0.1)
    rack.node("other", offering("ping"), load=0.0)
    for id in ("busy", "idle", "other"):
        desk.roster.wait_for(id, 10.0)
    wait_until(lambda: all(node.load is not None for node in desk.roster.nodes()))
    assert desk.roster.least_loaded("addUser").id == "idle"
    assert desk.roster.least_loaded("ping").id == "other"


def test_of_equal_nodes_any_is_taken(memory_desk: Site) -> None:
    for id in "ab":
        memory_desk.node(id)
    wait_until(lambda: sum(node.load is not None for node in memory_desk.roster.nodes()) == 2)
    taken = {memory_desk.roster.least_loaded("addUser").id for _ in range(200)}
    assert taken == {"a", "b"}


def test_a_node_without_a_status_comes_last(memory_desk: Site) -> None:
    publish = memory_desk.bus.publish
    publish(node_capabilities("new", offering("ping")))
    memory_desk.node("known", offering("ping"), load=1.0)
    wait_until(lambda: len(memory_desk.roster.nodes()) == 2)
    wait_until(lambda: memory_desk.roster.nodes()[0].load is not None)
    assert memory_desk.roster.least_loaded("ping").id == "known"


@pytest.mark.parametrize("load", ["NaN", "INF", "-INF"])
def test_a_load_that_is_no_finite_number_counts_as_none(memory_desk: Site, load: str) -> None:
    memory_desk.bus.publish(
        e.NodeStatus(e.Load(load), e.Latency(load), e.Workers(1), e.Id("odd"), e.Indexed("1"))
    )
    wait_until(memory_desk.roster.nodes)
    (node,) = memory_desk.roster.nodes()
    assert (node.load, node.latency, node.indexed) == (None, None, True)
    assert json.loads(json.dumps(memory_desk.roster.as_json(), allow_nan=False))


def test_a_command_that_nobody_offers_has_near_matches(memory_desk: Site) -> None:
    with pytest.raises(UnknownCommand, match=r"^none of 0 nodes offers 'addUser'$"):
        memory_desk.roster.least_loaded("addUser")
    memory_desk.node("node-7")
    memory_desk.roster.wait_for("node-7", 10.0)
    with pytest.raises(UnknownCommand, match=r"'addUsers'; did you mean addUser\?$"):
        memory_desk.roster.least_loaded("addUsers")


def test_waiting_ends_in_time_and_with_the_roster(memory_desk: Site) -> None:
    with pytest.raises(TimeoutError, match=r"^no node or client 'x' within 0\.05 s$"):
        memory_desk.roster.wait_for("x", 0.05)
    memory_desk.pulse.after(0.05, memory_desk.roster.close)
    with pytest.raises(ConnectionLost):
        memory_desk.roster.wait_for("x", 10.0)
    with pytest.raises(ConnectionLost):
        memory_desk.roster.open()


def test_one_roster_learns_from_another(memory_desk: Site) -> None:
    memory_desk.node("node-7")
    memory_desk.client()
    memory_desk.roster.wait_for("node-7", 10.0)
    memory_desk.roster.wait_for("b7d0", 10.0)
    wait_until(lambda: memory_desk.roster.nodes()[0].load is not None)
    wire = json.loads(json.dumps(memory_desk.roster.as_json()))
    with Site("memory://elsewhere", "elsewhere") as other:
        other.roster.learn(wire["nodes"], wire["clients"])
        (node,), (client,) = other.roster.nodes(), other.roster.clients()
        (first,) = memory_desk.roster.nodes()
        assert replace(node, last_seen=first.last_seen) == first
        assert abs(node.last_seen - first.last_seen) < timedelta(seconds=5)
        assert (client.name, client.methods, client.devices) == ("pc-7", (RUN,), (DEVICE,))
        assert [other.told().kind, other.told().kind] == [PeerKind.ANNOUNCED] * 2


def test_what_was_heard_counts_more_than_what_is_learnt(memory_desk: Site) -> None:
    node = memory_desk.node("node-7", load=0.5)
    memory_desk.roster.wait_for("node-7", 10.0)
    wait_until(lambda: memory_desk.roster.nodes()[0].load is not None)
    stale = {**memory_desk.roster.as_json()["nodes"][0], "load": 0.1}  # type: ignore[index,dict-item]
    memory_desk.roster.learn([stale, {**stale, "id": "old", "silent": 61.0}], [])
    assert [(node.id, node.load) for node in memory_desk.roster.nodes()] == [("node-7", 0.5)]
    node.close()
    wait_until(lambda: not memory_desk.roster.nodes())
    memory_desk.roster.learn([stale], [])
    assert memory_desk.roster.nodes() == ()


def test_silence_that_is_learnt_counts(url: str) -> None:
    with Site(url, "desk", node_timeout=60.0) as desk:
        told = {"id": "n", "state": "ready", "last_seen": "2020-01-01T00:00:00Z"}
        desk.roster.learn([{**told, "silent": 59.9}, {**told, "id": "m"}], [])
        wait_until(lambda: [node.id for node in desk.roster.nodes()] == ["m"])


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ({}, "expected an array, got dict"),
        ([1], "Expected `object`, got `int`"),
        ([{"id": 1}], r"Expected `str`, got `int` - at `\$\.id`"),
        ([{"id": "a", "state": "ready", "last_seen": "2020-01-01T00:00:00Z", "silent": -1}], "-1"),
        ([{"id": "a", "state": "dead", "last_seen": "2020-01-01T00:00:00Z"}], "dead"),
    ],
)
def test_what_is_no_roster_teaches_nothing(memory_desk: Site, nodes: object, reason: str) -> None:
    with pytest.raises(RpcError, match=f"not a list of NodeInfo: .*{reason}"):
        memory_desk.roster.learn(nodes, [])
    assert memory_desk.roster.nodes() == ()


def test_an_id_that_nobody_can_have_is_set_aside(
    memory_desk: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    for id in ("", "x" * 256):
        memory_desk.bus.publish(e.ClientPing(e.Id(id)))
    memory_desk.bus.publish(e.ClientPing(e.Id("x" * 255)))
    wait_until(memory_desk.roster.clients)
    assert len(memory_desk.roster.clients()) == 1
    assert memory_desk.bus.counters.handler_errors == 2


@pytest.mark.parametrize("timeout", [0.0, -1.0, float("nan"), float("inf")])
def test_a_timeout_is_above_zero(memory_desk: Site, timeout: float) -> None:
    with pytest.raises(ConfigError):
        NodeRoster(memory_desk.bus, memory_desk.pulse, node_timeout=timeout)
    with pytest.raises(ConfigError):
        NodeRoster(memory_desk.bus, memory_desk.pulse, client_timeout=timeout)


def test_the_capabilities_of_all_are_kept_once(memory_desk: Site) -> None:
    for id in ("a", "b"):
        memory_desk.client(replace(PROFILE, id=id))
        memory_desk.roster.wait_for(id, 10.0)
    first, second = memory_desk.roster.clients()
    assert first.methods is second.methods
    assert CAPABILITIES.methods == (ADD_USER,)
