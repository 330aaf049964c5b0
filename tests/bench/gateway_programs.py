"""The servers that the benchmarks of the gateway run, as processes.

``gateway URL`` is ours; ``broadcast CLIENTS`` is bare Starlette that sends each event that comes
in at ``POST /`` to all its event streams; ``discard`` reads a body and forgets it. They print where
they listen, and for each line of standard input the CPU seconds they used so far and their memory
in bytes.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from time import process_time
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

sys.path.insert(0, str(Path(__file__).parents[2]))

from clacks_events import BusOptions
from clacks_events.agent import Agent, AgentOptions
from clacks_events.gateway import ConnectionLimits, Gateway, GatewayOptions, Limits, XerusOptions

MANY = 50_000


def memory() -> int:
    """Return how many bytes of this process are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def answer() -> None:
    """Tell the cost so far for each line that comes, until there are no more."""
    for _ in sys.stdin:
        print(process_time(), memory(), flush=True)


def settle() -> None:
    """Do what ``clacks-events serve`` does once all has started."""
    gc.collect()
    gc.freeze()


def gateway(url: str) -> None:
    options = GatewayOptions(
        limits=Limits(streams=MANY, streams_per_client=MANY),
        connections=ConnectionLimits(connections=MANY, connections_per_address=MANY),
        # So that none of them ends while they are measured.
        xerus=XerusOptions(channels_per_client=MANY, poll_timeout=600, channel_expiry=600),
    )
    bus = AgentOptions(bus=BusOptions(watch_schemas=False))
    with (
        Agent(url, name="gateway", options=bus) as agent,
        Gateway(agent, "127.0.0.1:0", options=options) as opened,
    ):
        settle()
        print(opened.url, flush=True)
        answer()


def broadcast(_: str) -> None:
    queues: list[asyncio.Queue[bytes]] = []

    async def events(_: Request) -> Response:
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        queues.append(queue)

        async def stream() -> AsyncIterator[bytes]:
            yield b"retry: 2000\n\n"
            while True:
                yield await queue.get()

        return StreamingResponse(stream(), media_type="text/event-stream")

    async def publish(request: Request) -> Response:
        data = await request.body()
        for queue in queues:
            queue.put_nowait(b"id: %d\ndata: %s\n\n" % (id(data), data))
        return Response(status_code=202)

    serve([Route("/events", events), Route("/", publish, methods=["POST"])])


def discard(_: str) -> None:
    async def take(request: Request) -> Response:
        await request.body()
        return Response(status_code=202)

    serve([Route("/events", take, methods=["POST"])])


def serve(routes: list[Any]) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    config = uvicorn.Config(
        Starlette(routes=routes),
        loop="asyncio",
        http="httptools",
        access_log=False,
        log_config=None,
    )
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    server = uvicorn.Server(config)
    threading.Thread(target=answer, daemon=True).start()
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    server.run(sockets=[listener])


PROGRAMS: dict[str, Callable[[str], None]] = {
    "gateway": gateway,
    "broadcast": broadcast,
    "discard": discard,
}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](sys.argv[2] if len(sys.argv) > 2 else "")
