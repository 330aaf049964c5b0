"""A gateway: an agent's door for those who speak HTTP and WebSocket."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp

from clacks_events.agent import Agent
from clacks_events.config import parse_address
from clacks_events.errors import ConfigError
from clacks_events.gateway.access import check_address
from clacks_events.gateway.app import application
from clacks_events.gateway.bridge import Bridge
from clacks_events.gateway.gate import Gate
from clacks_events.gateway.metrics import Metrics
from clacks_events.gateway.options import GatewayOptions
from clacks_events.gateway.server import Server, listening_socket

__all__ = ["Gateway"]

log = logging.getLogger(__name__)


class Gateway:
    """Lets HTTP and WebSocket clients use the bus of an agent until it is closed."""

    def __init__(
        self,
        agent: Agent,
        address: str = "127.0.0.1:8080",
        *,
        options: GatewayOptions | None = None,
    ) -> None:
        """Get ready to listen at ``HOST:PORT``; port 0 is any that is free.

        The agent stays the caller's, and is closed after the gateway. Raises ConfigError for an
        address that others reach while nothing says who may come in.
        """
        self._agent = agent
        self._options = options or GatewayOptions()
        self._host, self._port = parse_address(address)
        check_address(self._host, self._options.access, agent.policy)
        self._server: Server | None = None
        self._gate: Gate | None = None
        self._bridge: Bridge | None = None
        self._lock = threading.Lock()
        self._is_closed = False

    @property
    def url(self) -> str:
        """Where it is reached from this host."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)
        scheme = "http" if self._options.tls is None else "https"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self._port}"

    def start(self) -> None:
        """Answer requests; returns when it does. Raises ConnectFailed or ConfigError."""
        with self._lock:
            if self._is_closed:
                raise ConfigError("the gateway is closed")
            if self._server is not None:
                return
            listener = listening_socket(self._host, self._port)
            self._port = listener.getsockname()[1]
            try:
                self._server = Server(listener, self._options, self._begin)
                self._server.start()
            except BaseException:
                listener.close()
                self._server = None
                self._release()
                raise
        log.info("gateway at %s", self.url)

    async def _begin(self) -> tuple[ASGIApp, Callable[[], Awaitable[None]]]:
        self._bridge = Bridge(asyncio.get_running_loop())
        self._gate = gate = Gate(self._agent, self._bridge, Metrics(), self._options)
        gate.metrics.observe(self._agent, lambda: gate.hub.filters)
        return application(gate), gate.end

    def close(self) -> None:
        """Let polls answer and streams end, and listen no more."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        if self._server is not None:
            self._server.close()
        self._release()

    def _release(self) -> None:
        if self._gate is not None:
            self._gate.hub.close()
        if self._bridge is not None:
            self._bridge.close()

    def __enter__(self) -> Gateway:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
