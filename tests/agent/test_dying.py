"""Agents that are processes: killed in the middle of a call, and ended by signals."""

from __future__ import annotations

import signal
import sys
import threading
from collections import Counter
from concurrent.futures import Future
from pathlib import Path

import pytest

from clacks_events import AMQPServiceProxy, ClacksError, RpcTimeout
from tests.harness.program import Program
from tests.harness.waiting import wait_until

# Each call is written to a file before it is worked on, and again when it is done.
AGENT = """
import os, sys, time
from clacks_events.agent import Agent

url, name, path = sys.argv[1:]
agent = Agent(url, name=name, workers=4)
notes = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def note(what, number):
    os.write(notes, f"{what} {name} {number}\\n".encode())

def work(number: int, seconds: float) -> str:
    note("begin", number)
    if seconds:
        print(f"at work on {number}", file=sys.stderr, flush=True)
        time.sleep(seconds)
    note("end", number)
    return name

agent.commands.add(work, name="once")
agent.commands.add(work, name="again", idempotent=True)
agent.start()
print("serving", file=sys.stderr, flush=True)
agent.run()
print("left", file=sys.stderr, flush=True)
"""
CALLERS, EACH = 20, 20
LONG = 60.0  # seconds that a call takes which is not to end


def agent_process(url: str, name: str, notes: Path) -> Program:
    command = (sys.executable, "-c", AGENT)
    program = Program(url, name, notes, command=command)
    program.wait_for("serving")
    return program


def noted(notes: Path, what: str) -> Counter[str]:
    lines = notes.read_text().splitlines() if notes.exists() else []
    return Counter(line.rpartition(" ")[2] for line in lines if line.startswith(what))


class Caller:
    """Makes calls one after the other, and notes what came of each."""

    def __init__(self, url: str, first: int, method: str) -> None:
        self.done: dict[int, str] = {}
        self.failed: dict[int, ClacksError] = {}
        self._url = url
        self._numbers = range(first, first + EACH)
        self._method = method
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        with AMQPServiceProxy(self._url, timeout=10.0) as proxy:
            for number in self._numbers:
                try:
                    self.done[number] = proxy[self._method](number, 0.0)
                except ClacksError as error:
                    self.failed[number] = error


@pytest.mark.parametrize("method", ["again", "once"])
def test_an_agent_is_killed_while_twenty_call(amqp_url: str, tmp_path: Path, method: str) -> None:
    notes = tmp_path / "notes"
    with (
        agent_process(amqp_url, "mortal", notes) as mortal,
        agent_process(amqp_url, "other", notes),
    ):
        callers = [Caller(amqp_url, number * 1000, method) for number in range(CALLERS)]
        wait_until(lambda: sum(len(caller.done) for caller in callers) >= 100, 30.0)
        mortal.process.kill()
        for caller in callers:
            caller.thread.join(30.0)
            assert not caller.thread.is_alive()
    answered = [number for caller in callers for number in caller.done]
    failed = [error for caller in callers for error in caller.failed.values()]
    assert len(answered) + len(failed) == CALLERS * EACH
    assert {name for caller in callers for name in caller.done.values()} == {"mortal", "other"}
    begun = noted(notes, "begin")
    if method == "again":
        assert failed == []
        assert max(begun.values()) <= 2
    else:
        # Only what the one had begun is lost, and nothing is done twice.
        assert all(isinstance(error, RpcTimeout) for error in failed)
        assert len(failed) <= 4
        assert max(begun.values()) == 1


@pytest.mark.parametrize("url", ["zmq", "amqp"], indirect=True)
def test_a_call_that_its_agent_died_with_goes_on_with_another(url: str, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    with AMQPServiceProxyLater(url) as later, agent_process(url, "mortal", notes) as mortal:
        proxy = later.open()
        calls: list[Future[object]] = [
            proxy.again.future(1, LONG),
            proxy.once.future(2, LONG),
            proxy.timeout(3.0).once.future(3, LONG),
            proxy.again.future(4, LONG),
            # Nobody has begun with this one.
            proxy.once.future(5, 0.0),
        ]
        for number in range(1, 5):
            mortal.wait_for(f"at work on {number}")
        mortal.process.kill()
        mortal.wait()
        with agent_process(url, "other", notes) as other:
            assert calls[4].result(20.0) == "other"
            for number in (1, 4):
                other.wait_for(f"at work on {number}")
            # What is begun and may not be done twice ends in an error, not in silence.
            assert isinstance(calls[2].exception(20.0), ClacksError)
            # A call is given to another one once: whoever dies with it may die of it.
            other.process.kill()
            other.wait()
        with agent_process(url, "third", notes) as third:
            assert proxy.once(6, 0.0) == "third"
            assert third.err.count("at work") == 0
    assert noted(notes, "begin") == {"1": 2, "2": 1, "3": 1, "4": 2, "5": 1, "6": 1}


class AMQPServiceProxyLater:
    """Opens a proxy when there is an agent to ask."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opened: list[AMQPServiceProxy] = []

    def open(self) -> AMQPServiceProxy:
        self._opened.append(AMQPServiceProxy(self._url, timeout=60.0))
        return self._opened[-1]

    def __enter__(self) -> AMQPServiceProxyLater:
        return self

    def __exit__(self, *exc_info: object) -> None:
        for proxy in self._opened:
            proxy.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_what_runs_end(zmq_url: str, tmp_path: Path, number: signal.Signals) -> None:
    with agent_process(zmq_url, "one", tmp_path / "notes") as program:
        with AMQPServiceProxy(zmq_url) as proxy:
            call = proxy.once.future(1, 0.5)
            program.wait_for("at work on 1")
            program.process.send_signal(number)
            assert call.result(20.0) == "one"
        assert program.wait() == 0
        assert "left" in program.err
        assert "Traceback" not in program.err


def test_a_second_signal_ends_it_at_once(zmq_url: str, tmp_path: Path) -> None:
    with (
        agent_process(zmq_url, "one", tmp_path / "notes") as program,
        AMQPServiceProxy(zmq_url, timeout=1.0) as proxy,
    ):
        call = proxy.once.future(1, LONG)
        program.wait_for("at work on 1")
        program.process.send_signal(signal.SIGTERM)
        # It takes no more calls: that is how to see that it is leaving.
        wait_until(lambda: takes_no_calls(proxy))
        assert program.end(signal.SIGTERM) == -signal.SIGTERM
        assert isinstance(call.exception(20.0), ClacksError)


def takes_no_calls(proxy: AMQPServiceProxy) -> bool:
    try:
        proxy.timeout(0.2).ping()
    except RpcTimeout:
        return True
    return False
