"""Handlers by glob, on every transport: exactly one for each event."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clacks_events import (
    Bus,
    Catalog,
    ConfigError,
    ConnectionLost,
    Event,
    NameTaken,
    NotRegistered,
)
from clacks_events.transport.base import Message, PublishOptions
from tests.harness.waiting import wait_until
from tests.signals.cars import bindings, car, numbers, opener, steady_flow

Connect = Callable[..., Bus]


@pytest.fixture
def open_bus(url: str, tmp_path: Path) -> Iterator[Connect]:
    with opener(url, tmp_path / "car") as open_one:
        yield open_one


class Calls:
    """Handlers that note under which label they were called with what."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def __getitem__(self, label: str) -> Callable[[Event], None]:
        return lambda event: self.seen.append((label, f"{event.source}/{event.name}"))

    def settle(self, bus: Bus) -> dict[str, list[str]]:
        """Return which handler had what, once it is all there; then forget it."""
        bus.publish(car("Done", source="test"))
        wait_until(lambda: [name for _, name in self.seen if name == "test/Done"])
        found: dict[str, list[str]] = {}
        for label, name in self.seen:
            if name != "test/Done":
                found.setdefault(label, []).append(name)
        self.seen.clear()
        return found


def test_each_event_goes_to_the_best_handler_alone(open_bus: Connect) -> None:
    bus, calls = open_bus(), Calls()
    handlers = bus.handlers()
    for pattern in ("gps/*", "gps/Speed", "*/Speed", "*", "g*", "test/Done"):
        handlers.add(pattern, calls[pattern])
    for name, source in [("Speed", "gps"), ("Door", "gps"), ("Speed", "x"), ("Door", "x")]:
        bus.publish(car(name, source=source))
    bus.publish(car("Door", source="guard"))
    assert calls.settle(bus) == {
        "gps/Speed": ["gps/Speed"],
        "gps/*": ["gps/Door"],
        "*/Speed": ["x/Speed"],
        "*": ["x/Door"],
        "g*": ["guard/Door"],
    }
    assert len(handlers) == 6
    assert handlers.patterns[:2] == ("gps/*", "gps/Speed")


def test_without_its_handler_an_event_goes_to_the_next_best(open_bus: Connect) -> None:
    bus, calls = open_bus(), Calls()
    handlers = bus.handlers()
    exact = calls["gps/Speed"]
    handlers.add("test/Done", calls["end"])
    handlers.add("gps/Speed", exact)
    handlers.add("gps/*", calls["gps/*"])
    handlers.default = default = calls["default"]
    assert handlers.default is default
    found = []
    for step in (
        lambda: None,
        lambda: handlers.remove("gps/Speed"),
        lambda: handlers.remove("gps/*"),
        lambda: setattr(handlers, "default", None),
    ):
        step()
        bus.publish(car("Speed"))
        found += [*calls.settle(bus), "-"]
    assert found == ["gps/Speed", "-", "gps/*", "-", "default", "-", "-"]
    handlers.add("gps/Speed", exact)
    assert handlers.remove("gps/Speed") is exact


def test_a_pattern_has_one_handler(open_bus: Connect) -> None:
    bus, calls = open_bus(), Calls()
    handlers = bus.handlers()
    handlers.add("gps/*", calls["first"])
    handlers.add("test/Done", calls["end"])
    with pytest.raises(NameTaken, match=r"'gps/\*'"):
        handlers.add("gps/*", calls["second"])
    with pytest.raises(NotRegistered, match="'gps/Speed'"):
        handlers.remove("gps/Speed")
    bus.publish(car("Speed"))
    assert calls.settle(bus) == {"first": ["gps/Speed"]}
    # Another table is another matter.
    bus.handlers().add("gps/*", calls["third"])
    bus.publish(car("Speed"))
    assert calls.settle(bus).keys() == {"first", "third"}


def test_the_last_slash_of_a_pattern_is_the_one_before_the_type(open_bus: Connect) -> None:
    bus, calls = open_bus(), Calls()
    handlers = bus.handlers()
    for pattern in ("plant/*", "plant/*/*", "plant/pump/Speed", "test/Done"):
        handlers.add(pattern, calls[pattern])
    for source in ("plant", "plant/pump", "plant/pump/2", "plants"):
        bus.publish(car("Speed", source=source))
    assert calls.settle(bus) == {
        "plant/*": ["plant/Speed"],
        "plant/pump/Speed": ["plant/pump/Speed"],
        "plant/*/*": ["plant/pump/2/Speed"],
    }


