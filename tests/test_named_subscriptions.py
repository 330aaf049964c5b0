"""Subscriptions by name, on every transport: registered once, replaced on demand, closed by name.

The cases are those of the tests of leap.common.events, and what their rules leave open.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from lxml import etree

from clacks_events import (
    NAMESPACE,
    Bus,
    BusOptions,
    ConfigError,
    ConnectionLost,
    Event,
    EventMaker,
    FilterSyntaxError,
    NameTaken,
    NotRegistered,
    connect,
)
from tests.harness.waiting import wait_until

e = EventMaker()
PATIENT = BusOptions(publish_timeout=10.0)
PHONES = "./e:Event/e:PhoneStatus"

Connect = Callable[[], Bus]


@pytest.fixture
def open_bus(url: str) -> Iterator[Connect]:
    opened: list[Bus] = []

    def open_one() -> Bus:
        opened.append(connect(url, options=PATIENT, source="node-7"))
        return opened[-1]

    yield open_one
    for bus in opened:
        bus.close()


def status(text: str = "busy") -> etree._Element:
    return e.PhoneStatus(e.CallerId("1"), e.ReceiverId("2"), e.Status(text))


class Calls:
    """Handlers that note what they were called with."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.seen: list[tuple[str, str | None]] = []

    def __getitem__(self, label: str) -> Callable[[Event], None]:
        return lambda event: self.seen.append((label, event.payload.findtext("{*}Status")))

    def finish(self, *others: Bus) -> list[str]:
        """Publish a status, end all buses after what has arrived, and return who was called."""
        self.seen.clear()
        ends = [bus.subscribe(types=["NodeLeave"]) for bus in (self.bus, *others)]
        self.bus.publish(status("finish"))
        self.bus.publish(e.NodeLeave(e.Id("end")))
        for end in ends:
            end.get(10.0)
        for bus in (*others, self.bus):
            bus.close()
        return sorted(label for label, text in self.seen if text == "finish")


def test_a_name_is_registered(open_bus: Connect) -> None:
    bus = open_bus()
    calls = Calls(bus)
    bus.subscribe(PHONES, calls["mine"], name="mine")
    bus.publish(status("1"))
    wait_until(lambda: calls.seen == [("mine", "1")])


def test_a_signal_reaches_the_handler_with_its_content(open_bus: Connect) -> None:
    publisher, consumer = open_bus(), open_bus()
    calls = Calls(consumer)
    consumer.subscribe(types=["PhoneStatus"], handler=calls["mine"], name="mine")
    publisher.publish(status("1"))
    publisher.publish(status("2"))
    wait_until(lambda: calls.seen == [("mine", "1"), ("mine", "2")])


def test_more_than_one_callback(open_bus: Connect) -> None:
    bus = open_bus()
    calls = Calls(bus)
    for name in ("one", "two"):
        bus.subscribe(PHONES, calls[name], name=name)
    bus.subscribe(PHONES, calls["nameless"])
    bus.publish(status("1"))
    wait_until(lambda: {label for label, _ in calls.seen} == {"one", "two", "nameless"})
    assert len(calls.seen) == 3


def test_a_name_twice_fails_when_replace_is_false(open_bus: Connect) -> None:
    bus = open_bus()
    calls = Calls(bus)
    first = bus.subscribe(PHONES, calls["first"], name="mine")
    for query, handler in ((PHONES, calls["second"]), (".", calls["first"])):
        with pytest.raises(NameTaken, match="'mine'"):
            bus.subscribe(query, handler, name="mine")
    assert list(bus.subscribing) == [first]
    bus.publish(status("1"))
    wait_until(lambda: calls.seen == [("first", "1")])


def test_a_name_is_replaced(open_bus: Connect) -> None:
    bus = open_bus()
    calls = Calls(bus)
    first = bus.subscribe(PHONES, calls["first"], name="mine")
    second = bus.subscribe(PHONES, calls["second"], name="mine", replace=True)
    assert (first.is_closed, second.is_closed) == (True, False)
    assert list(bus.subscribing) == [second]
    bus.publish(status("1"))
    wait_until(lambda: calls.seen == [("second", "1")])


def test_replace_is_for_new_names_as_well(open_bus: Connect) -> None:
    bus = open_bus()
    calls = Calls(bus)
    bus.subscribe(PHONES, calls["mine"], name="mine", replace=True)
    bus.publish(status("1"))
    wait_until(lambda: calls.seen == [("mine", "1")])


def test_nothing_is_missed_while_a_name_is_replaced(open_bus: Connect) -> None:
    publisher, consumer = open_bus(), open_bus()
    got: set[str] = set()
    stop, sent = threading.Event(), list[str]()

    def run() -> None:
        while not stop.wait(0.001):
            sent.append(publisher.publish(status()).id or "")

    def handler(_: int) -> Callable[[Event], None]:
        return lambda event: got.add(event.id or "")

    consumer.subscribe(PHONES, handler(0), name="mine")
    thread = threading.Thread(target=run)
    thread.start()
    try:
        for number in range(10):
            consumer.subscribe(PHONES, handler(number), name="mine", replace=True)
    finally:
        stop.set()
        thread.join()
    wait_until(lambda: got >= set(sent))
    assert len(list(consumer.subscribing)) == 1


def test_the_same_twice_counts_once(open_bus: Connect) -> None:
    bus = open_bus()
    calls = Calls(bus)
    handler = calls["mine"]
    first, again = (
        bus.subscribe(
            "./x:Event",
            handler,
            types=["PhoneStatus"],
            source="node-7",
            namespaces={"x": NAMESPACE},
            name="mine",
        )
        for _ in range(2)
    )
    assert again is first
    assert list(bus.subscribing) == [first]
    assert calls.finish() == ["mine"]


