"""An agent under load and at its end, on every transport."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from clacks_events import (
    AMQPServiceProxy,
    BusOptions,
    ConfigError,
    RemoteError,
    RpcTimeout,
    connect,
)
from clacks_events.agent import Agent, AgentOptions
from clacks_events.rpc import TOO_BUSY
from tests.harness.waiting import wait_until

OPTIONS = AgentOptions(backlog=3, bus=BusOptions(watch_schemas=False))


class Gate:
    """A command that says that it runs, and ends when it may."""

    def __init__(self) -> None:
        self.entered: list[int] = []
        self.ended: list[int] = []
        self._is_open = threading.Event()

    def pass_through(self, number: int) -> int:
        self.entered.append(number)
        assert self._is_open.wait(30.0)
        self.ended.append(number)
        return number

    def open(self) -> None:
        self._is_open.set()


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.open()


def agent_at(
    url: str, name: str, gate: Gate, *, idempotent: bool = False, workers: int = 2
) -> Agent:
    agent = Agent(url, name=name, workers=workers, options=OPTIONS)
    agent.commands.add(gate.pass_through, name="wait", idempotent=idempotent)
    return agent


def test_a_flood_is_held_up_to_a_bound_and_then_refused(url: str, gate: Gate) -> None:
    with agent_at(url, "one", gate) as agent, AMQPServiceProxy(url, timeout=30.0) as proxy:
        calls: list[Future[object]] = [proxy.wait.future(0), proxy.wait.future(1)]
        wait_until(lambda: len(gate.entered) == 2)
        calls += [proxy.wait.future(number) for number in range(2, 25)]
        wait_until(lambda: sum(call.done() for call in calls) == 20)
        for call in calls:
            if call.done():
                with pytest.raises(RemoteError, match="too busy: 3 calls wait already") as caught:
                    call.result()
                assert caught.value.code == TOO_BUSY
        assert agent.counters.refused == 20
        assert len(gate.entered) == 2
        gate.open()
        left = [call.result(10.0) for call in calls if not call.exception(10.0)]
        assert len(left) == 5
        assert proxy.wait(7) == 7


def test_a_call_that_waited_for_too_long_is_not_carried_out(url: str, gate: Gate) -> None:
    with agent_at(url, "one", gate, workers=1) as agent, AMQPServiceProxy(url) as proxy:
        first = proxy.wait.future(1)
        wait_until(lambda: gate.entered)
        with pytest.raises(RpcTimeout):
            proxy.timeout(0.05).wait(2)
        # The agent counts from when it got the call.
        due = time.monotonic() + 0.05
        wait_until(lambda: time.monotonic() > due)
        gate.open()
        assert first.result(10.0) == 1
        assert proxy.wait(3) == 3
        assert gate.entered == [1, 3]
        # Those brokers that forget such calls by themselves hand over none of them.
        assert agent.counters.expired <= 1


def test_an_answer_that_comes_too_late_is_dropped_and_counted(
    url: str, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    with agent_at(url, "one", gate) as agent, AMQPServiceProxy(url) as proxy:
        call = proxy.timeout(0.1).wait.future(1)
        wait_until(lambda: gate.entered)
        due = time.monotonic() + 0.1
        wait_until(lambda: time.monotonic() > due)
        gate.open()
        wait_until(lambda: agent.counters.dropped == 1)
        assert isinstance(call.exception(10.0), RpcTimeout)
        assert "does not wait for an answer any more" in caplog.text
        assert proxy.wait(2) == 2


def test_an_answer_to_who_is_gone_is_dropped_and_counted(url: str, gate: Gate) -> None:
    with connect(url), agent_at(url, "one", gate) as agent:
        with AMQPServiceProxy(url, timeout=60.0) as proxy:
            proxy.wait.future(1)
            wait_until(lambda: gate.entered)
            # Those who carry out a call for longer than this look whether its caller is there.
            due = time.monotonic() + 0.15
            wait_until(lambda: time.monotonic() > due)
        with AMQPServiceProxy(url) as other:
            assert other.ping()
            gate.open()
            wait_until(lambda: agent.counters.dropped == 1)
            assert other.wait(2) == 2


def test_counters_tell_what_became_of_calls(url: str, gate: Gate) -> None:
    gate.open()
    with agent_at(url, "one", gate) as agent, AMQPServiceProxy(url) as proxy:
        assert proxy.wait(1) == 1
        with pytest.raises(RemoteError):
            proxy.wait("x")
        agent.commands.add(lambda: 1 // 0, name="fail")
        with pytest.raises(RemoteError, match="the command failed"):
            proxy.fail()
        # Two of these are the proxy's question for the methods.
        assert agent.counters.as_dict() == {
            "calls": 5,
            "failed": 1,
            "refused": 1,
            "expired": 0,
            "dropped": 0,
        }


def test_who_closes_finishes_what_runs_and_leaves_the_rest_to_others(url: str, gate: Gate) -> None:
    other = Gate()
    other.open()
    # In memory nothing outlives the last bus of a name.
    with connect(url), AMQPServiceProxyAt(url) as opened:
        leaving = agent_at(url, "leaving", gate, workers=1)
        leaving.start()
        proxy = opened.proxy()
        calls = [proxy.wait.future(number) for number in range(3)]
        wait_until(lambda: gate.entered)
        thread = threading.Thread(target=leaving.close)
        thread.start()
        with agent_at(url, "staying", other):
            wait_until(lambda: calls[1].done() and calls[2].done())
            assert not calls[0].done()
            gate.open()
            assert [call.result(10.0) for call in calls] == [0, 1, 2]
            thread.join(10.0)
            assert not thread.is_alive()
    assert (gate.ended, sorted(other.ended)) == ([0], [1, 2])


class AMQPServiceProxyAt:
    """Opens a proxy when there is an agent to ask."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._proxy: AMQPServiceProxy | None = None

    def proxy(self) -> AMQPServiceProxy:
        self._proxy = AMQPServiceProxy(self._url, timeout=30.0)
        return self._proxy

    def __enter__(self) -> AMQPServiceProxyAt:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._proxy is not None:
            self._proxy.close()