def test_the_name_of_a_derived_type_is_its_own(open_bus: Connect) -> None:
    bus, calls = open_bus(), Calls()
    handlers = bus.handlers()
    handlers.add("gps/Reading", calls["Reading"])
    handlers.add("test/Done", calls["end"])
    bus.publish(car("Heat"))
    bus.publish(car("Reading"))
    assert calls.settle(bus) == {"Reading": ["gps/Reading"]}


def test_an_event_without_a_source_has_an_empty_one(open_bus: Connect) -> None:
    bus, calls = open_bus(), Calls()
    handlers = bus.handlers()
    handlers.add("/Speed", calls["/Speed"])
    handlers.add("test/Done", calls["end"])
    body = car("Speed", source=None).encode()
    bus.transport.publish(Message(body, "Event.Speed.-"), PublishOptions())
    bus.publish(car("Speed"))
    assert calls.settle(bus) == {"/Speed": ["None/Speed"]}


@pytest.mark.parametrize(
    ("pattern", "received"),
    [
        ("gps/Speed", 1),
        ("gps/*", 2),
        ("gps/S*", 2),
        ("*/Speed", 2),
        ("g*/Speed", 2),
        ("g*/S*", 4),
        ("*", 4),
    ],
)
def test_the_broker_delivers_no_more_than_is_needed(
    open_bus: Connect, pattern: str, received: int
) -> None:
    publisher, consumer, calls = open_bus(), open_bus(), Calls()
    handlers = consumer.handlers()
    handlers.add(pattern, calls[pattern])
    handlers.add("test/Done", calls["end"])
    for name, source in itertools.product(("Speed", "Door"), ("gps", "other")):
        publisher.publish(car(name, source=source))
    calls.settle(publisher)
    assert consumer.counters.received == received + 1


def test_what_is_asked_for_follows_the_patterns(open_bus: Connect) -> None:
    bus, calls = open_bus(), Calls()
    handlers = bus.handlers()
    assert bindings(bus) == []
    handlers.add("gps/Speed", calls["a"])
    narrow = bindings(bus)
    handlers.add("gps/*", calls["b"])
    assert bindings(bus) == ["#.gps"]
    handlers.default = calls["c"]
    assert bindings(bus) == ["Event.#"]
    handlers.default = None
    assert bindings(bus) == ["#.gps"]
    handlers.remove("gps/*")
    assert bindings(bus) == narrow == ["Event.#.Speed.#.gps"]
    handlers.remove("gps/Speed")
    assert bindings(bus) == []
    handlers.add("gps/Speed", calls["a"])
    assert bindings(bus) == narrow


def test_a_type_need_not_be_known_yet(open_bus: Connect) -> None:
    publisher, consumer, calls = open_bus(), open_bus(Catalog()), Calls()
    handlers = consumer.handlers()
    handlers.add("gps/Speed", calls["gps/Speed"])
    handlers.add("test/Done", calls["end"])
    assert "Event.#" not in bindings(consumer)
    publisher.publish(car("Speed"))
    assert calls.settle(publisher) == {"gps/Speed": ["gps/Speed"]}


def test_patterns_come_and_go_while_those_that_stay_lose_nothing(open_bus: Connect) -> None:
    publisher, consumer = open_bus(), open_bus()
    stays: list[Event] = []
    others: list[Event] = []
    handlers = consumer.handlers()
    handlers.add("*ps/S*", stays.append)
    with steady_flow(publisher) as count:
        for _ in range(4):
            for pattern in ("gps/*", "gps/Speed", "*/Speed", "other/*"):
                handlers.add(pattern, others.append)
                seen = count()
                wait_until(lambda seen=seen: count() > seen + 3)  # type: ignore[misc]
                handlers.remove(pattern)
            handlers.default = others.append
            handlers.default = None
    wait_until(lambda: len(stays) + len(others) >= count())
    assert sorted(numbers(stays + others)) == list(range(count()))
    assert numbers(stays) == sorted(numbers(stays))
    assert stays
    assert others


def test_the_handler_of_a_narrow_pattern_loses_nothing_either(open_bus: Connect) -> None:
    publisher, consumer = open_bus(), open_bus()
    stays: list[Event] = []
    handlers = consumer.handlers()
    handlers.add("gps/Speed", stays.append)
    with steady_flow(publisher) as count:
        for _ in range(10):
            for pattern in ("gps/*", "other/*", "*"):
                handlers.add(pattern, stays.append)
            for pattern in ("gps/*", "other/*", "*"):
                handlers.remove(pattern)
    wait_until(lambda: len(stays) >= count())
    assert numbers(stays) == list(range(count()))


