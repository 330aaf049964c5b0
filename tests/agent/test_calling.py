"""The proxy: methods, futures, async calls, batches and timeouts, on every transport."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, as_completed

import pytest

from clacks_events import (
    AccessDenied,
    AMQPServiceProxy,
    BusOptions,
    ConfigError,
    ConnectionLost,
    RemoteError,
    RpcError,
    RpcTimeout,
    UnknownCommand,
)
from clacks_events.agent import Agent, AgentOptions
from clacks_events.agent.policy import Policy, Rule
from clacks_events.agent.rule import Effect
from tests.harness.waiting import wait_until


class Desk:
    """What the agent of these tests offers."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()

    def add(self, a: int, b: int = 1) -> int:
        return a + b

    def wait(self, timeout: float = 0.0) -> float:
        assert self.may_answer.wait(30.0)
        return timeout


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.may_answer.set()


@pytest.fixture
def agent(url: str, desk: Desk) -> Iterator[Agent]:
    options = AgentOptions(bus=BusOptions(watch_schemas=False))
    running = Agent(url, name="one", options=options)
    running.command(desk.add)
    running.command(desk.wait)
    running.commands.add(desk.add, name="accounts.add")
    with running:
        yield running
        # Nothing to wait for at the end.
        desk.may_answer.set()


@pytest.fixture
def proxy(url: str, agent: Agent) -> Iterator[AMQPServiceProxy]:
    assert agent.name
    with AMQPServiceProxy(url, timeout=10.0) as connected:
        yield connected


def test_methods_are_known_at_once(url: str, agent: Agent, proxy: AMQPServiceProxy) -> None:
    calls = agent.counters.calls
    assert {"add", "wait", "ping", "sendEvent", "timeout", "batch"} <= set(dir(proxy))
    assert repr(proxy.add) == "<command add(a, b) of clacks.agent>"
    assert repr(proxy) == f"<AMQPServiceProxy of clacks.agent at {url.replace(':secret', '')}>"
    assert proxy.ping.__doc__ is not None
    assert proxy.ping.__doc__.startswith("Return which node answers")
    # None of this asked the agent.
    assert agent.counters.calls == calls
    assert proxy.add(1) == proxy["accounts.add"](1) == proxy.add(b=1, a=1) == 2


def test_an_unknown_method_is_told_with_near_ones(agent: Agent, proxy: AMQPServiceProxy) -> None:
    with pytest.raises(UnknownCommand, match=r"no command 'ad'; did you mean add"):
        proxy.ad  # noqa: B018
    with pytest.raises(AttributeError, match=r"no command 'nothing at all'$"):
        proxy["nothing at all"]
    with proxy.batch() as batch, pytest.raises(UnknownCommand):
        batch.ad()
    assert not hasattr(proxy, "_repr_html_")
    agent.commands.add(lambda: "new", name="learnt")
    assert proxy.learnt() == "new"


def test_futures_are_done_side_by_side(desk: Desk, proxy: AMQPServiceProxy) -> None:
    slow: Future[object] = proxy.wait.future()
    quick = [proxy.add.future(number) for number in range(20)]
    assert sorted(future.result() for future in as_completed(quick, 10.0)) == list(range(1, 21))
    assert not slow.done()
    desk.may_answer.set()
    assert slow.result(10.0) == 0.0
    with pytest.raises(RemoteError, match="Expected `int`"):
        proxy.add.future("x").result(10.0)
    with pytest.raises(RpcError, match="all positional or all named"):
        proxy.add.future(1, b=1)


def test_a_callback_may_make_calls(proxy: AMQPServiceProxy) -> None:
    got: list[object] = []
    proxy.add.future(1).add_done_callback(lambda done: got.append(proxy.add(done.result())))
    wait_until(lambda: got == [3])


def test_a_future_that_is_cancelled_stays_so(desk: Desk, proxy: AMQPServiceProxy) -> None:
    future = proxy.wait.future()
    assert future.cancel()
    desk.may_answer.set()
    with pytest.raises(CancelledError):
        future.result(10.0)
    assert proxy.add(1) == 2


