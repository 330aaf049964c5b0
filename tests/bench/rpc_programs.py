"""The programs that bench_rpc.py runs: who serves and who calls, with this package and others.

As nameko_rival.py: ``serve-… URL`` says ``ready`` and serves, ``call-… URL`` makes a round of
calls for each line of standard input and prints how many seconds it took.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from clacks_events import AMQPServiceProxy, BusOptions
from clacks_events.agent import Agent, AgentOptions
from tests.bench.nameko_rival import CALLERS, EACH
from tests.harness.broker import connected

kombu: Any = import_module("kombu")
ECHO = "bench.echo"


def add(a: int, b: int) -> int:
    return a + b


def serve_ours(url: str) -> None:
    options = AgentOptions(bus=BusOptions(watch_schemas=False))
    agent = Agent(url, name=f"node-{id(options)}", options=options)
    agent.command(add)
    agent.start()
    print("ready", flush=True)
    agent.run()


def call_ours(url: str) -> None:
    with ExitStack() as stack, ThreadPoolExecutor(CALLERS) as pool:
        proxies = [stack.enter_context(AMQPServiceProxy(url, timeout=60)) for _ in range(CALLERS)]
        rounds(lambda: sum(pool.map(calls, proxies)))


def calls(proxy: AMQPServiceProxy) -> int:
    pending = [proxy.add.future(number, 1) for number in range(EACH)]
    return sum(future.result() == number + 1 for number, future in enumerate(pending))


def rounds(make: Callable[[], int]) -> None:
    """Make all calls once unseen, and then for each line."""
    make()
    print("ready", flush=True)
    for _ in sys.stdin:
        began = perf_counter()
        done = make()
        print(perf_counter() - began if done == CALLERS * EACH else -1.0, flush=True)


def serve_aio_pika(url: str) -> None:
    asyncio.run(_serve_aio_pika(url))


async def _serve_aio_pika(url: str) -> None:
    rpc = await _aio_pika_rpc(url)

    async def added(a: int, b: int) -> int:
        return a + b

    await rpc.register("add", added, auto_delete=True)
    print("ready", flush=True)
    await asyncio.Event().wait()


def call_aio_pika(url: str) -> None:
    with asyncio.Runner() as runner:
        callers = [runner.run(_aio_pika_rpc(url)) for _ in range(CALLERS)]
        rounds(lambda: runner.run(_call_all(callers)))


async def _aio_pika_rpc(url: str) -> Any:
    connection = await import_module("aio_pika").connect_robust(url)
    # JSON as everywhere here; its own default is pickle.
    return await import_module("aio_pika.patterns").JsonRPC.create(await connection.channel())


async def _call_all(callers: list[Any]) -> int:
    def calls() -> Iterator[Awaitable[int]]:
        for rpc in callers:
            for number in range(EACH):
                yield rpc.call("add", {"a": number, "b": 1})

    results = await asyncio.gather(*calls())
    return sum(result == place % EACH + 1 for place, result in enumerate(results))


def serve_kombu(url: str) -> None:
    """Send back what comes, with kombu alone."""
    with connected(url) as connection:
        channel = connection.channel()
        producer = kombu.Producer(channel)
        queue = kombu.Queue(ECHO, channel=channel, durable=False, auto_delete=True)
        queue.declare()

        def send_back(_: object, message: Any) -> None:
            producer.publish(
                message.body,
                routing_key=message.properties["reply_to"],
                correlation_id=message.properties["correlation_id"],
                content_type="application/json",
                content_encoding="utf-8",
            )
            message.ack()

        with kombu.Consumer(channel, [queue], callbacks=[send_back], prefetch_count=64):
            print("ready", flush=True)
            while True:
                connection.drain_events()


if __name__ == "__main__":
    programs: dict[str, Callable[[str], None]] = {
        "serve-ours": serve_ours,
        "call-ours": call_ours,
        "serve-aio-pika": serve_aio_pika,
        "call-aio-pika": call_aio_pika,
        "serve-kombu": serve_kombu,
    }
    programs[sys.argv[1]](sys.argv[2])
