"""Long polls of the Xerus event service: 5,000 that wait, and events for one of them at a time.

What a poll costs in memory, its connection and its channel included, and how long it takes from
the push of an event, by another client, to the answer of the poll that waits for it.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.bench import headline
from tests.bench.gateway_processes import Server, running

POLLS = 5_000
EVENTS = 1_000
PACE = 0.01  # seconds from one event to the next
TYPE = "usermgmt.AccountAdded:1.0.0"


class Client(asyncio.Protocol):
    """One kept connection, one request at a time."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._data = b""
        self._answer: asyncio.Future[Any] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, end, body = self._data.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if end and len(body) == int(length):
            assert head.startswith(b"HTTP/1.1 200"), self._data
            self._data = b""
            assert self._answer is not None
            self._answer.set_result(json.loads(body)["result"])

    def ask(self, rid: str, method: str, **params: Any) -> asyncio.Future[Any]:
        """Make a call; the future gets its result."""
        self._answer = asyncio.get_running_loop().create_future()
        body = json.dumps({"method": method, "params": params, "id": 1}).encode()
        head = f"POST {rid} HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)
        return self._answer


async def connected(url: str) -> Client:
    place = urlsplit(url)
    _, client = await asyncio.get_running_loop().create_connection(
        lambda: Client(place.netloc), str(place.hostname), place.port or 80
    )
    assert isinstance(client, Client)
    return client


def source(number: int) -> dict[str, str]:
    return {"rid": f"/account/{number}", "type": "usermgmt.User:1.0.0"}


async def waiting(url: str, number: int) -> tuple[Client, str, asyncio.Future[Any]]:
    """Open a channel, ask for the events of one object, and poll."""
    client = await connected(url)
    rid = (await client.ask("/eventservice", "createChannel"))["_ret_"]["rid"]
    await client.ask(rid, "demandEvent", type=TYPE, src=source(number))
    return client, rid, client.ask(rid, "pollEvents")


async def measure(server: Server) -> None:
    await waiting(server.url, POLLS)  # what comes with the first
    _, before = server.cost()
    polls = [await waiting(server.url, number) for number in range(POLLS)]
    _, after = server.cost()
    print(f"{POLLS:,} polls wait: {(after - before) / POLLS / 1000:.1f} KB each (asked: below 30)")
    pusher, delays = await connected(server.url), []
    for _ in range(EVENTS):
        number = random.randrange(POLLS)
        client, rid, answer = polls[number]
        if answer.done():
            answer = client.ask(rid, "pollEvents")
            await asyncio.sleep(PACE)
        value = {"source": source(number), "actUserName": "a", "actIpAddr": "b", "username": "c"}
        began = perf_counter()
        pushed = pusher.ask("/eventservice", "pushEvent", event={"type": TYPE, "value": value})
        events = (await answer)["events"]
        delays.append((perf_counter() - began) * 1e3)
        assert [event["value"]["source"] for event in events] == [source(number)]
        await pushed
        polls[number] = client, rid, client.ask(rid, "pollEvents")
        await asyncio.sleep(PACE)
    cuts = quantiles(delays, n=100)
    print(f"push to answer: p50 {cuts[49]:.2f} ms   p99 {cuts[98]:.2f} ms (asked: below 20)")


def main() -> None:
    headline(f"{POLLS:,} long polls of channels with a demand each")
    with running("gateway", "memory://bench") as server:
        asyncio.run(measure(server))


if __name__ == "__main__":
    main()
