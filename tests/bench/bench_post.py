"""``POST /events``: validate and publish, beside bare Starlette that forgets the body.

Clients and server are processes of their own; both servers run on the same uvicorn.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.bench import Contender, Cost, alternate, headline, show
from tests.bench.gateway_processes import Server, running

CONNECTIONS = 32
REQUESTS = 6_000  # per round
ROUNDS = 5
BODY = (
    b'<e:PhoneStatus xmlns:e="http://www.gonicus.de/Events"><e:CallerId>+49293312345</e:CallerId>'
    b"<e:ReceiverId>+4929331234567</e:ReceiverId><e:Status>busy</e:Status></e:PhoneStatus>"
)


class Poster(asyncio.Protocol):
    """One connection that sends the next request when the last one is answered."""

    def __init__(self, request: bytes, times: int) -> None:
        self._request = request
        self._left = times
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        # The body may come later, together with the beginning of the next answer.
        answers = data.count(b"HTTP/1.1 202")
        assert answers == data.count(b"HTTP/1.1"), data
        if not answers:
            return
        self._left -= answers
        if self._left:
            self._transport.write(self._request)
        else:
            self._transport.close()
            self.done.set_result(None)


async def post(url: str) -> None:
    place = urlsplit(url)
    request = (
        f"POST /events HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/xml\r\n"
        f"Content-Length: {len(BODY)}\r\n\r\n"
    ).encode() + BODY

    async def one() -> None:
        _, poster = await asyncio.get_running_loop().create_connection(
            lambda: Poster(request, REQUESTS // CONNECTIONS), str(place.hostname), place.port or 80
        )
        assert isinstance(poster, Poster)
        await poster.done

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))


def round_of(server: Server) -> Callable[[], Cost]:
    def run() -> Cost:
        cpu, wall = server.cost()[0], perf_counter()
        asyncio.run(post(server.url))
        wall = perf_counter() - wall
        return Cost(wall * 1e6 / REQUESTS, (server.cost()[0] - cpu) * 1e6 / REQUESTS)

    return run


def main() -> None:
    with running("discard") as bare, running("gateway", "memory://bench") as ours:
        rival = Contender("bare Starlette forgets the body", round_of(bare))
        own = Contender("POST /events", round_of(ours), rival, asked=0.5)
        alternate((rival, own), ROUNDS)
    headline(f"{CONNECTIONS} connections, an event of {len(BODY)} bytes")
    show((rival, own))


if __name__ == "__main__":
    main()
