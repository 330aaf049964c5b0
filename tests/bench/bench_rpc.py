"""How long does a call take, and how many go through at a time, beside those who do just that?

The round trip of ``ping`` stands beside a bare kombu echo by direct reply-to, call by call. Then
20 callers in one process make 1,000 calls at once to 2 servers in processes of their own. Nameko
runs where $CLACKS_NAMEKO_PYTHON names a Python that has it: it does not go with this kombu's tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from clacks_events import AMQPServiceProxy
from tests.bench.bench import Contender, Cost, alternate, headline, running_broker, table
from tests.bench.nameko_rival import CALLERS, EACH
from tests.bench.rpc_programs import ECHO
from tests.harness.broker import connected

HERE = Path(__file__).parent
SERVERS = 2
ROUNDS = 11
TURNS, PINGS, UNSEEN = 20, 300, 20
ASKED_P50, ASKED_P99 = 1.5, 2.0
CALL = {"jsonrpc": "2.0", "method": "ping", "params": [], "id": 1}

kombu: Any = import_module("kombu")


class Program:
    """A program that says ``ready``, and answers a line with a line."""

    def __init__(self, *command: str) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._expect()

    def _expect(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"{self._process.args!r} has ended")
        return line

    def round(self) -> Cost:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        seconds = float(self._expect())
        if seconds < 0:
            sys.exit(f"{self._process.args!r}: not all calls were answered")
        return Cost(seconds * 1e6 / (CALLERS * EACH), 0.0)

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def running(*commands: tuple[str, ...]) -> Iterator[list[Program]]:
    with ExitStack() as stack:
        programs = []
        for command in commands:
            programs.append(Program(*command))
            stack.callback(programs[-1].end)
        yield programs


class Echo:
    """A caller with kombu alone."""

    def __init__(self, connection: Any) -> None:
        channel = connection.channel()
        self._connection = connection
        self._producer = kombu.Producer(channel)
        self._answered = ""
        queue = kombu.Queue("amq.rabbitmq.reply-to", no_declare=True)
        self._consumer = kombu.Consumer(channel, [queue], callbacks=[self._take], no_ack=True)
        self._consumer.consume()

    def _take(self, _: object, message: Any) -> None:
        self._answered = message.properties["correlation_id"]

    def __call__(self) -> None:
        number = uuid.uuid4().hex
        self._producer.publish(
            CALL, routing_key=ECHO, reply_to="amq.rabbitmq.reply-to", correlation_id=number
        )
        while self._answered != number:
            self._connection.drain_events()


def latencies(call: Callable[[], object]) -> list[float]:
    """Return microseconds, after some calls that do not count."""
    for _ in range(UNSEEN):
        call()
    found = []
    for _ in range(PINGS):
        began = perf_counter()
        call()
        found.append((perf_counter() - began) * 1e6)
    return found


def compare_round_trips(url: str) -> None:
    ours: list[list[float]] = []
    bare: list[list[float]] = []
    served = running(program("serve-kombu", url), program("serve-ours", url))
    with served, connected(url) as connection, AMQPServiceProxy(url) as proxy:
        echo, ping = Echo(connection), proxy.ping
        for turn in range(TURNS):
            pairs: list[tuple[Callable[[], object], list[list[float]]]]
            pairs = [(echo, bare), (ping, ours)]
            for call, found in pairs[:: -1 if turn % 2 else 1]:
                found.append(latencies(call))
    headline("round trip of ping, microseconds")
    show_round_trips(bare, ours)


def show_round_trips(bare: list[list[float]], ours: list[list[float]]) -> None:
    def row(name: str, at: int, asked: float) -> tuple[str, ...]:
        # Each turn by itself, so that noise from outside hits both alike.
        pairs = [
            (quantiles(one, n=100)[at], quantiles(other, n=100)[at])
            for one, other in zip(bare, ours, strict=True)
        ]
        ratio = median(own / his for his, own in pairs)
        his, own = (median(column) for column in zip(*pairs, strict=True))
        verdict = f"≤ {asked:g} {'yes' if ratio <= asked else 'NO'}"
        return (name, f"{his:,.0f}", f"{own:,.0f}", f"{ratio:.2f}", verdict)

    table(
        ("", "kombu echo", "ping", "ratio", "asked"),
        [row("p50", 49, ASKED_P50), row("p99", 98, ASKED_P99)],
    )


def program(name: str, url: str) -> tuple[str, ...]:
    return (sys.executable, str(HERE / "rpc_programs.py"), name, url)


def compare_rates(url: str) -> None:
    with ExitStack() as stack:

        def contender(name: str, serve: tuple[str, ...], call: tuple[str, ...]) -> Contender:
            programs = stack.enter_context(running(*[serve] * SERVERS, call))
            return Contender(name, programs[-1].round)

        rivals = []
        if python := os.environ.get("CLACKS_NAMEKO_PYTHON"):
            nameko = (python, "-W", "ignore", str(HERE / "nameko_rival.py"))
            call = (*nameko, "call", url)
            rivals.append(contender("nameko", (*nameko, "serve", url), call))
        if find_spec("aio_pika"):
            pair = (program("serve-aio-pika", url), program("call-aio-pika", url))
            rivals.append(contender("aio-pika", *pair))
        ours = contender("ours", program("serve-ours", url), program("call-ours", url))
        contenders = [*rivals, ours]
        alternate(contenders, ROUNDS)
    headline(f"{CALLERS * EACH} calls at once from {CALLERS} callers to {SERVERS} servers")
    show_rates(contenders, ours)


def show_rates(contenders: Sequence[Contender], ours: Contender) -> None:
    rows = []
    for each in contenders:
        ours.rival = each
        ratio = "" if each is ours else f"{ours.ratio():.2f}"
        rows.append((each.name, f"{1e6 / each.wall:,.0f}", f"±{each.spread:.0%}", ratio))
    table(("contender", "calls per s", "noise", "ours is faster by"), rows)


def main() -> None:
    with running_broker() as broker:
        compare_round_trips(broker.url)
        compare_rates(broker.url_for(broker.fresh_vhost()))


if __name__ == "__main__":
    main()
