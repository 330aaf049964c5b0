"""The HTTP server: uvicorn, on a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, TypeAlias, cast

import uvicorn
from starlette.types import ASGIApp

from clacks_events.errors import ConfigError, ConnectFailed
from clacks_events.gateway.access import TokenFilter
from clacks_events.gateway.connection import Census, Connection, WebSocketConnection
from clacks_events.gateway.options import GatewayOptions, Tls

__all__ = ["Server", "listening_socket"]

log = logging.getLogger(__name__)

_BACKLOG = 2048
_LOGGERS = ("uvicorn.access", "uvicorn.error")  # those of its WebSockets, too

End: TypeAlias = Callable[[], Awaitable[None]]
"""Tells all clients that the end is near, and returns when they have heard it."""
Begin: TypeAlias = Callable[[], Awaitable[tuple[ASGIApp, End]]]
"""Makes the application, on the loop."""


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that connections are waited for on. Raises ConnectFailed."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # With the protocol said, asyncio sets TCP_NODELAY on what is accepted: without, each answer
        # would wait 40 ms for the client's acknowledgement.
        made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise ConnectFailed(f"cannot listen on {host}:{port}: {error}") from error
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise ConnectFailed(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return made


class Server:
    """Serves an application from ``start`` to ``close``."""

    def __init__(self, listener: socket.socket, options: GatewayOptions, begin: Begin) -> None:
        """Take over a socket. Raises ConfigError for TLS files that cannot be used."""
        self._listener = listener
        self._options = options
        self._begin = begin
        self._context = None if options.tls is None else _context(options.tls)
        self._uvicorn: uvicorn.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: End | None = None
        self._is_up = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="clacks-http", daemon=True)

    def start(self) -> None:
        """Serve; returns when connections are answered. Raises what ``begin`` raises."""
        self._thread.start()
        self._is_up.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def _run(self) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(self._serve())
        except BaseException as error:
            if not self._is_up.is_set():
                self._failure = error
            else:
                log.exception("the HTTP server failed")
        finally:
            self._is_up.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        app, self._end = await self._begin()
        self._uvicorn = server = uvicorn.Server(self._config(app))
        # Signals are for the main thread, which is not this one.
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
        self._loop.call_soon(self._is_up.set)
        with _without_tokens():
            await server.serve(sockets=[self._listener])

    def _config(self, app: ASGIApp) -> uvicorn.Config:
        limits = self._options.connections
        census = Census(limits)
        http: Any = partial(Connection, census=census)
        websocket: Any = partial(WebSocketConnection, census=census)
        config = uvicorn.Config(
            cast("Any", app),
            http=http,
            ws=websocket,
            ws_max_size=limits.frame,
            ws_per_message_deflate=False,
            ws_ping_interval=20.0,
            ws_ping_timeout=20.0,
            loop="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=limits.idle_timeout,
            timeout_graceful_shutdown=max(1, round(self._options.stop_timeout)),
            backlog=_BACKLOG,
        )
        config.load()
        if self._context is not None:
            config.ssl = self._context
        return config

    def close(self) -> None:
        """Let requests end, for as long as the options say, and serve no more."""
        loop, server = self._loop, self._uvicorn
        if loop is None or server is None or not self._thread.is_alive():
            self._listener.close()
            return

        asyncio.run_coroutine_threadsafe(self._stop(server), loop)
        self._thread.join()
        self._listener.close()

    async def _stop(self, server: uvicorn.Server) -> None:
        try:
            if self._end is not None:
                # First ours: uvicorn closes WebSockets without another word.
                await self._end()
        finally:
            server.should_exit = True


@contextlib.contextmanager
def _without_tokens() -> Iterator[None]:
    """Keep credentials out of what uvicorn logs."""
    filter, loggers = TokenFilter(), [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(filter)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(filter)


def _context(files: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(files.certificate, files.key)
    except OSError as error:  # ssl.SSLError is one, too
        raise ConfigError(
            f"cannot use the certificate {files.certificate} with the key {files.key}:"
            f" {error.strerror or error}"
        ) from error
    return context
