"""Senders: their names, what they offer, and their end, on every transport."""

from __future__ import annotations

import threading

import pytest

from clacks_events import Bus, ConfigError, NameTaken, UnknownEventType
from tests.signals.navigation import SPEED, OpenBus, speed


def test_a_name_is_taken_while_its_sender_lives(bus: Bus, open_bus: OpenBus) -> None:
    other = open_bus("other")
    with bus.sender("gps", types=["Speed"]) as sender:
        for anywhere in (bus, other):
            with pytest.raises(NameTaken, match="there is a sender 'gps' already"):
                anywhere.sender("gps", types=["Position"])
        other.sender("tacho", types=["Speed"]).close()
    assert sender.is_closed
    with other.sender("gps", types=["Position"]) as successor:
        assert successor.signal("Position").push("<Position xmlns='urn:nav'>x</Position>") == 0


def test_of_many_at_once_one_gets_the_name(open_bus: OpenBus) -> None:
    buses = [open_bus(f"bus-{number}") for number in range(3)]
    outcomes: list[str] = []
    together = threading.Barrier(len(buses))

    def open_sender(bus: Bus) -> None:
        together.wait()
        try:
            bus.sender("gps", types=["Speed"])
        except NameTaken:
            outcomes.append("taken")
        else:
            outcomes.append("mine")

    threads = [threading.Thread(target=open_sender, args=(bus,)) for bus in buses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["mine", "taken", "taken"]


def test_a_bus_that_closes_takes_its_senders_along(bus: Bus, open_bus: OpenBus) -> None:
    other = open_bus("other")
    sender = bus.sender("gps", types=["Speed"])
    bus.close()
    assert sender.is_closed
    other.sender("gps", types=["Speed"]).close()


def test_a_closed_sender_does_nothing(bus: Bus) -> None:
    sender = bus.sender("gps", types=["Speed"])
    signal = sender.signal("Speed")
    sender.close()
    sender.close()
    assert signal.is_closed
    assert signal.listeners == 0
    with pytest.raises(ConfigError, match="signal Speed of 'gps' is closed"):
        signal.push(speed(1))
    with pytest.raises(ConfigError, match="is closed"):
        signal.on_demand(print, print)
    with pytest.raises(ConfigError, match="sender 'gps' is closed"):
        sender.signal("Speed")
    with pytest.raises(ConfigError, match="sender 'gps' is closed"):
        sender.push(speed(1))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "has 1 to 241 bytes"),
        ("x" * 242, "has 1 to 241 bytes"),
        (" ", "not a source"),
        ("a\x00b", "not a source"),
        ("\ud800", "is Unicode text"),
        (5, "is Unicode text"),
    ],
)
def test_a_name_that_no_sender_can_have(bus: Bus, name: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        bus.sender(name, types=["Speed"])


@pytest.mark.parametrize("name", ["x" * 241, "a.b*#", "ä b/c", "%"])
def test_a_name_may_have_any_signs(bus: Bus, open_bus: OpenBus, name: str) -> None:
    with (
        bus.sender(name, types=["Speed"], methods={"ask": lambda: "yes"}) as sender,
        bus.subscribe(types=["Speed"], source=name) as got,
    ):
        assert sender.push(speed(1)) == 1
        assert got.get(10.0).source == name
        assert open_bus("other").request(name, "ask") == "yes"


def test_what_no_sender_can_offer(bus: Bus) -> None:
    with pytest.raises(ConfigError, match="neither event types nor methods"):
        bus.sender("gps")
    with pytest.raises(UnknownEventType, match="did you mean Speed"):
        bus.sender("gps", types=["Sped"])
    with pytest.raises(ConfigError, match="not the text 'Speed'"):
        bus.sender("gps", types="Speed")
    with pytest.raises(ConfigError, match="method 'ask' is a function, not int"):
        bus.sender("gps", methods={"ask": 5})  # type: ignore[dict-item]
    with pytest.raises(ConfigError, match="the name of a method"):
        bus.sender("gps", methods={"": print})
    with pytest.raises(ConfigError, match="the default method is a function, not str"):
        bus.sender("gps", default="ask")  # type: ignore[arg-type]
    with bus.sender("gps", types=["Speed", SPEED]) as sender:
        assert sender.types == (SPEED,)
        with pytest.raises(ConfigError, match="the label of a signal"):
            sender.signal("Speed", label="")
        with pytest.raises(ConfigError, match="not a source"):
            sender.signal("Speed", label="x" * 255)
