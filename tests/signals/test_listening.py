"""Listeners, on every transport: whom they hear, and in which order."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clacks_events import (
    Bus,
    BusOptions,
    ConfigError,
    Event,
    UnknownEventType,
    connect,
)
from clacks_events.transport.base import Message, PublishOptions
from tests.harness.waiting import wait_until
from tests.signals.cars import FUEL, C, bindings, car, numbers, opener, steady_flow

PATIENT = BusOptions(publish_timeout=10.0)

Connect = Callable[..., Bus]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "car"


@pytest.fixture
def open_bus(url: str, directory: Path) -> Iterator[Connect]:
    with opener(url, directory) as open_one:
        yield open_one


class Calls:
    """Handlers that note under which label they were called with what."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Event]] = []

    def __getitem__(self, label: str) -> Callable[[Event], None]:
        return lambda event: self.seen.append((label, event))

    def settle(self, bus: Bus, publisher: Bus | None = None) -> list[str]:
        """Return who was called, in order, once it is all there; then forget it."""
        with bus.listen(self["end"], sender="test", type="Done"):
            (publisher or bus).publish(car("Done", source="test"))
            wait_until(lambda: "end" in [label for label, _ in self.seen])
        found = [label for label, event in self.seen if event.name != "Done"]
        self.seen.clear()
        return found


def test_the_order_is_everything_sender_type_both(open_bus: Connect) -> None:
    bus, calls = open_bus(), Calls()
    for sender, type in [("gps", "Speed"), (None, "Speed"), ("gps", None), (None, None)]:
        for number in (1, 2):
            bus.listen(calls[f"{sender} {type} {number}"], sender=sender, type=type)
    bus.publish(car("Speed"))
    assert calls.settle(bus) == [
        "None None 1",
        "None None 2",
        "gps None 1",
        "gps None 2",
        "None Speed 1",
        "None Speed 2",
        "gps Speed 1",
        "gps Speed 2",
    ]


def test_each_hears_what_it_asked_for(open_bus: Connect) -> None:
    bus, calls = open_bus(), Calls()
    bus.listen(calls["all"])
    bus.listen(calls["gps"], sender="gps")
    bus.listen(calls["Speed"], type="Speed")
    bus.listen(calls["gps Speed"], sender="gps", type=f"{C}Speed")
    found = {}
    for source, name in itertools.product(("gps", "radar"), ("Speed", "Door")):
        bus.publish(car(name, source=source))
        found[source, name] = calls.settle(bus)
    assert found == {
        ("gps", "Speed"): ["all", "gps", "Speed", "gps Speed"],
        ("gps", "Door"): ["all", "gps"],
        ("radar", "Speed"): ["all", "Speed"],
        ("radar", "Door"): ["all"],
    }


def test_the_sender_may_come_later(open_bus: Connect, url: str) -> None:
    bus, calls = open_bus(), Calls()
    listener = bus.listen(calls["late"], sender="late", type="Speed")
    assert (listener.sender, listener.type) == ("late", f"{C}Speed")
    with connect(url, catalog=bus.catalog, source="late", options=PATIENT) as late:
        late.publish(car("Speed", source=None))
        late.publish(car("Door", source=None))
        assert calls.settle(bus, late) == ["late"]


def test_a_type_stands_for_its_derived_types(open_bus: Connect) -> None:
    bus, calls = open_bus(), Calls()
    bus.listen(calls["gps Reading"], sender="gps", type="Reading")
    bus.listen(calls["gps Heat"], sender="gps", type="Heat")
    bus.listen(calls["Heat"], type="Heat")
    bus.listen(calls["Reading"], type="Reading")
    bus.publish(car("Heat"))
    # Within one kind, those who came first come first, whatever type they named.
    assert calls.settle(bus) == ["Heat", "Reading", "gps Reading", "gps Heat"]
    bus.publish(car("Reading"))
    assert calls.settle(bus) == ["Reading", "gps Reading"]


def test_a_derived_type_may_come_later(open_bus: Connect, directory: Path) -> None:
    bus, calls = open_bus(), Calls()
    bus.listen(calls["Reading"], type="Reading")
    (directory / "fuel.xsd").write_text(FUEL)
    assert bus.catalog.refresh()
    bus.publish(car("Fuel"))
    assert calls.settle(bus) == ["Reading"]


def test_an_event_without_a_source_is_nobodys(open_bus: Connect) -> None:
    bus, calls = open_bus(), Calls()
    bus.listen(calls["all"])
    bus.listen(calls["Speed"], type="Speed")
    bus.listen(calls["gps"], sender="gps")
    body = car("Speed", source=None).encode()
    bus.transport.publish(Message(body, "Event.Speed.-"), PublishOptions())
    assert calls.settle(bus) == ["all", "Speed"]


def test_each_registration_is_one_call(open_bus: Connect) -> None:
    bus, calls = open_bus(), Calls()
    handler = calls["twice"]
    first, second = (bus.listen(handler, sender="gps") for _ in range(2))
    bus.publish(car("Speed"))
    assert calls.settle(bus) == ["twice", "twice"]
    first.close()
    first.close()
    bus.publish(car("Speed"))
    assert calls.settle(bus) == ["twice"]
    assert (first.is_closed, second.is_closed) == (True, False)


