"""What does a roster of 10,000 clients cost that announce themselves as fast as they can?

Three processes: the broker, one that says what 10,000 clients would say, and one with the roster.
"""

from __future__ import annotations

import multiprocessing as processes
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter, process_time
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from clacks_events import BusOptions, connect, ensure_server
from clacks_events.agent.nodes import NodeRoster
from clacks_events.agent.peer_events import client_announce, client_signature
from clacks_events.agent.peers import ClientMethod, NetworkDevice, PeerKind
from clacks_events.signals.pulse import Pulse
from tests.bench.bench import headline, running_broker, table
from tests.harness.waiting import wait_until

CLIENTS = 10_000
WITHIN = 60.0  # seconds that they may take
MOST = 50.0  # MB
METHODS = 5
OPTIONS = BusOptions(watch_schemas=False)
TIMEOUT = 120.0


class Result(NamedTuple):
    """What the roster's process tells: seconds, and MB beyond what it had before."""

    wall: float
    cpu: float
    peak: float
    left: float


def devices(number: int) -> list[NetworkDevice]:
    address = f"{number >> 8}.{number & 255}"
    return [
        NetworkDevice(
            name,
            f"10.{net}.{address}",
            f"fe80::{net}:{number:x}",
            f"02:00:{net:02}:00:{number >> 8:02x}:{number & 255:02x}",
            "255.255.0.0",
            f"10.{net}.255.255",
        )
        for net, name in enumerate(("eth0", "wlan0"))
    ]


def methods(of: str) -> list[ClientMethod]:
    return [
        ClientMethod(
            f"method{at}{of}",
            f"Plugin{at}.method{at}",
            "user,session,timeout",
            f"Does what method {at}{of} of a client does, with all that this involves.",
        )
        for at in range(METHODS)
    ]


def speak(pipe: Connection, url: str, *, is_alike: bool) -> None:
    """Say what the clients would say, as soon as somebody listens."""
    with connect(url, source="crowd", options=OPTIONS) as bus:
        pipe.recv()
        for number in range(CLIENTS):
            id = f"00000000-0000-7000-8000-{number:012}"
            own = methods("" if is_alike else str(number))
            bus.publish(client_announce(id, f"pc-{number}.example.net", devices(number)))
            bus.publish(client_signature(id, f"pc-{number}.example.net", own))
        pipe.recv()


def listen(pipe: Connection, url: str) -> None:
    """Tell what it took until all clients had told all."""
    with connect(url, source="desk", options=OPTIONS) as bus:
        pulse = Pulse()
        roster = NodeRoster(bus, pulse)
        complete: list[str] = []
        roster.on_change(
            lambda change: (
                complete.append(change.peer.id) if change.kind is PeerKind.CHANGED else None
            )
        )
        with roster:
            before = memory("VmRSS")
            forget_peak()
            pipe.send("ready")
            wall, cpu = perf_counter(), process_time()
            wait_until(lambda: len(complete) >= CLIENTS, TIMEOUT)
            wall, cpu = perf_counter() - wall, process_time() - cpu
            if len(roster.clients()) != CLIENTS:
                sys.exit(f"{len(roster.clients())} clients of {CLIENTS}")
            del complete[:]
            pipe.send(Result(wall, cpu, memory("VmHWM") - before, memory("VmRSS") - before))
        pulse.close()


def memory(name: str) -> float:
    """Return a figure of this process, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024


def forget_peak() -> None:
    """Let VmHWM begin anew (proc_pid_clear_refs(5))."""
    Path("/proc/self/clear_refs").write_text("5")


def measured(url: str, *, is_alike: bool) -> Result:
    # A fresh interpreter each: the memory of this one does not count.
    context = processes.get_context("spawn")
    to_crowd, crowd_end = context.Pipe()
    to_desk, desk_end = context.Pipe()
    crowd = context.Process(
        target=speak, args=(crowd_end, url), kwargs={"is_alike": is_alike}, daemon=True
    )
    desk = context.Process(target=listen, args=(desk_end, url), daemon=True)
    crowd.start()
    desk.start()
    if to_desk.recv() != "ready":
        sys.exit("the roster did not start")
    to_crowd.send("go")
    result: Result = to_desk.recv()
    to_crowd.send("end")
    for process in (crowd, desk):
        process.join(TIMEOUT)
    return result


@contextmanager
def running_servers() -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        broker = stack.enter_context(running_broker())
        server = stack.enter_context(ensure_server("zmq://127.0.0.1:0"))
        yield {"RabbitMQ": broker.url, "zmq": server.url}


def row(name: str, result: Result) -> tuple[str, ...]:
    is_met = result.wall <= WITHIN and result.peak <= MOST
    return (
        name,
        f"{result.wall:.1f}",
        f"{result.cpu:.1f}",
        f"{CLIENTS / result.wall:,.0f}",
        f"{result.cpu / WITHIN:.0%}",
        f"{result.peak:.1f}",
        f"{result.left:.1f}",
        f"≤ {WITHIN:g} s, {MOST:g} MB: {'yes' if is_met else 'NO'}",
    )


def main() -> None:
    headline(f"{CLIENTS:,} clients announce themselves, each with {METHODS} methods and 2 devices")
    names = (
        "clients",
        "s",
        "CPU s",
        "clients/s",
        "CPU of a minute",
        "peak MB",
        "kept MB",
        "asked",
    )
    with running_servers() as urls:
        rows = [
            row(f"{broker}, {kind} methods", measured(url, is_alike=kind == "the same"))
            for broker, url in urls.items()
            for kind in ("the same", "own")
        ]
    table(names, rows)


if __name__ == "__main__":
    main()
