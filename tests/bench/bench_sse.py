"""Event streams: 1,000 clients with filters of their own, each event for 10 of them.

Beside it bare Starlette, which sends the same events to the same 10 clients without asking
anything. Clients, publisher and server are processes of their own.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from time import perf_counter, time_ns
from urllib.parse import quote, urlsplit

sys.path.insert(0, str(Path(__file__).parents[2]))

from clacks_events import Bus, BusOptions, EventMaker, connect, ensure_server
from tests.bench.bench import headline
from tests.bench.gateway_processes import Server, running

CLIENTS, EACH = 1_000, 10
RATE, SECONDS = 200, 15
# No two are the same, and ten match each event.
QUERY = "/e:Event/e:PhoneStatus[e:CallerId = 'desk-{}' and e:Status != 'off-{}']"

e = EventMaker()


@dataclass
class Clients:
    """Event streams that note how long each event took."""

    url: str
    delays: list[float] = field(default_factory=list)

    async def open(self, target: str) -> None:
        place = urlsplit(self.url)
        _, reader = await asyncio.get_running_loop().create_connection(
            lambda: Reader(self.delays, target, place.netloc), str(place.hostname), place.port or 80
        )
        assert isinstance(reader, Reader)
        await reader.opened


class Reader(asyncio.Protocol):
    """One stream, read without a parser that would cost more than the server."""

    def __init__(self, delays: list[float], target: str, host: str) -> None:
        self._delays = delays
        self._request = f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        self.opened = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self.opened.done():
            assert data.startswith(b"HTTP/1.1 200"), data
            self.opened.set_result(None)
        now = time_ns()
        for part in data.split(b"<e:ReceiverId>")[1:]:
            self._delays.append((now - int(part[: part.index(b"<")])) / 1e6)


def event(number: int) -> bytes:
    """Return an event for ten clients that says when it was made."""
    return (
        "<e:PhoneStatus xmlns:e='http://www.gonicus.de/Events'>"
        f"<e:CallerId>desk-{number % (CLIENTS // EACH)}</e:CallerId>"
        f"<e:ReceiverId>{time_ns()}</e:ReceiverId><e:Status>busy</e:Status></e:PhoneStatus>"
    ).encode()


async def paced(publish: object, count: int) -> None:
    """Publish at the rate, whatever the time that each takes."""
    assert callable(publish)
    begin = perf_counter()
    for number in range(count):
        await asyncio.sleep(max(0.0, begin + number / RATE - perf_counter()))
        done = publish(number)
        if asyncio.iscoroutine(done):
            await done
    await asyncio.sleep(0.5)


async def ours(server: Server, bus: Bus) -> tuple[float, list[float]]:
    clients = Clients(server.url)
    for number in range(CLIENTS):
        query = QUERY.format(number % (CLIENTS // EACH), number)
        await clients.open(f"/events?query={quote(query)}")
    await paced(lambda number: bus.publish(event(number)), RATE)
    clients.delays.clear()
    before = server.cost()[0]
    await paced(lambda number: bus.publish(event(number)), RATE * SECONDS)
    return (server.cost()[0] - before) / max(1, len(clients.delays)), clients.delays


async def bare(server: Server) -> tuple[float, list[float]]:
    clients = Clients(server.url)
    for _ in range(EACH):
        await clients.open("/events")
    place = urlsplit(server.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)

    async def publish(number: int) -> None:
        body = event(number)
        writer.write(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        await reader.readuntil(b"\r\n\r\n")

    await paced(publish, RATE)
    clients.delays.clear()
    before = server.cost()[0]
    await paced(publish, RATE * SECONDS)
    return (server.cost()[0] - before) / max(1, len(clients.delays)), clients.delays


def told(name: str, cpu: float, delays: list[float]) -> str:
    cuts = quantiles(delays, n=100)
    return (
        f"{name:<28}{len(delays):>8} deliveries   p50 {cuts[49]:6.2f} ms   p99 {cuts[98]:6.2f} ms"
        f"   CPU {cpu * 1e6:6.1f} us each"
    )


def main() -> None:
    headline(f"{RATE} events a second, each for {EACH} clients")
    options = BusOptions(watch_schemas=False)
    with (
        ensure_server("zmq://127.0.0.1:0") as embedded,
        connect(embedded.url, options=options) as bus,
    ):
        with running("gateway", embedded.url) as server:
            cpu, delays = asyncio.run(ours(server, bus))
            print(told(f"gateway, {CLIENTS:,} streams", cpu, delays))
        with running("broadcast") as server:
            bare_cpu, bare_delays = asyncio.run(bare(server))
            print(told(f"bare Starlette, {EACH} streams", bare_cpu, bare_delays))
        print(f"CPU ratio {cpu / bare_cpu:.2f} (asked: at most 1.5), p99 asked: below 50 ms")


if __name__ == "__main__":
    main()
