"""What signals push, and to whom, on every transport."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from clacks_events import Bus, ConfigError, Event, InvalidEvent, MalformedEvent
from clacks_events.signals.signal import Payload
from tests.harness.waiting import wait_until
from tests.signals.navigation import POSITION, SPEED, OpenBus, speed, write_schema


def test_a_push_arrives_with_the_name_of_the_sender(bus: Bus, open_bus: OpenBus) -> None:
    listener = open_bus("listener")
    with bus.sender("gps", types=["Speed"]) as sender, listener.subscribe(source="gps") as got:
        assert sender.signal("Speed").push(speed(50), headers={"unit": "km/h"}) == 1
        event = got.get(10.0)
        while event.name != "Speed":  # the announcement comes from the sender as well
            event = got.get(10.0)
        assert (event.type, event.source) == (SPEED, "gps")
        assert event.headers["unit"] == "km/h"
        assert event.id is not None


@pytest.mark.parametrize(
    "payload",
    [
        speed(50),
        speed(50).encode(),
        etree.fromstring(speed(50)),
        Event.from_xml(speed(50)),
        f"<Event xmlns='http://www.gonicus.de/Events' source='gps'>{speed(50)}</Event>",
        {"$": 50},
    ],
    ids=["str", "bytes", "element", "event", "envelope", "dict"],
)
def test_a_payload_has_many_forms(bus: Bus, payload: Payload) -> None:
    with bus.sender("gps", types=["Speed"]) as sender, bus.subscribe(types=["Speed"]) as got:
        assert sender.signal("Speed").push(payload) == 1
        event = got.get(10.0)
        assert (event.payload.text, event.source) == ("50", "gps")


def test_a_push_says_whether_anybody_listens(bus: Bus, open_bus: OpenBus) -> None:
    listener = open_bus("listener")
    with bus.sender("gps", types=["Speed", "Position"]) as sender:
        signal = sender.signal("Speed")
        assert signal.push(speed(1)) == 0
        with listener.subscribe(types=["Position"]):
            assert signal.push(speed(2)) == 0
        with listener.subscribe(types=["Speed"]) as got:
            assert signal.push(speed(3)) >= 1
            assert got.get(10.0).payload.text == "3"
        wait_until(lambda: signal.push(speed(4)) == 0)


def test_a_paused_bus_pushes_to_nobody(bus: Bus) -> None:
    with bus.sender("gps", types=["Speed"]) as sender, bus.subscribe(types=["Speed"]) as got:
        bus.pause()
        assert sender.signal("Speed").push(speed(1)) == 0
        with pytest.raises(InvalidEvent):
            sender.signal("Speed").push("<Speed xmlns='urn:nav'>fast</Speed>")
        bus.resume()
        assert sender.signal("Speed").push(speed(2)) == 1
        assert got.get(10.0).payload.text == "2"


def test_a_label_makes_a_signal_of_its_own(bus: Bus, open_bus: OpenBus) -> None:
    listener = open_bus("listener")
    with bus.sender("gps", types=["Speed"]) as sender:
        fast, plain = sender.signal("Speed", label="kmh-1000"), sender.signal("Speed")
        assert (fast.source, plain.source) == ("gps/kmh-1000", "gps")
        with listener.subscribe(types=["Speed"], source="gps/kmh-1000") as got:
            assert plain.push(speed(1)) == 0
            assert fast.push(speed(2)) >= 1
            assert got.get(10.0).payload.text == "2"


def test_one_signal_for_a_type_and_a_label(bus: Bus) -> None:
    with bus.sender("gps", types=["Speed", POSITION]) as sender:
        assert sender.types == (SPEED, POSITION)
        signal = sender.signal("Speed", label="a")
        assert sender.signal(SPEED, label="a") is signal
        assert sender.signal("Speed") is not signal
        signal.close()
        assert sender.signal("Speed", label="a") is not signal


def test_what_was_not_declared_is_not_pushed(bus: Bus) -> None:
    with bus.sender("gps", types=["Speed"]) as sender, bus.subscribe() as everything:
        with pytest.raises(ConfigError, match="did not declare a type 'Sped'; did you mean Speed"):
            sender.signal("Sped")
        with pytest.raises(ConfigError, match="did not declare a type 'Position'; it has Speed"):
            sender.signal("Position")
        signal = sender.signal("Speed")
        with pytest.raises(ConfigError, match=r"signal Speed of 'gps' cannot push .* type .*Pos"):
            signal.push("<Position xmlns='urn:nav'>here</Position>")
        with pytest.raises(ConfigError, match="cannot push an event of source 'other'"):
            signal.push(
                "<e:Event xmlns:e='http://www.gonicus.de/Events' source='other'>"
                f"{speed(1)}</e:Event>"
            )
        with pytest.raises(InvalidEvent):
            signal.push("<Speed xmlns='urn:nav'>fast</Speed>")
        with pytest.raises(InvalidEvent):
            signal.push({"Value": 1})
        with pytest.raises(MalformedEvent, match="made of an lxml element"):
            signal.push(5)  # type: ignore[arg-type]
        signal.push(speed(7))
        assert everything.get(10.0).payload.text == "7"


def test_a_derived_type_is_pushed_on_the_signal_of_its_base(bus: Bus) -> None:
    with bus.sender("gps", types=["Speed"]) as sender, bus.subscribe(types=["Speed"]) as got:
        assert sender.signal("Speed").push(speed(3, "GroundSpeed")) == 1
        assert sender.push(speed(4, "GroundSpeed")) == 1
        assert [got.get(10.0).name for _ in range(2)] == ["GroundSpeed"] * 2


def test_a_sender_finds_the_signal_of_a_payload(bus: Bus) -> None:
    with bus.sender("gps", types=["Speed", "GroundSpeed"]) as sender, bus.subscribe() as got:
        assert sender.push(speed(3, "GroundSpeed")) == 1
        assert got.get(10.0).name == "GroundSpeed"
        with pytest.raises(ConfigError, match=r"did not declare a type '\{urn:nav\}Position'"):
            sender.push("<Position xmlns='urn:nav'>here</Position>")
        with pytest.raises(ConfigError, match="plain data does not say its type"):
            sender.push({"$": 3})


def test_a_local_name_may_be_ambiguous(bus: Bus, schemas: Path) -> None:
    (schemas / "sea.xsd").write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:sea">'
        '<xs:element name="Speed" type="xs:int"/></xs:schema>'
    )
    bus.catalog.refresh()
    with bus.sender("gps", types=[SPEED, "{urn:sea}Speed"]) as sender:
        with pytest.raises(ConfigError, match="'Speed' could be any of"):
            sender.signal("Speed")
        assert sender.signal("{urn:sea}Speed").type == "{urn:sea}Speed"


def test_schemas_that_change_count_at_once(bus: Bus, open_bus: OpenBus, schemas: Path) -> None:
    listener = open_bus("listener")
    with bus.sender("gps", types=["Speed"]) as sender:
        signal = sender.signal("Speed")
        assert signal.listeners == 0
        with listener.subscribe(types=["Heading"]) as got:
            assert signal.listeners == 0
            write_schema(schemas, derives_heading=True)
            bus.catalog.refresh()
            wait_until(lambda: signal.listeners >= 1)
            assert signal.push(speed(90, "Heading")) >= 1
            assert got.get(10.0).payload.text == "90"
