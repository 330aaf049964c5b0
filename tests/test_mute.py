"""A paused bus, on every transport: it sends nothing and goes on with all the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from lxml import etree

from clacks_events import (
    Bus,
    BusOptions,
    ConnectionLost,
    Event,
    EventMaker,
    InvalidEvent,
    MalformedEvent,
    NobodyListens,
    UnknownEventType,
    connect,
)
from tests.harness.waiting import wait_until

e = EventMaker()
PATIENT = BusOptions(publish_timeout=10.0, max_size=10_000)

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


def texts(events: list[Event]) -> list[str | None]:
    return [event.payload.findtext("{*}Status") for event in events]


def test_a_paused_bus_sends_nothing_and_goes_on_afterwards(open_bus: Connect) -> None:
    muted, other, got = open_bus(), open_bus(), list[Event]()
    other.subscribe(None, got.append, types=["PhoneStatus"])
    states = [muted.is_paused]
    muted.publish(status("before"))
    muted.pause()
    states.append(muted.is_paused)
    for number in range(3):
        muted.publish(status(f"{number}"))
    muted.resume()
    states.append(muted.is_paused)
    muted.publish(status("after"))
    wait_until(lambda: len(got) == 2)
    assert states == [False, True, False]
    # What was published meanwhile is lost: nothing of it comes later.
    assert texts(got) == ["before", "after"]
    assert (muted.counters.muted, muted.counters.published) == (3, 2)


def test_an_event_comes_back_stamped_as_if_it_were_sent(open_bus: Connect) -> None:
    bus = open_bus()
    bus.pause()
    event = bus.publish(status("quiet"), headers={"priority": 5})
    assert texts([event]) == ["quiet"]
    assert (event.source, event.headers) == ("node-7", {"priority": 5})
    assert event.id
    assert event.time


def test_pausing_twice_is_pausing_once(open_bus: Connect) -> None:
    bus, got = open_bus(), list[Event]()
    bus.subscribe(None, got.append)
    bus.resume()
    bus.pause()
    bus.pause()
    bus.publish(status("quiet"))
    bus.resume()
    bus.publish(status("heard"))
    wait_until(lambda: got)
    assert texts(got) == ["heard"]
    assert bus.counters.muted == 1


def test_receiving_goes_on(open_bus: Connect) -> None:
    muted, other, got = open_bus(), open_bus(), list[Event]()
    muted.pause()
    with muted.subscribe(None, got.append, types=["PhoneStatus"]):
        other.publish(status("1"))
        wait_until(lambda: texts(got) == ["1"])
    assert other.counters.muted == 0


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ("<Event", MalformedEvent),
        ("<a>" + "x" * 20_000 + "</a>", MalformedEvent),
        ("<Nobody/>", UnknownEventType),
        ("<e:PhoneStatus xmlns:e='http://www.gonicus.de/Events'/>", InvalidEvent),
    ],
    ids=["malformed", "large", "unknown", "invalid"],
)
def test_what_is_not_valid_is_refused_as_ever(
    open_bus: Connect, bad: str, error: type[Exception]
) -> None:
    bus = open_bus()
    bus.pause()
    with pytest.raises(error):
        bus.publish(bad)
    assert bus.counters.muted == 0


def test_an_element_that_is_too_large_is_refused_as_ever(open_bus: Connect) -> None:
    bus = open_bus()
    bus.pause()
    with pytest.raises(MalformedEvent, match="bytes"):
        bus.publish(status("x" * 20_000))
    assert bus.counters.muted == 0


def test_a_closed_bus_refuses_as_ever(open_bus: Connect) -> None:
    bus = open_bus()
    bus.pause()
    bus.close()
    with pytest.raises(ConnectionLost, match="closed"):
        bus.publish(status("late"))


def test_what_asks_for_confirmation_returns_like_the_others(open_bus: Connect) -> None:
    # Nobody was asked to take it: that is no failure of a bus that was told to be quiet.
    bus = open_bus()
    bus.pause()
    assert texts([bus.publish(status("quiet"), confirm=True, persistent=True)]) == ["quiet"]
    assert bus.counters.muted == 1
    bus.resume()
    with pytest.raises(NobodyListens):
        bus.publish(status("heard"), confirm=True)


def test_a_bus_is_paused_for_itself_alone(open_bus: Connect) -> None:
    muted, other, got = open_bus(), open_bus(), list[Event]()
    muted.subscribe(None, got.append, types=["PhoneStatus"])
    muted.pause()
    other.publish(status("other"))
    muted.publish(status("mine"))
    other.publish(status("end"))
    wait_until(lambda: len(got) == 2)
    assert texts(got) == ["other", "end"]
