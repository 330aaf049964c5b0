"""Jobs on the thread that a bus has for them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from functools import partial
from queue import SimpleQueue

import pytest

from clacks_events.errors import ConfigError, ConnectionLost
from clacks_events.signals.pulse import Cancel, Pulse
from tests.harness.waiting import wait_until


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def pulse() -> Iterator[Pulse]:
    made = Pulse()
    yield made
    made.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timed(clock: Clock) -> Iterator[Pulse]:
    made = Pulse(clock)
    yield made
    made.close()


def look(pulse: Pulse) -> None:
    """Let the thread look at a clock that was set, and deal with what is due."""
    seen = threading.Event()
    pulse.after(0.0, seen.set)
    assert seen.wait(10.0)


def test_a_job_runs_once_after_its_delay(timed: Pulse, clock: Clock) -> None:
    runs: list[float] = []
    timed.after(30.0, lambda: runs.append(clock.now))
    clock.now += 29.0
    look(timed)
    assert runs == []
    clock.now += 1.0
    look(timed)
    clock.now += 100.0
    look(timed)
    assert runs == [1030.0]


def test_a_job_runs_again_and_again(timed: Pulse, clock: Clock) -> None:
    runs: list[float] = []
    timed.every(10.0, lambda: runs.append(clock.now))
    look(timed)
    for _ in range(4):
        clock.now += 5.0
        look(timed)
    assert runs == [1010.0, 1020.0]


def test_rounds_that_were_missed_are_left_out(timed: Pulse, clock: Clock) -> None:
    runs: list[float] = []
    timed.every(10.0, lambda: runs.append(clock.now))
    clock.now += 55.0
    look(timed)
    assert runs == [1055.0]
    clock.now = 1059.0
    look(timed)
    clock.now = 1060.0
    look(timed)
    assert runs == [1055.0, 1060.0]


def test_jobs_run_in_the_order_of_their_times(timed: Pulse, clock: Clock) -> None:
    runs: list[str] = []
    timed.after(3.0, lambda: runs.append("third"))
    timed.after(1.0, lambda: runs.append("first"))
    timed.after(2.0, lambda: runs.append("second"))
    timed.after(3.0, lambda: runs.append("fourth"))
    clock.now += 3.0
    look(timed)
    wait_until(lambda: len(runs) == 4)
    assert runs == ["first", "second", "third", "fourth"]


def test_what_is_cancelled_does_not_run(timed: Pulse, clock: Clock) -> None:
    runs: list[str] = []
    for cancel in (
        timed.after(1.0, lambda: runs.append("once")),
        timed.every(1.0, lambda: runs.append("often")),
    ):
        cancel()
        cancel()
    clock.now += 5.0
    look(timed)
    assert runs == []


def test_a_job_may_cancel_itself(timed: Pulse, clock: Clock) -> None:
    runs: list[float] = []
    cancels: list[Cancel] = []

    def once() -> None:
        runs.append(clock.now)
        cancels[0]()

    cancels.append(timed.every(1.0, once))
    for _ in range(3):
        clock.now += 1.0
        look(timed)
    assert runs == [1001.0]


def test_many_that_are_cancelled_keep_none_from_running(timed: Pulse, clock: Clock) -> None:
    runs: list[int] = []
    cancels = [timed.after(1.0, partial(runs.append, number)) for number in range(500)]
    for cancel in cancels[:-1]:
        cancel()
    clock.now += 1.0
    look(timed)
    assert runs == [499]


def test_the_real_clock(pulse: Pulse) -> None:
    runs: SimpleQueue[str] = SimpleQueue()
    pulse.after(0.02, lambda: runs.put("later"))
    pulse.every(0.005, lambda: runs.put("often"))
    seen = [runs.get(timeout=10.0)]
    while seen[-1] != "later":
        seen.append(runs.get(timeout=10.0))
    assert runs.get(timeout=10.0) == "often"


def test_all_jobs_share_a_thread_that_starts_with_the_first(pulse: Pulse) -> None:
    before = set(threading.enumerate())
    ran: SimpleQueue[threading.Thread] = SimpleQueue()
    pulse.after(0.0, lambda: ran.put(threading.current_thread()))
    pulse.every(0.001, lambda: ran.put(threading.current_thread()))
    found = {ran.get(timeout=10.0) for _ in range(3)}
    (thread,) = found
    assert thread.daemon
    assert thread not in before


def test_a_job_that_fails_is_logged_and_stops_nothing(
    pulse: Pulse, caplog: pytest.LogCaptureFixture
) -> None:
    runs: list[int] = []

    def fail() -> None:
        runs.append(1)
        raise RuntimeError("broken job")

    with caplog.at_level(logging.ERROR):
        pulse.every(0.001, fail)
        wait_until(lambda: len(runs) >= 3)
    assert "a periodic job failed" in caplog.text
    assert "broken job" in caplog.text


def test_closing_waits_for_the_job_that_runs_and_drops_the_others(pulse: Pulse) -> None:
    begun, release, runs = threading.Event(), threading.Event(), list[str]()

    def slow() -> None:
        begun.set()
        release.wait(10.0)
        runs.append("slow")

    pulse.after(0.0, slow)
    pulse.after(0.0, lambda: runs.append("dropped"))
    assert begun.wait(10.0)
    closing = threading.Thread(target=pulse.close)
    closing.start()
    wait_until(lambda: _is_closed(pulse))
    assert closing.is_alive()
    release.set()
    closing.join(10.0)
    assert runs == ["slow"]
    pulse.close()


def _is_closed(pulse: Pulse) -> bool:
    try:
        pulse.after(1e6, lambda: None)
    except ConnectionLost:
        return True
    return False


def test_a_job_may_close_the_pulse(pulse: Pulse) -> None:
    pulse.after(0.0, pulse.close)
    wait_until(lambda: _is_closed(pulse))
    with pytest.raises(ConnectionLost, match="the bus is closed"):
        pulse.every(1.0, lambda: None)


def test_closing_what_never_ran() -> None:
    Pulse().close()


@pytest.mark.parametrize("interval", [0.0, -1.0, float("nan"), float("inf")])
def test_an_interval_that_is_none_is_refused(pulse: Pulse, interval: float) -> None:
    with pytest.raises(ConfigError, match="an interval is a number of seconds above 0, not"):
        pulse.every(interval, lambda: None)


@pytest.mark.parametrize("delay", [float("nan"), float("inf")])
def test_a_delay_that_is_none_is_refused(pulse: Pulse, delay: float) -> None:
    with pytest.raises(ConfigError, match="a delay is a number of seconds, not"):
        pulse.after(delay, lambda: None)