def test_a_handler_may_change_the_table_and_close_it(open_bus: Connect) -> None:
    bus, calls = open_bus(), Calls()
    handlers = bus.handlers()

    def once(event: Event) -> None:
        calls["once"](event)
        handlers.remove("gps/Speed")
        handlers.add("gps/*", last)

    def last(event: Event) -> None:
        calls["last"](event)
        handlers.close()

    handlers.add("gps/Speed", once)
    bus.publish(car("Speed"))
    wait_until(lambda: len(calls.seen) == 1 and "gps/*" in handlers.patterns)
    bus.publish(car("Speed"))
    wait_until(lambda: not list(bus.subscribing))
    assert [label for label, _ in calls.seen] == ["once", "last"]


def test_closing_finishes_what_has_arrived_and_takes_no_more(open_bus: Connect) -> None:
    bus, got = open_bus(), list[Event]()
    started, go_on = threading.Event(), threading.Event()

    def slow(event: Event) -> None:
        started.set()
        go_on.wait(10.0)
        if not got:
            handlers.remove("other/*")
        got.append(event)

    with bus.handlers() as handlers:
        handlers.add("gps/*", slow)
        handlers.add("other/*", slow)
        for number in range(3):
            bus.publish(car("Speed", number))
        wait_until(lambda: started.is_set() and bus.counters.received == 3)
        closing = threading.Thread(target=handlers.close)
        closing.start()
        wait_until(lambda: not list(bus.subscribing))
        go_on.set()
        closing.join(10.0)
        assert not closing.is_alive()
        assert numbers(got) == [0, 1, 2]
    assert list(bus.subscribing) == []
    with pytest.raises(ConfigError, match="closed"):
        handlers.add("gps/Speed", slow)
    with pytest.raises(ConfigError, match="closed"):
        handlers.default = slow
    assert handlers.default is None


def test_a_handler_that_fails_is_counted_and_the_others_go_on(open_bus: Connect) -> None:
    bus, calls = open_bus(), Calls()
    handlers = bus.handlers()

    def fail(event: Event) -> None:
        raise RuntimeError(event.name)

    handlers.add("gps/Speed", fail)
    handlers.add("*", calls["*"])
    bus.publish(car("Speed"))
    bus.publish(car("Door"))
    assert calls.settle(bus) == {"*": ["gps/Door"]}
    assert bus.counters.handler_errors == 1


def test_many_patterns_are_told_apart(open_bus: Connect) -> None:
    bus, calls = open_bus(), Calls()
    handlers = bus.handlers()
    for number in range(150):
        handlers.add(f"car-{number}/*", calls[f"car-{number}/*"])
    handlers.add("test/Done", calls["end"])
    for number in (0, 7, 149):
        bus.publish(car("Speed", source=f"car-{number}"))
    bus.publish(car("Speed", source="car-150"))
    assert calls.settle(bus) == {f"car-{n}/*": [f"car-{n}/Speed"] for n in (0, 7, 149)}


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("", "fits no event"),
        ("Speed", "fits no event"),
        ("gps/", "fits no event"),
        ("x" * 256 + "/Speed", "not a source"),
        ("gps\ud800/Sp*", "surrogates"),
        ("*\0/Speed", "null character"),
        (5, "a pattern is text, not int"),
    ],
)
def test_a_pattern_that_fits_nothing_is_refused(
    open_bus: Connect, pattern: str, reason: str
) -> None:
    handlers = open_bus().handlers()
    with pytest.raises(ConfigError, match=reason):
        handlers.add(pattern, print)
    assert handlers.patterns == ()


def test_what_is_no_handler_is_refused(open_bus: Connect) -> None:
    async def coroutine(event: Event) -> None:
        raise AssertionError(event)

    handlers = open_bus().handlers()
    for handler, reason in ((None, "not None"), ("x", "not str"), (coroutine, "is async")):
        with pytest.raises(ConfigError, match=reason):
            handlers.add("gps/*", handler)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="not str"):
        handlers.default = "x"  # type: ignore[assignment]


def test_without_the_bus_there_is_nothing_to_add(open_bus: Connect) -> None:
    bus, calls = open_bus(), Calls()
    handlers, fresh = bus.handlers(), bus.handlers()
    handlers.add("gps/*", calls["gps/*"])
    bus.close()
    for table in (handlers, fresh):
        with pytest.raises((ConnectionLost, ConfigError), match="closed"):
            table.add("gps/Speed", calls["gps/Speed"])
    assert handlers.patterns == ("gps/*",)
    handlers.remove("gps/*")