def test_a_handler_that_fails_does_not_keep_the_others_from_running(
    open_bus: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    bus, calls = open_bus(), Calls()

    def fail(event: Event) -> None:
        raise RuntimeError(f"my mistake with {event.name}")

    bus.listen(fail)
    bus.listen(calls["gps"], sender="gps")
    sent = bus.publish(car("Speed"))
    assert calls.settle(bus) == ["gps"]
    assert bus.counters.handler_errors == 2  # with the event that ends the test
    assert "my mistake with Speed" in caplog.text
    assert sent.id is not None
    assert sent.id in caplog.text


def test_what_one_does_to_the_payload_is_not_seen_by_the_others(open_bus: Connect) -> None:
    bus, got = open_bus(), list[Event]()

    def spoil(event: Event) -> None:
        event.payload.text = "99"

    bus.listen(spoil)
    bus.listen(got.append)
    bus.publish(car("Speed", 5))
    wait_until(lambda: got)
    assert numbers(got) == [5]


def test_all_run_on_one_thread(open_bus: Connect) -> None:
    bus, threads = open_bus(), list[int]()

    def note(_: Event) -> None:
        threads.append(threading.get_ident())

    for sender in (None, "gps") * 2:
        bus.listen(note, sender=sender)
    for _ in range(5):
        bus.publish(car("Speed"))
    wait_until(lambda: len(threads) == 20)
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()


@pytest.mark.parametrize(
    ("sender", "type", "received"),
    [(None, None, 4), ("gps", None, 2), (None, "Speed", 2), ("gps", "Speed", 1)],
)
def test_the_broker_delivers_no_more_than_is_needed(
    open_bus: Connect, sender: str | None, type: str | None, received: int
) -> None:
    publisher, consumer, calls = open_bus(), open_bus(), Calls()
    consumer.listen(calls["heard"], sender=sender, type=type)
    for name, source in itertools.product(("Speed", "Door"), ("gps", "radar")):
        publisher.publish(car(name, source=source))
    assert calls.settle(consumer, publisher) == ["heard"] * received
    assert consumer.counters.received == received + 1


def test_what_is_asked_for_follows_the_listeners(open_bus: Connect) -> None:
    bus, calls = open_bus(), Calls()
    exact = bus.listen(calls["exact"], sender="gps", type="Speed")
    assert bindings(bus) == ["Event.#.Speed.#.gps"]
    again = bus.listen(calls["again"], sender="gps", type="Speed")
    other = bus.listen(calls["other"], type="Door")
    assert bindings(bus) == ["Event.#.Door.#", "Event.#.Speed.#.gps"]
    sender = bus.listen(calls["sender"], sender="gps")
    assert bindings(bus) == ["#.gps", "Event.#.Door.#"]
    everything = bus.listen(calls["everything"])
    assert bindings(bus) == ["Event.#"]
    assert len(list(bus.subscribing)) == 1
    for listener in (everything, sender, exact):
        listener.close()
    assert bindings(bus) == ["Event.#.Door.#", "Event.#.Speed.#.gps"]
    again.close()
    assert bindings(bus) == ["Event.#.Door.#"]
    other.close()
    assert list(bus.subscribing) == []
    bus.listen(calls["anew"], sender="gps")
    assert bindings(bus) == ["#.gps"]
    bus.publish(car("Speed"))
    assert calls.settle(bus) == ["anew"]


def test_more_demands_than_a_broker_is_told_are_met_as_well(open_bus: Connect) -> None:
    bus, calls = open_bus(), Calls()
    for number in range(140):
        bus.listen(calls[f"{number}"], sender=f"car-{number}", type="Speed")
    bus.listen(calls["Door"], sender="car-3", type="Door")
    for number in (0, 3, 139, 140):
        bus.publish(car("Speed", source=f"car-{number}"))
        bus.publish(car("Door", source=f"car-{number}"))
    assert calls.settle(bus) == ["0", "3", "Door", "139"]


def test_listeners_come_and_go_while_those_that_stay_lose_nothing(open_bus: Connect) -> None:
    publisher, consumer = open_bus(), open_bus()
    stays: list[Event] = []
    wide: list[Event] = []
    consumer.listen(stays.append, sender="gps", type="Speed")
    with steady_flow(publisher) as count:
        for _ in range(10):
            added = [consumer.listen(wide.append, sender=each) for each in ("gps", "x", None)]
            for listener in added:
                listener.close()
    wait_until(lambda: len(stays) >= count())
    assert numbers(stays) == list(range(count()))


def test_a_handler_may_close_listeners_and_add_some(open_bus: Connect) -> None:
    bus, calls = open_bus(), Calls()

    def once(event: Event) -> None:
        calls["once"](event)
        own.close()
        later.close()
        bus.listen(calls["added"], sender="gps")

    own = bus.listen(once)
    later = bus.listen(calls["later"], sender="gps")
    bus.publish(car("Speed"))
    # The listener that was added hears what comes after.
    assert calls.settle(bus) == ["once"]
    bus.publish(car("Speed"))
    assert calls.settle(bus) == ["added"]


def test_what_cannot_be_listened_to_is_refused(open_bus: Connect) -> None:
    async def coroutine(event: Event) -> None:
        raise AssertionError(event)

    bus = open_bus()
    for type in ("Spede", "{urn:x}Speed"):
        with pytest.raises(UnknownEventType, match="Speed"):
            bus.listen(print, type=type)
    for sender in ("", 5, "x" * 256, "\ud800"):
        with pytest.raises(ConfigError, match=r"a sender has a name|not a source"):
            bus.listen(print, sender=sender)  # type: ignore[arg-type]
    for handler, reason in ((None, "needs a handler"), ("x", "not str"), (coroutine, "is async")):
        with pytest.raises(ConfigError, match=reason):
            bus.listen(handler)  # type: ignore[arg-type]
    assert list(bus.subscribing) == []
