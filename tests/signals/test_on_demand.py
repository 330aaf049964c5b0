"""Signals that are produced on demand, on every transport."""

from __future__ import annotations

import threading

import pytest

from clacks_events import Bus, ConfigError
from tests.harness.waiting import wait_until
from tests.signals.navigation import OpenBus, Producer, speed


def test_the_listeners_of_a_signal_are_known(bus: Bus, open_bus: OpenBus) -> None:
    listener = open_bus("listener")
    with bus.sender("gps", types=["Speed"]) as sender:
        signal = sender.signal("Speed")
        assert signal.listeners == 0
        with listener.subscribe(types=["Position"]) as subscription:
            assert signal.listeners == 0
            with listener.subscribe(types=["GroundSpeed"]):
                wait_until(lambda: signal.listeners >= 1)
            wait_until(lambda: signal.listeners == 0)
        assert subscription.is_closed
        with bus.subscribe(types=["Speed"], source="gps"):
            wait_until(lambda: signal.listeners >= 1)


def test_a_closed_signal_asks_the_broker_no_more(bus: Bus) -> None:
    # Where the broker has to be asked, there is a thread for it while anything is watched.
    with bus.sender("gps", types=["Speed"]) as sender:
        signal = sender.signal("Speed")
        assert signal.listeners == 0
        signal.close()
        wait_until(lambda: "clacks-watch" not in {thread.name for thread in threading.enumerate()})


def test_a_signal_is_produced_on_demand(bus: Bus, open_bus: OpenBus) -> None:
    listener = open_bus("listener")
    producer = Producer()
    with bus.sender("gps", types=["Speed"]) as sender:
        sender.signal("Speed").on_demand(producer.start, producer.stop)
        assert producer.steps == []
        with listener.subscribe(types=["Speed"]), listener.subscribe(source="gps"):
            wait_until(lambda: producer.steps == ["start"])
        wait_until(lambda: producer.steps == ["start", "stop"])
        with listener.subscribe(types=["Speed"]):
            wait_until(lambda: producer.steps == ["start", "stop", "start"])
        wait_until(lambda: producer.steps == ["start", "stop"] * 2)
    assert producer.steps == ["start", "stop"] * 2


def test_who_listens_already_is_the_first(bus: Bus, open_bus: OpenBus) -> None:
    listener, producer = open_bus("listener"), Producer()
    with listener.subscribe(types=["Speed"]), bus.sender("gps", types=["Speed"]) as sender:
        signal = sender.signal("Speed")
        signal.on_demand(producer.start, producer.stop)
        wait_until(lambda: producer.steps == ["start"])
        with pytest.raises(ConfigError, match="on demand already"):
            signal.on_demand(producer.start, producer.stop)
        signal.close()
        assert producer.steps == ["start", "stop"]
    assert producer.steps == ["start", "stop"]


def test_a_sender_that_closes_stops_its_producers(bus: Bus) -> None:
    producers = {label: Producer() for label in ("a", "b")}
    with bus.subscribe(types=["Speed"]), bus.sender("gps", types=["Speed"]) as sender:
        for label, producer in producers.items():
            sender.signal("Speed", label=label).on_demand(producer.start, producer.stop)
        wait_until(lambda: all(producer.steps for producer in producers.values()))
    assert [producer.steps for producer in producers.values()] == [["start", "stop"]] * 2


def test_both_actions_may_push(bus: Bus) -> None:
    with bus.subscribe(types=["Speed"]) as got:
        with bus.sender("gps", types=["Speed"]) as sender:
            signal = sender.signal("Speed")
            signal.on_demand(lambda: signal.push(speed(1)), lambda: signal.push(speed(0)))
            assert got.get(10.0).payload.text == "1"
        assert got.get(10.0).payload.text == "0"


def test_a_stop_may_close_its_signal(bus: Bus, open_bus: OpenBus) -> None:
    listener = open_bus("listener")
    with bus.sender("gps", types=["Speed"]) as sender:
        signal = sender.signal("Speed", label="kmh")
        producer = Producer()
        signal.on_demand(producer.start, signal.close)
        with listener.subscribe(source="gps/kmh"):
            wait_until(lambda: producer.steps)
        wait_until(lambda: signal.is_closed)
        again = sender.signal("Speed", label="kmh")
        assert again is not signal
        again.on_demand(producer.start, producer.stop)
        with listener.subscribe(source="gps/kmh"):
            wait_until(lambda: producer.steps == ["start", "start"])
        wait_until(lambda: producer.steps == ["start", "start", "stop"])


def test_a_start_may_close_its_sender(bus: Bus) -> None:
    steps: list[str] = []
    sender = bus.sender("gps", types=["Speed"])

    def start() -> None:
        sender.close()
        steps.append("start")

    with bus.subscribe(types=["Speed"]):
        sender.signal("Speed").on_demand(start, lambda: steps.append("stop"))
        wait_until(lambda: steps == ["start", "stop"])
    bus.sender("gps", types=["Speed"]).close()


def test_an_action_that_fails_is_logged(bus: Bus, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise RuntimeError("no signal from the antenna")

    producer = Producer()
    with bus.subscribe(types=["Speed"]), bus.sender("gps", types=["Speed"]) as sender:
        sender.signal("Speed", label="a").on_demand(fail, producer.stop)
        sender.signal("Speed", label="b").on_demand(producer.start, producer.stop)
        wait_until(lambda: producer.steps == ["start"])
        assert "no signal from the antenna" in caplog.text


def test_what_cannot_be_called_on_demand(bus: Bus) -> None:
    async def start() -> None:
        """Never to be called."""

    with bus.sender("gps", types=["Speed"]) as sender:
        for action in (start, None, 5):
            with pytest.raises(ConfigError, match="plain functions are called"):
                sender.signal("Speed").on_demand(action, print)  # type: ignore[arg-type]
        sender.signal("Speed").on_demand(print, print)


def test_nothing_runs_after_the_end(bus: Bus) -> None:
    producer = Producer()
    with bus.sender("gps", types=["Speed"]) as sender:
        sender.signal("Speed").on_demand(producer.start, producer.stop)
        assert "clacks-demand" in {thread.name for thread in threading.enumerate()}
    assert "clacks-demand" not in {thread.name for thread in threading.enumerate()}
    with bus.subscribe(types=["Speed"]):
        assert producer.steps == []