@pytest.mark.parametrize(
    "other",
    [
        {"query": "."},
        {"types": ["NodeLeave"]},
        {"source": "node-8"},
        {"namespaces": {"x": "urn:x"}},
        {"handler": None},
        {"durable": "mine"},
    ],
    ids=lambda other: str(next(iter(other))),
)
def test_what_means_another_thing_is_not_the_same(
    open_bus: Connect, other: dict[str, object]
) -> None:
    bus = open_bus()
    meaning: dict[str, object] = {"query": PHONES, "handler": print, "source": "node-7"}
    bus.subscribe(**meaning, name="mine")  # type: ignore[arg-type]
    with pytest.raises(NameTaken, match="'mine'"):
        bus.subscribe(**{**meaning, **other}, name="mine")  # type: ignore[arg-type]


def test_unsubscribing_by_name(open_bus: Connect) -> None:
    bus = open_bus()
    calls = Calls(bus)
    mine = bus.subscribe(PHONES, calls["mine"], name="mine")
    bus.subscribe(PHONES, calls["other"], name="other")
    bus.unsubscribe("mine")
    assert mine.is_closed
    with pytest.raises(NotRegistered, match="'mine'"):
        bus.unsubscribe("mine")
    assert calls.finish() == ["other"]


def test_unsubscribing_all(open_bus: Connect) -> None:
    bus = open_bus()
    calls = Calls(bus)
    for name in ("one", "two"):
        bus.subscribe(PHONES, calls[name], name=name)
    for name in ("one", "two"):
        bus.unsubscribe(name)
    assert list(bus.subscribing) == []
    assert calls.finish() == []


def test_an_unknown_name_cannot_be_unsubscribed(open_bus: Connect) -> None:
    with pytest.raises(NotRegistered, match="'nobody'") as caught:
        open_bus().unsubscribe("nobody")
    assert isinstance(caught.value, LookupError)


@pytest.mark.parametrize("way", ["subscription", "name"])
def test_a_closed_subscription_frees_its_name(open_bus: Connect, way: str) -> None:
    bus = open_bus()
    calls = Calls(bus)
    handler = calls["mine"]
    first = bus.subscribe(PHONES, handler, name="mine")
    if way == "subscription":
        first.close()
        with pytest.raises(NotRegistered):
            bus.unsubscribe("mine")
    else:
        bus.unsubscribe("mine")
    # The same meaning as well: what is closed is not returned again.
    second = bus.subscribe(PHONES, handler, name="mine")
    assert second is not first
    assert calls.finish() == ["mine"]


def test_a_handler_may_end_its_own_name(open_bus: Connect) -> None:
    bus = open_bus()
    got: list[Event] = []

    def once(event: Event) -> None:
        bus.unsubscribe("once")
        got.append(event)

    bus.subscribe(PHONES, once, name="once")
    bus.publish(status("1"))
    wait_until(lambda: got)
    assert list(bus.subscribing) == []


def test_each_bus_has_names_of_its_own(open_bus: Connect) -> None:
    one, two = open_bus(), open_bus()
    calls = Calls(one)
    one.subscribe(PHONES, calls["one"], name="mine")
    two.subscribe(PHONES, calls["two"], name="mine")
    two.unsubscribe("mine")
    assert calls.finish(two) == ["one"]


def test_a_replacement_that_fails_leaves_the_former(open_bus: Connect) -> None:
    bus = open_bus()
    calls = Calls(bus)
    first = bus.subscribe(PHONES, calls["first"], name="mine")
    with pytest.raises(FilterSyntaxError):
        bus.subscribe("./e:Event[", calls["second"], name="mine", replace=True)
    with pytest.raises(ConfigError, match="a handler is a function"):
        bus.subscribe(PHONES, "second", name="mine", replace=True)  # type: ignore[arg-type]
    assert list(bus.subscribing) == [first]
    with pytest.raises(FilterSyntaxError):
        bus.subscribe("./e:Event[", name="fresh")
    with pytest.raises(NotRegistered):
        bus.unsubscribe("fresh")
    assert calls.finish() == ["first"]


def test_one_of_many_at_once_gets_the_name(open_bus: Connect) -> None:
    bus = open_bus()
    calls = Calls(bus)
    outcomes: list[str] = []
    start = threading.Barrier(4)

    def take(label: str) -> None:
        handler = calls[label]
        start.wait(10.0)
        try:
            bus.subscribe(PHONES, handler, name="mine")
            outcomes.append("taken")
        except NameTaken:
            outcomes.append("refused")

    threads = [threading.Thread(target=take, args=(f"{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10.0)
    assert sorted(outcomes) == ["refused"] * 3 + ["taken"]
    assert len(calls.finish()) == 1


def test_a_subscription_without_a_handler_may_have_a_name(open_bus: Connect) -> None:
    bus = open_bus()
    subscription = bus.subscribe(PHONES, name="mine")
    assert bus.subscribe(PHONES, name="mine") is subscription
    bus.publish(status("1"))
    assert subscription.get(10.0).payload.findtext("{*}Status") == "1"
    bus.unsubscribe("mine")
    assert list(subscription) == []


def test_closing_the_bus_ends_all_names(open_bus: Connect) -> None:
    bus = open_bus()
    subscription = bus.subscribe(PHONES, print, name="mine")
    bus.close()
    assert subscription.is_closed
    with pytest.raises(NotRegistered):
        bus.unsubscribe("mine")
    with pytest.raises(ConnectionLost, match="closed"):
        bus.subscribe(PHONES, print, name="mine")
