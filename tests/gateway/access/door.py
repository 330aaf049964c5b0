"""A small application behind the guard, on a real server, and people who know secrets."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import httpx
import uvicorn
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from clacks_events import AccessDenied, LimitReached
from clacks_events.agent.policy import Policy, User
from clacks_events.agent.secrets import Cost, hash_secret, new_token
from clacks_events.gateway.access import AccessOptions, Guard, principal_by_token, principal_of

__all__ = ["ALICE", "BOB", "PASSWORD", "POLICY", "Door", "basic", "bearer", "open_door", "raw"]

CHEAP = Cost(10, 1, 1)
ALICE = new_token("alice")
BOB = new_token("bob")
PASSWORD = "correct: hörse"
POLICY = Policy(
    users={
        "alice": User(
            token=str(hash_secret(ALICE, CHEAP)), password=str(hash_secret(PASSWORD, CHEAP))
        ),
        "bob": User(token=str(hash_secret(BOB, CHEAP))),
        "carol": User(groups=("ops",)),
    }
)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic(user: str, password: str) -> dict[str, str]:
    code = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {code}"}


class App:
    """Says who asks.

    ``/hold`` answers once it is let go, ``/ignore`` reads no body, ``/by_token`` says whose token
    the body is.
    """

    def __init__(self) -> None:
        self.held = 0
        self._let_go = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def let_go(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._let_go.set)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._loop = asyncio.get_running_loop()
        principal = principal_of(scope)
        told = {
            "name": principal.name,
            "client": principal.client,
            "query": scope["query_string"].decode(),
        }
        if scope["type"] == "websocket":
            await self._talk(json.dumps(told), receive, send)
            return
        if scope["path"] == "/hold":
            self.held += 1
            await self._let_go.wait()
            self.held -= 1
        elif scope["path"] == "/by_token":
            told["token"] = await self._by_token(scope, receive)
        elif scope["path"] != "/ignore":
            told["length"] = str(len(await Request(scope, receive).body()))
        await self._answer(json.dumps(told).encode(), send)

    async def _by_token(self, scope: Scope, receive: Receive) -> str:
        token = (await Request(scope, receive).body()).decode()
        try:
            return (await principal_by_token(scope, token)).client
        except (AccessDenied, LimitReached) as error:
            return f"{type(error).__name__}: {error}"

    async def _answer(self, body: bytes, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"vary", b"Accept")]
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _talk(self, text: str, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": text})
        while (await receive())["type"] != "websocket.disconnect":
            pass


class Door:
    """The guard, served at a port of this host."""

    def __init__(self, options: AccessOptions, policy: Policy) -> None:
        self.policy = policy
        self.app = App()
        self.guard = Guard(self.app, options, lambda: self.policy)
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str = "/", address: str = "127.0.0.1", **more: Any) -> httpx.Response:
        """Ask from an address of this host, with a new connection."""
        return self.ask("GET", path, address, **more)

    def ask(
        self, method: str, path: str = "/", address: str = "127.0.0.1", **more: Any
    ) -> httpx.Response:
        transport = httpx.HTTPTransport(verify=False, local_address=address)
        with httpx.Client(transport=transport, timeout=20.0) as client:
            return client.request(method, self.url + path, **more)

    def name(self, path: str = "/", address: str = "127.0.0.1", **more: Any) -> str | None:
        """Return the name that the application sees."""
        response = self.get(path, address, **more)
        assert response.status_code == 200, response.text
        return cast("str | None", response.json()["name"])

    def seen_from(
        self, client: str, server: str = "10.0.0.1", *, scheme: str = "http", **more: Any
    ) -> httpx.Response:
        """Ask as if from another host; ``server`` is the address that it connects to."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.guard, client=(client, 40_000))
            async with httpx.AsyncClient(transport=transport) as http:
                host = f"[{server}]" if ":" in server else server
                return await http.get(f"{scheme}://{host}:8080/", **more)

        return asyncio.run(ask())


@contextmanager
def open_door(
    policy: Policy = POLICY, *, access_log: bool = False, **options: Any
) -> Iterator[Door]:
    """Serve the guard with these options."""
    door = Door(AccessOptions(**options), policy)
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    door.port = listener.getsockname()[1]
    config = uvicorn.Config(
        cast("Any", door.guard),
        http="httptools",
        ws="websockets-sansio",
        lifespan="off",
        log_config=None,
        access_log=access_log,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    thread = threading.Thread(target=server.run, args=([listener],), name="door")
    thread.start()
    try:
        yield door
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def raw(door: Door, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes as they are; return status, headers and body of the first answer."""
    with socket.create_connection(("127.0.0.1", door.port), timeout=20.0) as connection:
        connection.sendall(request)
        return read_answer(connection)


def read_answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Read one answer from a connection."""
    file = connection.makefile("rb")
    status = int(file.readline().split()[1])
    headers: dict[str, str] = {}
    while line := file.readline().strip():
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return status, headers, file.read(int(headers.get("content-length", 0)))


def refusals(caplog: Any) -> list[str]:
    """Return what the guard logged."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith("clacks_events.gateway") and record.levelno >= logging.WARNING
    ]
