"""Nameko's service and its standalone proxy, to be run by a Python that has nameko.

``serve URL`` serves; ``call URL`` makes a round of calls for each line of standard input and
prints how many seconds it took. Each says ``ready`` first.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from time import perf_counter
from typing import Any

CALLERS, EACH = 20, 50


def serve(url: str) -> None:
    import_module("eventlet").monkey_patch()
    rpc: Any = import_module("nameko.rpc").rpc

    class Adder:
        name = "adder"

        @rpc  # type: ignore[untyped-decorator]
        def add(self, a: int, b: int) -> int:
            return a + b

    container = import_module("nameko.containers").ServiceContainer(Adder, {"AMQP_URI": url})
    container.start()
    print("ready", flush=True)
    container.wait()


def call(url: str) -> None:
    proxy_type: Any = import_module("nameko.standalone.rpc").ServiceRpcProxy
    openers = [proxy_type("adder", {"AMQP_URI": url}, timeout=60) for _ in range(CALLERS)]
    proxies = [opener.start() for opener in openers]
    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(calls, proxies))
        print("ready", flush=True)
        for _ in sys.stdin:
            began = perf_counter()
            done = sum(pool.map(calls, proxies))
            print(perf_counter() - began if done == CALLERS * EACH else -1.0, flush=True)


def calls(proxy: Any) -> int:
    pending = [proxy.add.call_async(number, 1) for number in range(EACH)]
    return sum(reply.result() == number + 1 for number, reply in enumerate(pending))


if __name__ == "__main__":
    {"serve": serve, "call": call}[sys.argv[1]](sys.argv[2])
