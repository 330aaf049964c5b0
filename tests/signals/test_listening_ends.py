"""The end of listening, on every transport: of one listener, of the last one, of the bus."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clacks_events import Bus, BusOptions, ConnectionLost, Event, connect
from tests.harness.broker import Broker
from tests.harness.waiting import wait_until
from tests.signals.cars import car, numbers, opener, put_schema

Connect = Callable[..., Bus]


@pytest.fixture
def open_bus(url: str, tmp_path: Path) -> Iterator[Connect]:
    with opener(url, tmp_path / "car") as open_one:
        yield open_one


def test_the_last_listener_may_close_itself(open_bus: Connect) -> None:
    bus, got = open_bus(), list[Event]()

    def once(event: Event) -> None:
        listener.close()
        got.append(event)

    listener = bus.listen(once)
    bus.publish(car("Speed", 1))
    wait_until(lambda: got and not list(bus.subscribing))
    bus.publish(car("Speed", 2))
    with bus.listen(got.append, sender="gps"):
        bus.publish(car("Speed", 3))
        wait_until(lambda: len(got) == 2)
    assert numbers(got) == [1, 3]


@pytest.mark.parametrize("is_last", [False, True])
def test_once_closed_it_is_not_called_for_what_is_handled_later(
    open_bus: Connect, is_last: bool
) -> None:
    bus, got, others = open_bus(), list[Event](), list[Event]()
    started, go_on = threading.Event(), threading.Event()

    def slow(event: Event) -> None:
        got.append(event)
        started.set()
        go_on.wait(10.0)

    listener = bus.listen(slow)
    if not is_last:
        bus.listen(others.append)
    for number in range(3):
        bus.publish(car("Speed", number))
    wait_until(lambda: started.is_set() and bus.counters.received == 3)
    closing = threading.Thread(target=listener.close)
    closing.start()
    wait_until(lambda: listener.is_closed)
    if not is_last:
        # Whoever closes it need not wait for the call that goes on.
        closing.join(10.0)
        assert not closing.is_alive()
    go_on.set()
    closing.join(10.0)
    assert not closing.is_alive()
    if not is_last:
        wait_until(lambda: len(others) == 3)
    assert numbers(got) == [0]


def test_closing_the_bus_finishes_what_has_arrived(open_bus: Connect) -> None:
    bus, got = open_bus(), list[Event]()
    started, go_on = threading.Event(), threading.Event()

    def slow(event: Event) -> None:
        started.set()
        go_on.wait(10.0)
        got.append(event)

    listener = bus.listen(slow, sender="gps")
    for number in range(3):
        bus.publish(car("Speed", number))
    wait_until(lambda: started.is_set() and bus.counters.received == 3)
    closing = threading.Thread(target=bus.close)
    closing.start()
    go_on.set()
    closing.join(10.0)
    assert numbers(got) == [0, 1, 2]
    listener.close()
    with pytest.raises(ConnectionLost, match="closed"):
        bus.listen(slow)


def test_whoever_comes_after_the_last_does_not_hear_what_was_left(open_bus: Connect) -> None:
    bus, got, anew = open_bus(), list[Event](), list[Event]()
    started, go_on = threading.Event(), threading.Event()

    def slow(event: Event) -> None:
        got.append(event)
        started.set()
        go_on.wait(10.0)
        # Nobody who closes a listener keeps a handler from adding one.
        bus.listen(anew.append, type="Speed")

    last = bus.listen(slow, sender="gps")
    for number in range(3):
        bus.publish(car("Speed", number))
    wait_until(lambda: started.is_set() and bus.counters.received == 3)
    closing = threading.Thread(target=last.close)
    closing.start()
    wait_until(lambda: not list(bus.subscribing))
    bus.listen(anew.append, sender="gps")
    go_on.set()
    closing.join(10.0)
    assert not closing.is_alive()
    bus.publish(car("Speed", 3))
    wait_until(lambda: len(anew) == 2)
    assert (numbers(got), numbers(anew)) == ([0], [3, 3])


def test_without_the_broker_a_listener_is_refused_and_the_others_stay(
    private_broker: Broker, tmp_path: Path
) -> None:
    directory = put_schema(tmp_path / "car")
    heard: list[Event] = []
    others: list[Event] = []
    options = BusOptions(publish_timeout=0.5)
    with connect(private_broker.url, schemas=[directory], options=options) as bus:
        bus.listen(heard.append, sender="gps")
        gone = bus.listen(others.append, sender="radar")
        private_broker.stop()
        with pytest.raises(ConnectionLost):
            bus.listen(others.append, type="Speed")
        gone.close()
        private_broker.start()
        wait_until(lambda: bus.counters.reconnects >= 1, 30.0)

        def hears() -> bool:
            bus.publish(car("Speed"))
            bus.publish(car("Speed", source="radar"))
            return bool(heard)

        wait_until(hears, 30.0, interval=0.2)
        bus.close()
        assert {event.source for event in heard} == {"gps"}
        assert others == []