def test_calls_can_be_awaited(desk: Desk, proxy: AMQPServiceProxy) -> None:
    async def main() -> list[object]:
        slow = asyncio.create_task(proxy.wait.aio())
        found = await asyncio.gather(*(proxy.add.aio(number) for number in range(10)))
        assert not slow.done()
        desk.may_answer.set()
        with pytest.raises(RemoteError, match="Expected `int`"):
            await proxy.add.aio("x")
        return [*found, await slow]

    assert asyncio.run(main()) == [*range(1, 11), 0.0]


def test_a_timeout_counts_for_each_kind_of_call(desk: Desk, proxy: AMQPServiceProxy) -> None:
    brief = proxy.timeout(0.05)
    message = r"nobody answered wait within 0\.05 s; does an agent serve clacks\.agent at "
    with pytest.raises(RpcTimeout, match=message):
        brief.wait()
    with pytest.raises(TimeoutError, match=message):
        brief.wait.future().result(10.0)
    with pytest.raises(RpcTimeout, match=message):
        asyncio.run(brief.wait.aio())
    with pytest.raises(RpcTimeout, match="nobody answered a batch"), brief.batch() as batch:
        late = batch.wait()
    assert isinstance(late.exception(), RpcTimeout)
    # The proxy's own is as it was.
    desk.may_answer.set()
    assert proxy.add(1) == 2
    assert brief["add"](1) == 2


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
def test_a_timeout_that_cannot_be(url: str, proxy: AMQPServiceProxy, seconds: float) -> None:
    with pytest.raises(ConfigError, match="a timeout is above 0"):
        proxy.timeout(seconds).add(1)
    with pytest.raises(ConfigError, match="a timeout is above 0"):
        AMQPServiceProxy(url, timeout=seconds)


def test_a_parameter_may_be_called_timeout(desk: Desk, proxy: AMQPServiceProxy) -> None:
    desk.may_answer.set()
    assert proxy.wait(timeout=1.5) == 1.5


def test_a_batch_brings_a_result_or_an_error_for_each(
    agent: Agent, proxy: AMQPServiceProxy
) -> None:
    with proxy.batch() as batch:
        first = batch.add(1)
        wrong = batch.add("x")
        named = batch["accounts.add"](a=2, b=3)
        assert not first.done()
    assert (first.result(), named.result()) == (2, 5)
    with pytest.raises(RemoteError, match="Expected `int`"):
        wrong.result()
    calls = agent.counters.calls
    with proxy.batch():
        pass
    abandoned = fail_in_a_batch(proxy)
    assert abandoned.cancelled()
    assert agent.counters.calls == calls


def fail_in_a_batch(proxy: AMQPServiceProxy) -> Future[object]:
    with contextlib.suppress(KeyError), proxy.batch() as batch:
        abandoned: Future[object] = batch.add(1)
        raise KeyError
    return abandoned


def test_a_batch_has_a_bound(proxy: AMQPServiceProxy) -> None:
    assert add_in_a_batch(proxy, 1000) == list(range(1, 1001))
    with pytest.raises(ConfigError, match="at most 1000 calls, not 1001"):
        add_in_a_batch(proxy, 1001)


def add_in_a_batch(proxy: AMQPServiceProxy, times: int) -> list[object]:
    with proxy.batch() as batch:
        results = [batch.add(number) for number in range(times)]
    return [result.result() for result in results]


def test_who_closes_the_proxy_ends_its_calls(url: str, agent: Agent) -> None:
    assert agent.name
    proxy = AMQPServiceProxy(url)
    pending = proxy.wait.future()
    proxy.close()
    with pytest.raises(ConnectionLost):
        pending.result(10.0)
    with pytest.raises(ConnectionLost):
        proxy.add(1)


def test_many_threads_share_a_proxy(proxy: AMQPServiceProxy) -> None:
    wrong: list[object] = []

    def call(first: int) -> None:
        try:
            for number in range(first, first + 25):
                assert proxy.add(number) == number + 1
        except Exception as error:  # noqa: BLE001 - reported by the main thread
            wrong.append(error)

    threads = [threading.Thread(target=call, args=(n * 100,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_who_may_not_ask_for_the_methods_may_call() -> None:
    rules = (Rule("rule 1", Effect.ALLOW, commands=("ping", "sendEvent")),)
    with (
        Agent("memory://unlisted", policy=Policy(rules)),
        AMQPServiceProxy("memory://unlisted") as proxy,
    ):
        assert proxy.ping()
        with pytest.raises(AccessDenied, match="calling the command 'getNodes' is not permitted"):
            proxy.getNodes()
