"""What does the embedded server carry between processes, beside bare pyzmq with the same bytes?

PUSH -> a proxy in C -> SUB, in three processes, is the limit. Ours are three processes as well:
validated, stamped, routed by the server, parsed, matched by a compiled filter, validated.
"""

from __future__ import annotations

import multiprocessing as processes
import sys
from collections.abc import Callable
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import quantiles
from time import perf_counter, perf_counter_ns, process_time, sleep
from typing import Any

import zmq

sys.path.insert(0, str(Path(__file__).parents[2]))

from clacks_events import BusOptions, Event, connect, ensure_server
from tests.bench.bench import Contender, Cost, alternate, headline, show, table

EVENTS = 20_000  # per round
ROUNDS = 5
PACE = 1000  # events per second when latency is measured
SAMPLES = 5_000
MANY = 1_000_000
OPTIONS = BusOptions(watch_schemas=False)
QUERY = "/e:Event/e:PhoneStatus[e:Status = 'busy']"
TEXT = (
    '<e:Event xmlns:e="http://www.gonicus.de/Events" id="01939f0e-1c3a-7000-8000-000000000001"'
    ' source="pbx" time="2026-03-01T12:00:00.000Z"><e:PhoneStatus><e:CallerId>{}</e:CallerId>'
    "<e:ReceiverId>+49293312345000000000000000000000000000000000000000000000000000000000"
    "</e:ReceiverId><e:Status>busy</e:Status></e:PhoneStatus></e:Event>"
)


def serve(pipe: Connection, _: str) -> None:
    with ensure_server("zmq://127.0.0.1:0") as server:
        pipe.send(server.url)
        pipe.recv()


def proxy(pipe: Connection, _: str) -> None:
    context = zmq.Context()
    entrance, exit_ = context.socket(zmq.PULL), context.socket(zmq.XPUB)
    entrance.rcvhwm = exit_.sndhwm = 0
    ports = [socket.bind_to_random_port("tcp://127.0.0.1") for socket in (entrance, exit_)]
    pipe.send(" ".join(f"tcp://127.0.0.1:{port}" for port in ports))
    zmq.proxy(entrance, exit_)


def receive(pipe: Connection, url: str) -> None:
    """Count our events; with a 0 for their number, tell how long they were on their way."""
    with connect(url, source="desk", options=OPTIONS) as bus:
        subscription = bus.subscribe(QUERY)
        pipe.send("ready")
        while number := pipe.recv():
            for _ in range(number):
                subscription.get(60)
            pipe.send((perf_counter(), process_time()))
        pipe.send("drained")
        for event in subscription:
            text = event.payload[0].text or ""
            pipe.send(perf_counter_ns() - int(text))


def receive_bare(pipe: Connection, url: str) -> None:
    socket = zmq.Context().socket(zmq.SUB)
    socket.rcvhwm = 0
    socket.connect(url.split()[1])
    socket.subscribe(b"")
    # What a subscriber of a PUB socket misses at the start is not the question here.
    while socket.poll(100):
        socket.recv()
    pipe.send("ready")
    while number := pipe.recv():
        for _ in range(number):
            socket.recv()
        pipe.send((perf_counter(), process_time()))
    # The last of the rounds: as many came late as there were probes at the start.
    while socket.poll(200):
        socket.recv()
    pipe.send("drained")
    while True:
        text = socket.recv()
        pipe.send(perf_counter_ns() - int(text[text.index(b"CallerId>") + 9 :].split(b"<")[0]))


class Chain:
    """A server and a subscriber in processes of their own, and how to publish here."""

    def __init__(self, stack: ExitStack, server: Callable[..., Any], reader: Callable[..., Any]):
        self.server, url = start(stack, server, "")
        self.url = url
        self._reader, _ = start(stack, reader, url)
        self._pipe = self._reader[1]

    def round(self, publish: Callable[[], object]) -> Cost:
        self._pipe.send(EVENTS)
        wall, cpu = perf_counter(), process_time()
        for _ in range(EVENTS):
            publish()
        own = process_time() - cpu
        end, _ = self._pipe.recv()
        return Cost((end - wall) * 1e6 / EVENTS, own * 1e6 / EVENTS)

    def latencies(self, publish: Callable[[str], object]) -> list[float]:
        """Return milliseconds from before publishing to the subscriber's hands, at a pace."""
        self._pipe.send(0)
        self._pipe.recv()
        begin, found = perf_counter(), []
        for number in range(SAMPLES):
            sleep(max(0.0, begin + number / PACE - perf_counter()))
            publish(TEXT.format(perf_counter_ns()))
            while self._pipe.poll():
                found.append(self._pipe.recv() / 1e6)
        while len(found) < SAMPLES:
            found.append(self._pipe.recv() / 1e6)
        return found

    def resident(self) -> float:
        """Return the memory of the server in MB."""
        status = Path(f"/proc/{self.server[0].pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


def start(
    stack: ExitStack, main: Callable[..., Any], url: str
) -> tuple[tuple[Any, Connection], str]:
    context = processes.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=main, args=(theirs, url), daemon=True)
    process.start()
    stack.callback(process.kill)
    return (process, ours), ours.recv()


def main() -> None:
    long = "--long" in sys.argv
    with ExitStack() as stack:
        bare = Chain(stack, proxy, receive_bare)
        ours = Chain(stack, serve, receive)
        socket = zmq.Context().socket(zmq.PUSH)
        socket.sndhwm, socket.linger = 0, 0
        socket.connect(bare.url.split()[0])
        for _ in range(10):
            # Until the subscriber is connected to the proxy.
            socket.send(b"")
        bus = stack.enter_context(connect(ours.url, source="pbx", options=OPTIONS))
        event = Event.from_xml(TEXT.format("+49293312345"))
        fields = {"CallerId": "1", "ReceiverId": "2" * 80, "Status": "busy"}
        raw = event.xml
        limit = Contender("bare pyzmq", lambda: bare.round(lambda: socket.send(raw)))
        contenders = [
            limit,
            Contender("an event", lambda: ours.round(lambda: bus.publish(event)), limit, 0.2),
            Contender("bytes", lambda: ours.round(lambda: bus.publish(raw)), limit),
            Contender(
                "built from data",
                lambda: ours.round(lambda: bus.publish(bus.catalog.build("PhoneStatus", fields))),
                limit,
            ),
        ]
        headline(f"{len(raw)} bytes, from publish to the subscriber, three processes")
        alternate(contenders, ROUNDS)
        show(contenders)
        if long:
            memory(ours, lambda: bus.publish(event))
        headline(f"latency at {PACE} events/s, in ms")
        rows = []
        for name, found in (
            ("bare pyzmq", bare.latencies(lambda text: socket.send(text.encode()))),
            ("ours", ours.latencies(bus.publish)),
        ):
            cuts = quantiles(found, n=1000)
            rows.append((name, *(f"{cuts[at]:.2f}" for at in (499, 989, 998)), f"{max(found):.2f}"))
        table(("", "p50", "p99", "p99.9", "max"), rows)
        print("asked: p50 < 1, p99 < 5")


def memory(chain: Chain, publish: Callable[[], object]) -> None:
    headline(f"memory of the server over {MANY:,} events, in MB")
    rows = [("0", f"{chain.resident():.1f}")]
    for number in range(0, MANY, EVENTS):
        chain.round(publish)
        if (number + EVENTS) % (MANY // 10) == 0:
            rows.append((f"{number + EVENTS:,}", f"{chain.resident():.1f}"))
    table(("events", "resident"), rows)


if __name__ == "__main__":
    main()
