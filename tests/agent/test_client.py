"""A client that says that it is there and what it offers, and answers polls."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from clacks_events import Bus, ConfigError, ConnectionLost, Event, EventMaker
from clacks_events.agent.client import ClientPresence, ClientProfile
from clacks_events.agent.devices import network_devices
from clacks_events.agent.peers import ClientInfo
from clacks_events.subscription import Subscription
from tests.agent.site import PROFILE, OpenSite, Site
from tests.harness.waiting import wait_until

CLIENT_TYPES = ("ClientAnnounce", "ClientSignature", "ClientPing", "ClientLeave", "NodeLeave")

e = EventMaker()


@pytest.fixture
def open_site(url: str) -> Iterator[OpenSite]:
    with ExitStack() as stack:
        yield lambda source, **more: stack.enter_context(Site(url, source, **more))


@pytest.fixture
def site(open_site: OpenSite) -> Site:
    return open_site("rack")


def said(bus: Bus) -> Subscription:
    return bus.subscribe(types=CLIENT_TYPES)


def until_the_mark(bus: Bus, events: Subscription) -> list[str]:
    """Return what was said until now."""
    bus.publish(e.NodeLeave(e.Id("mark")))
    found = [events.get(timeout=10.0).name]
    while found[-1] != "NodeLeave":
        found.append(events.get(timeout=10.0).name)
    return found[:-1]


def payload(event: Event) -> Any:
    return event.json()["payload"]


def test_a_client_announces_and_describes_itself(site: Site) -> None:
    events = said(site.bus)
    site.client()
    announce, signature = events.get(timeout=10.0), events.get(timeout=10.0)
    device = {
        "Name": "eth0",
        "IPAddress": "10.0.0.7",
        "IPv6Address": "fe80::7",
        "MAC": "02:00:00:00:00:07",
        "Netmask": "255.255.255.0",
        "Broadcast": "10.0.0.255",
    }
    assert announce.name == "ClientAnnounce"
    assert payload(announce) == {
        "NetworkInformation": {"NetworkDevice": [device]},
        "Id": "b7d0",
        "Name": "pc-7",
    }
    assert signature.name == "ClientSignature"
    assert payload(signature)["ClientCapabilities"]["ClientMethod"] == [
        {
            "Name": "run",
            "Path": "Shell.run",
            "Signature": "command",
            "Documentation": "Run a command.",
        }
    ]
    assert {announce.source, signature.source} == {"b7d0"}


def test_a_client_pings_and_takes_its_leave_last(site: Site) -> None:
    events = said(site.bus)
    client = site.client(ping_interval=0.02)
    heard = [events.get(timeout=10.0).name for _ in range(10)]
    # After six of them all is told again.
    introduction = ["ClientAnnounce", "ClientSignature"]
    assert heard == [*introduction, *["ClientPing"] * 6, *introduction]
    client.close()
    client.close()
    heard = until_the_mark(site.bus, events)
    assert heard[-1] == "ClientLeave"
    assert heard.count("ClientLeave") == 1


def test_polls_are_answered_once_after_a_while(site: Site) -> None:
    events = said(site.bus)
    site.client(poll_delay=(1.0, 1.1))
    assert until_the_mark(site.bus, events) == ["ClientAnnounce", "ClientSignature"]
    for _ in range(5):
        site.bus.publish(e.ClientPoll())
    # Not at once.
    assert until_the_mark(site.bus, events) == []
    assert [events.get(timeout=10.0).name for _ in range(2)] == [
        "ClientAnnounce",
        "ClientSignature",
    ]
    looked = threading.Event()
    site.pulse.after(0.3, looked.set)
    assert looked.wait(10.0)
    assert until_the_mark(site.bus, events) == []
    # The next one is answered again.
    site.bus.publish(e.ClientPoll())
    assert events.get(timeout=10.0).name == "ClientAnnounce"


def test_a_poll_is_not_answered_after_the_leave(site: Site) -> None:
    events = said(site.bus)
    client = site.client(poll_delay=(0.1, 0.1))
    assert until_the_mark(site.bus, events) == ["ClientAnnounce", "ClientSignature"]
    site.bus.publish(e.ClientPoll())
    client.close()
    looked = threading.Event()
    site.pulse.after(0.3, looked.set)
    assert looked.wait(10.0)
    assert until_the_mark(site.bus, events) == ["ClientLeave"]


def test_the_agent_that_is_alone_hears_of_the_clients_that_were_there(
    open_site: OpenSite,
) -> None:
    rack = open_site("rack")
    for id in ("a", "b"):
        rack.client(replace(PROFILE, id=id))
    agent = open_site("agent")
    agent.node("agent", patience=0.1)
    wait_until(lambda: [client.id for client in agent.roster.clients()] == ["a", "b"])


def test_a_client_without_methods_says_so(site: Site) -> None:
    site.client(ClientProfile("bare", "pc-8"))
    client = site.roster.wait_for("bare", 10.0)
    assert isinstance(client, ClientInfo)
    assert client.methods == ()
    # The devices are those of this machine.
    assert client.devices == network_devices()


def test_opening_again_does_nothing_and_closed_is_closed(site: Site) -> None:
    events = said(site.bus)
    client = site.client()
    client.open()
    assert until_the_mark(site.bus, events) == ["ClientAnnounce", "ClientSignature"]
    client.close()
    with pytest.raises(ConnectionLost):
        client.open()


@pytest.mark.parametrize(
    "options",
    [
        {"ping_interval": 0},
        {"ping_interval": float("inf")},
        {"poll_delay": (-1, 1)},
        {"poll_delay": (2, 1)},
        {"poll_delay": (0, float("nan"))},
    ],
    ids=str,
)
def test_absurd_times_are_refused(options: Any) -> None:
    with Site("memory://", "rack") as site, pytest.raises(ConfigError):
        ClientPresence(site.bus, site.pulse, PROFILE, **options)


def test_an_id_that_no_event_can_have_as_its_source_is_refused() -> None:
    with Site("memory://", "rack") as site, pytest.raises(ConfigError, match="not a source"):
        ClientPresence(site.bus, site.pulse, replace(PROFILE, id=""))


def test_the_devices_of_this_machine_have_addresses() -> None:
    names = {name for _, name in socket.if_nameindex()}
    found = network_devices()
    assert found
    for device in found:
        assert device.name in names
        assert device.address or device.address6
        for address in filter(None, (device.address, device.netmask, device.broadcast)):
            assert ip_address(address).version == 4
        assert not device.address6 or ip_address(device.address6).version == 6
        assert len(bytes.fromhex(device.mac.replace(":", ""))) == 6


def test_elsewhere_there_is_one_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    (device,) = network_devices()
    assert len(device.mac.split(":")) == 6
    assert (device.netmask, device.broadcast) == ("", "")
