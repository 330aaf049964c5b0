"""Production on demand: the rules alone, and the thread that follows them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clacks_events import ConfigError
from clacks_events.signals.demand import Demand, Demands, Step
from tests.harness.waiting import wait_until
from tests.signals.navigation import Producer


class Wanted(Producer):
    """A producer whose audience is a switch."""

    def __init__(self) -> None:
        super().__init__()
        self.is_wanted = False
        self.demand = Demand(lambda: self.is_wanted, self.start, self.stop)


def test_the_first_starts_and_the_last_stops() -> None:
    producer = Wanted()
    demand = producer.demand
    assert not demand.advance()
    producer.is_wanted = True
    assert next_step(demand) is Step.START
    assert demand.advance()
    assert next_step(demand) is None
    assert not demand.advance()
    producer.is_wanted = False
    assert next_step(demand) is Step.STOP
    assert demand.advance()
    assert not demand.advance()
    assert producer.steps == ["start", "stop"]


def next_step(demand: Demand) -> Step | None:
    """Look anew: mypy takes an attribute for what it was."""
    return demand.step


def test_an_ended_one_is_stopped_and_never_starts_again() -> None:
    producer = Wanted()
    producer.is_wanted = True
    producer.demand.advance()
    producer.demand.end()
    assert producer.demand.advance()
    assert not producer.demand.advance()
    assert producer.steps == ["start", "stop"]


def test_one_that_never_ran_is_not_stopped() -> None:
    producer = Wanted()
    producer.demand.end()
    producer.is_wanted = True
    assert not producer.demand.advance()
    assert producer.steps == []


@given(st.lists(st.sampled_from(["come", "go", "advance", "end"])))
def test_start_and_stop_take_turns_whatever_happens(happenings: list[str]) -> None:
    producer = Wanted()
    for happening in happenings:
        if happening == "advance":
            producer.demand.advance()
        elif happening == "end":
            producer.demand.end()
        else:
            producer.is_wanted = happening == "come"
    while producer.demand.advance():
        pass
    turns = ["start", "stop"] * len(happenings)
    assert producer.steps == turns[: len(producer.steps)]
    is_running = len(producer.steps) % 2 == 1
    assert is_running == (producer.is_wanted and "end" not in happenings)


def test_an_action_that_fails_counts_as_done(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []
    wanted = [True]

    def fail() -> None:
        raise RuntimeError("no signal from the antenna")

    demand = Demand(lambda: bool(wanted), fail, lambda: done.append("stop"))
    with caplog.at_level(logging.ERROR):
        assert demand.advance()
    assert "no signal from the antenna" in caplog.text
    wanted.clear()
    assert demand.advance()
    assert done == ["stop"]


@pytest.fixture
def demands() -> Iterator[Demands]:
    made = Demands()
    yield made
    made.close()


def test_an_end_returns_when_all_is_stopped(demands: Demands) -> None:
    producer = Wanted()
    producer.is_wanted = True
    demands.add(producer.demand)
    wait_until(lambda: producer.steps)
    demands.end(producer.demand)
    assert producer.steps == ["start", "stop"]
    demands.end(producer.demand)
    assert producer.steps == ["start", "stop"]


def test_a_slow_start_is_followed_by_its_stop(demands: Demands) -> None:
    may_go_on = threading.Event()
    steps: list[str] = []
    wanted = [True]

    def start() -> None:
        steps.append("starts")
        may_go_on.wait(10.0)
        steps.append("started")

    demand = Demand(lambda: bool(wanted), start, lambda: steps.append("stopped"))
    demands.add(demand)
    wait_until(lambda: steps)
    wanted.clear()
    looked = demands.look(demand)
    assert looked is not None
    assert not looked.is_set()
    assert steps == ["starts"]
    may_go_on.set()
    assert looked.wait(10.0)
    assert steps == ["starts", "started", "stopped"]


def test_an_action_may_end_any_producer(demands: Demands) -> None:
    one, other = Wanted(), Wanted()
    other.is_wanted = True
    demands.add(other.demand)

    def end_both() -> None:
        demands.end(other.demand)
        assert other.steps == ["start", "stop"]
        demands.end(own)
        one.start()

    own = Demand(lambda: True, end_both, one.stop)
    demands.add(own)
    wait_until(lambda: one.steps == ["start", "stop"])


def test_a_stop_that_ends_its_own_producer_runs_once(demands: Demands) -> None:
    producer = Wanted()

    def stop() -> None:
        producer.stop()
        demands.end(demand)

    demand = Demand(lambda: producer.is_wanted, producer.start, stop)
    producer.is_wanted = True
    demands.add(demand)
    wait_until(lambda: producer.steps)
    producer.is_wanted = False
    demands.end(demand)
    assert producer.steps == ["start", "stop"]


def test_start_and_stop_take_turns_whoever_tells(demands: Demands) -> None:
    running: list[int] = []
    overlaps: list[int] = []

    def act() -> None:
        running.append(1)
        overlaps.append(len(running))
        producer.steps.append("act")
        running.pop()

    producer = Wanted()
    demand = Demand(lambda: producer.is_wanted, act, act)
    demands.add(demand)

    def flip() -> None:
        for _ in range(200):
            producer.is_wanted = not producer.is_wanted
            demands.look(demand)

    threads = [threading.Thread(target=flip) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    demands.end(demand)
    assert len(producer.steps) % 2 == 0
    assert set(overlaps) <= {1}


def test_nothing_is_added_after_the_end() -> None:
    demands, producer = Demands(), Wanted()
    demands.close()
    with pytest.raises(ConfigError, match="closed"):
        demands.add(producer.demand)
    demands.end(producer.demand)
    assert producer.steps == []