@pytest.mark.parametrize("idempotent", [True, False])
def test_a_call_that_runs_while_its_agent_leaves_runs_once(
    url: str, gate: Gate, idempotent: bool
) -> None:
    other = Gate()
    other.open()
    leaving = agent_at(url, "leaving", gate, idempotent=idempotent)
    leaving.start()
    with AMQPServiceProxy(url, timeout=30.0) as proxy:
        call = proxy.wait.future(1)
        wait_until(lambda: gate.entered)
        with agent_at(url, "staying", other, idempotent=idempotent):
            thread = threading.Thread(target=leaving.close)
            thread.start()
            assert proxy.wait(2) == 2
            gate.open()
            assert call.result(10.0) == 1
            thread.join(10.0)
            assert proxy.wait(3) == 3
    assert other.ended == [2, 3]


def test_what_does_not_end_is_given_up(
    url: str, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    options = AgentOptions(stop_timeout=0.1, bus=BusOptions(watch_schemas=False))
    agent = Agent(url, name="one", options=options)
    agent.commands.add(gate.pass_through, name="wait")
    agent.start()
    with AMQPServiceProxy(url) as proxy:
        proxy.wait.future(1)
        wait_until(lambda: gate.entered)
        agent.close()
    assert "leaves with calls that run for 0.1 s" in caplog.text


def test_each_node_is_called_by_its_name(url: str) -> None:
    with Agent(url, name="a"), Agent(url, name="b"):
        for name in ("a", "b"):
            with AMQPServiceProxy(url, node=name) as proxy:
                assert {proxy.ping()["name"] for _ in range(5)} == {name}
        with AMQPServiceProxy(url) as proxy:
            seen: set[str] = set()
            wait_until(lambda: seen.add(proxy.ping()["name"]) or len(seen) == 2)  # type: ignore[func-returns-value]
        with pytest.raises(RpcTimeout, match=r"clacks\.agent\.c at"):
            AMQPServiceProxy(url, node="c", timeout=0.2)


def test_it_serves_from_start_to_close(url: str) -> None:
    with connect(url) as bus:
        agent = Agent(bus, name="one")
        with pytest.raises(RpcTimeout):
            AMQPServiceProxy(url, timeout=0.2)
        agent.start()
        agent.start()
        with AMQPServiceProxy(url) as proxy:
            assert proxy.ping()["name"] == "one"
        agent.close()
        agent.close()
        with pytest.raises(RpcTimeout):
            AMQPServiceProxy(url, timeout=0.2)
        with pytest.raises(ConfigError, match="agent 'one' is closed"):
            agent.start()
        # The bus stays its owner's.
        bus.publish(bus.catalog.sample("NodeLeave"))
        with Agent(bus, name="two"), AMQPServiceProxy(url) as proxy:
            assert proxy.ping()["name"] == "two"


def test_closing_ends_run_and_a_command_may_close(url: str) -> None:
    agent = Agent(url, name="one")
    agent.commands.add(agent.close, name="stop")
    runner = threading.Thread(target=agent.run)
    runner.start()
    with AMQPServiceProxy(url) as proxy:
        proxy.stop.future()
        runner.join(10.0)
        assert not runner.is_alive()


def test_an_agent_leaves_nothing_behind(url: str) -> None:
    with connect(url) as bus:
        before = set(threading.enumerate())
        with Agent(bus, name="one"), AMQPServiceProxy(url) as proxy:
            assert proxy.ping.future().result(10.0)
        wait_until(lambda: set(threading.enumerate()) <= before)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"workers": 0}, "at least 1 worker"),
        ({"options": AgentOptions(backlog=-1)}, "a backlog of at least 0"),
        ({"name": ""}, "the name of a node is not empty"),
        ({"name": "x" * 250}, "the name of an agent has 1 to 255 bytes"),
        ({"queue": ""}, "the name of an agent"),
        ({"policy": "/nowhere/policy.toml"}, "policy.toml: No such file"),
        ({"schemas": ["/x"]}, "has its schemas and options already"),
        ({"options": AgentOptions(status_interval=0)}, "0"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing_behind(
    options: dict[str, object], reason: str
) -> None:
    with connect("memory://refused") as bus:
        before = set(threading.enumerate())
        with pytest.raises(ConfigError, match=reason):
            Agent(bus, **options)  # type: ignore[arg-type]
        assert set(threading.enumerate()) == before


def test_an_agent_that_cannot_start_leaves_nothing_behind() -> None:
    before = set(threading.enumerate())
    with pytest.raises(ConfigError):
        Agent("memory://refused", workers=0)
    with pytest.raises(ConfigError):
        Agent("memory://refused", options=AgentOptions(node_timeout=-1))
    wait_until(lambda: set(threading.enumerate()) <= before)
