"""A node that says that it is there, what it offers and how busy it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from clacks_events import Bus, BusOptions, ConfigError, ConnectionLost, Event, EventMaker, connect
from clacks_events.agent import load
from clacks_events.agent.load import CpuLoad, LoadMeter
from clacks_events.agent.membership import Capabilities, Membership, Status
from clacks_events.signals.pulse import Pulse
from clacks_events.subscription import Subscription
from tests.agent.site import CAPABILITIES, OpenSite, Site
from tests.conftest import OpenBroker
from tests.harness.waiting import wait_until

NODE_TYPES = ("NodeAnnounce", "NodeCapabilities", "NodeStatus", "NodeLeave", "ClientPoll")

e = EventMaker()


@pytest.fixture
def open_site(url: str) -> Iterator[OpenSite]:
    with ExitStack() as stack:
        yield lambda source, **more: stack.enter_context(Site(url, source, **more))


@pytest.fixture
def site(open_site: OpenSite) -> Site:
    return open_site("rack")


def said(bus: Bus) -> Subscription:
    return bus.subscribe(types=NODE_TYPES)


def names(subscription: Subscription, number: int) -> list[str]:
    return [subscription.get(timeout=10.0).name for _ in range(number)]


def wait_for(subscription: Subscription, name: str) -> None:
    while subscription.get(timeout=30.0).name != name:
        pass


def payload(event: Event) -> Any:
    return event.json()["payload"]


def test_a_node_announces_describes_and_measures_itself(site: Site) -> None:
    events = said(site.bus)
    site.node("node-7", interval=0.1)
    announce, capabilities, *statuses = [events.get(timeout=10.0) for _ in range(5)]
    assert (announce.name, payload(announce)) == ("NodeAnnounce", {"Id": "node-7"})
    assert payload(capabilities) == {
        "Id": "node-7",
        "NodeMethod": [
            {
                "Name": "addUser",
                "Path": "Users.add",
                "Target": "core",
                "Signature": "uid,groups",
                "Type": "NORMAL",
                "QueueRequired": False,
                "Documentation": "Add a user.",
            }
        ],
    }
    for status in statuses:
        told = payload(status)
        # Also in the first one it is measured: the announce was there and back.
        assert 0 < told.pop("Latency") < 10
        assert told == {"Load": 0.25, "Workers": 2, "Id": "node-7", "Indexed": True}
    assert {event.source for event in (announce, capabilities, *statuses)} == {"node-7"}


def test_a_node_takes_its_leave_last(site: Site) -> None:
    events = said(site.bus)
    node = site.node("node-7", interval=0.01)
    assert names(events, 3) == ["NodeAnnounce", "NodeCapabilities", "NodeStatus"]
    node.close()
    node.close()
    site.bus.publish(e.ClientPoll())
    heard = [events.get(timeout=10.0).name]
    while heard[-1] != "ClientPoll":
        heard.append(events.get(timeout=10.0).name)
    assert heard[-2:] == ["NodeLeave", "ClientPoll"]
    assert heard.count("NodeLeave") == 1


def test_capabilities_are_told_again_to_those_who_missed_them(site: Site) -> None:
    events = said(site.bus)
    site.node("node-7", interval=0.02)
    heard = names(events, 10)
    assert heard[:3] == ["NodeAnnounce", "NodeCapabilities", "NodeStatus"]
    assert heard[3:].count("NodeCapabilities") == 1


def test_who_comes_later_is_answered(open_site: OpenSite) -> None:
    first = open_site("first")
    first.node("first")
    late = open_site("late")
    events = said(late.bus)
    late.node("late")
    node = late.roster.wait_for("first", 10.0)
    assert node.methods == CAPABILITIES.methods
    # The load is told with it: whoever comes can choose at once.
    wait_until(lambda: all(node.load is not None for node in late.roster.nodes()))
    assert [node.id for node in late.roster.nodes()] == ["first", "late"]
    wait_until(lambda: len(first.roster.nodes()) == 2)
    heard = [events.get(timeout=10.0) for _ in range(5)]
    mine = [event.name for event in heard if event.source == "late"]
    assert mine == ["NodeAnnounce", "NodeCapabilities", "NodeStatus"]


def test_a_node_does_not_answer_itself(site: Site) -> None:
    events = said(site.bus)
    site.node("node-7")
    assert names(events, 3) == ["NodeAnnounce", "NodeCapabilities", "NodeStatus"]
    site.bus.publish(e.ClientPoll())
    assert names(events, 1) == ["ClientPoll"]


def test_an_agent_that_is_alone_asks_the_clients(site: Site) -> None:
    polls = site.bus.subscribe(types=["ClientPoll"])
    site.node("node-7", patience=0.1)
    assert polls.get(timeout=10.0).source == "node-7"


def test_an_agent_that_is_not_alone_asks_nobody(open_site: OpenSite) -> None:
    first = open_site("first")
    first.node("first")
    late = open_site("late")
    polls = late.bus.subscribe(types=["ClientPoll"])
    looked = threading.Event()
    late.node("late", patience=1.0)
    late.pulse.after(1.1, looked.set)
    assert looked.wait(10.0)
    late.bus.publish(e.ClientPoll(), headers={"last": True})
    assert polls.get(timeout=10.0).headers == {"last": True}


def test_two_that_come_together_do_not_leave_it_to_each_other(open_site: OpenSite) -> None:
    sites = [open_site(name) for name in ("one", "two")]
    polls = sites[0].bus.subscribe(types=["ClientPoll"])
    for site in sites:
        site.node(site.bus.source, patience=0.5)
    assert polls.get(timeout=10.0).source == "one"


def test_what_is_offered_is_asked_for_each_time(site: Site, open_site: OpenSite) -> None:
    offered = [Capabilities()]
    with Membership(
        site.bus, site.pulse, "node-7", describe=lambda: offered[-1], measure=lambda: Status(0, 1)
    ):
        assert site.roster.wait_for("node-7", 10.0).methods == ()
        offered.append(CAPABILITIES)
        open_site("late").node("late")
        wait_until(lambda: site.roster.node("node-7").methods == CAPABILITIES.methods)  # type: ignore[union-attr]


def test_another_node_of_the_name_is_noticed(
    open_site: OpenSite, caplog: pytest.LogCaptureFixture
) -> None:
    open_site("first").node("twin")
    assert caplog.records == []
    open_site("second").node("twin")
    wait_until(lambda: caplog.records)
    assert "another node is called 'twin' as well" in caplog.text


def test_a_paused_bus_goes_on_with_presence(site: Site) -> None:
    site.bus.pause()
    events = said(site.bus)
    site.node("node-7", interval=0.05)
    assert names(events, 5)[2:] == ["NodeStatus"] * 3


def test_a_measurement_that_fails_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    measured: list[str] = []

    def measure() -> Status:
        measured.append("once more")
        if len(measured) == 1:
            raise ZeroDivisionError("mine")
        return Status(0.0, 1)

    with connect("memory://", source="rack") as bus:
        pulse = Pulse()
        statuses = bus.subscribe(types=["NodeStatus"])
        with Membership(bus, pulse, "n", describe=Capabilities, measure=measure, interval=0.05):
            assert statuses.get(timeout=10.0).source == "n"
        pulse.close()
    assert "mine" in caplog.text


def test_opening_again_does_nothing_and_closed_is_closed(site: Site) -> None:
    events = said(site.bus)
    node = site.node("node-7")
    assert names(events, 3)[0] == "NodeAnnounce"
    node.open()
    node.close()
    assert names(events, 1) == ["NodeLeave"]
    with pytest.raises(ConnectionLost):
        node.open()


def test_closing_what_was_never_opened_says_nothing(site: Site) -> None:
    events = said(site.bus)
    Membership(
        site.bus, site.pulse, "n", describe=Capabilities, measure=lambda: Status(0, 1)
    ).close()
    site.bus.publish(e.ClientPoll())
    assert names(events, 1) == ["ClientPoll"]


@pytest.mark.parametrize(
    "options", [{"interval": 0}, {"interval": float("nan")}, {"patience": -1}], ids=str
)
def test_absurd_times_are_refused(options: dict[str, float]) -> None:
    with Site("memory://", "rack") as site, pytest.raises(ConfigError):
        Membership(
            site.bus,
            site.pulse,
            "n",
            describe=Capabilities,
            measure=lambda: Status(0, 1),
            **options,
        )


def test_after_an_outage_all_is_told_anew(open_broker: OpenBroker) -> None:
    broker = open_broker()
    options = BusOptions(publish_timeout=0.2, watch_schemas=False)
    with connect(broker.url, source="rack", options=options) as bus:
        pulse = Pulse()
        with Membership(
            bus,
            pulse,
            "n",
            describe=lambda: CAPABILITIES,
            measure=lambda: Status(0, 1),
            interval=0.1,
        ) as node:
            events = said(bus)
            wait_for(events, "NodeStatus")
            broker.kill()
            wait_until(lambda: not node.is_heard)
            broker.start()
            wait_for(events, "NodeAnnounce")
            assert events.get(timeout=10.0).name == "NodeCapabilities"
        pulse.close()


def test_the_load_is_the_scarcer_of_processors_and_workers() -> None:
    busy, cpu = [0], [0.0]
    meter = LoadMeter(4, lambda: busy[0], lambda: cpu[0])
    assert meter() == Status(load=0.0, workers=4)
    busy[0] = 3
    assert meter().load == 0.75
    cpu[0] = 0.9
    assert meter().load == 0.9
    busy[0] = 9
    assert meter().load == 1.0


def test_the_load_of_the_processors_is_that_since_the_last_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = tmp_path / "stat"
    times.write_text("cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1 1\n")
    monkeypatch.setattr(load, "_TIMES", times)
    cpu = CpuLoad()
    times.write_text("cpu  130 0 120 840 10 0 0 0 30 0\n")
    assert cpu() == pytest.approx(0.5)
    assert cpu() == 0.0
    times.unlink()
    assert 0 <= cpu() <= 1


def test_the_load_of_this_machine_is_between_idle_and_full() -> None:
    assert 0 <= CpuLoad()() <= 1
