"""The embedded server: a broker of one's own on a TCP port, without anything to install."""

from __future__ import annotations

import atexit
import contextlib
import ipaddress
import os
import socket
import weakref
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlencode

import zmq
from zmq.utils.monitor import recv_monitor_message

from clacks_events.config import Endpoint
from clacks_events.errors import ConfigError, ConnectFailed
from clacks_events.transport.zeromq.curve import Gate, owner_options
from clacks_events.transport.zeromq.greeting import probe
from clacks_events.transport.zeromq.server.loop import Loop, ServerCounters
from clacks_events.transport.zeromq.server.queues import Limits

__all__ = ["EmbeddedServer", "Limits", "ServerCounters", "ensure_server"]

_ATTEMPTS = 3
_OPTIONS = ("client_key", "server_key", "hwm")
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "*": "127.0.0.1", "::": "::1"}


@dataclass(slots=True, weakref_slot=True, eq=False)
class _Running:
    context: zmq.Context[zmq.Socket[bytes]]
    loop: Loop
    port: int
    listener: int
    """The descriptor of the socket that listens."""
    process: int
    is_stopped: bool = False

    def stop(self) -> None:
        # A forked child has the object, but neither the thread nor the right to the sockets.
        if self.is_stopped or os.getpid() != self.process:
            return
        self.is_stopped = True
        self.loop.stop()
        self.context.term()


class EmbeddedServer:
    """A server that answers at an address: one's own, or one that was there already."""

    def __init__(self, endpoint: Endpoint, running: _Running | None) -> None:
        self.host = endpoint.host
        self.port: int = running.port if running else endpoint.port or 0
        self.is_owner = running is not None
        self._options = endpoint.options
        self._running = running
        if running is not None:
            # Not with this object: who only wants that there is a server need not keep it.
            atexit.register(running.stop)

    @property
    def url(self) -> str:
        """The URL for ``connect`` in this process; with keys, it names the files of the server."""
        host = _EVERYWHERE.get(self.host, self.host)
        options = urlencode(self._options, quote_via=quote)
        plain = Endpoint("zmq", host=host, port=self.port).redacted
        return f"{plain}?{options}" if options else plain

    @property
    def counters(self) -> ServerCounters:
        """What happened so far; all zero if the server is somebody else's."""
        return self._running.loop.counters if self._running else ServerCounters()

    def close(self) -> None:
        """End the server, if it is one's own."""
        if self._running is not None:
            self._running.stop()
            atexit.unregister(self._running.stop)

    def __enter__(self) -> EmbeddedServer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def ensure_server(endpoint: Endpoint, *, keys: Path | None, limits: Limits) -> EmbeddedServer:
    """Start a server unless one answers at the address; see clacks_events.ensure_server."""
    _check(endpoint, keys)
    if keys is not None:
        endpoint = replace(endpoint, options={**owner_options(keys), **endpoint.options})
    for _ in range(_ATTEMPTS):
        started = _start(endpoint, keys, limits)
        if isinstance(started, _Running):
            return EmbeddedServer(endpoint, started)
        # Who has the port is, we hope, a server as well. Or it was one, and is just leaving.
        if _answers(endpoint, started):
            return EmbeddedServer(endpoint, None)
    raise ConnectFailed(f"no server can be started there: {started}", url=endpoint.redacted)


def _check(endpoint: Endpoint, keys: Path | None) -> None:
    endpoint.check_options(_OPTIONS)
    if not endpoint.host or endpoint.port is None:
        raise ConfigError(
            f"{endpoint.redacted}: a server needs a host and a port (0: any free one)"
        )
    if keys is None and not _is_loopback(endpoint.host):
        raise ConfigError(
            f"{endpoint.redacted}: without keys the server is for this machine only; give it the"
            " directory that 'clacks-events keys' makes"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _answers(endpoint: Endpoint, reason: str) -> bool:
    try:
        return probe(endpoint)
    except ConnectFailed as error:
        raise ConnectFailed(
            f"no server can be started there ({reason}), and none answers: {error.reason}",
            url=endpoint.redacted,
        ) from error


def _start(endpoint: Endpoint, keys: Path | None, limits: Limits) -> _Running | str:
    """Start a server, or return why there can be none."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with contextlib.ExitStack() as stack:
        stack.callback(context.destroy, 0)
        gate = Gate(context, keys)
        router = _router(context, gate, limits)
        router.ipv6 = ":" in endpoint.host
        # Before it is bound, so that its descriptor is told.
        monitor = router.get_monitor_socket(zmq.EVENT_LISTENING | zmq.EVENT_DISCONNECTED)
        try:
            router.bind(f"tcp://{_address(endpoint.host)}:{endpoint.port or '*'}")
        except (zmq.ZMQError, OSError) as error:
            return str(error)
        listener: int = recv_monitor_message(monitor)["value"]
        port = int(router.getsockopt_string(zmq.LAST_ENDPOINT).rpartition(":")[2])
        running = _Running(context, Loop(router, gate, limits), port, listener, os.getpid())
        os.register_at_fork(after_in_child=partial(_let_go, weakref.ref(running)))
        stack.pop_all()
    return running


def _router(
    context: zmq.Context[zmq.Socket[bytes]], gate: Gate, limits: Limits
) -> zmq.Socket[bytes]:
    router = context.socket(zmq.ROUTER)
    router.linger = 0
    router.router_mandatory = True
    # How much is on its way to a client is bounded by what it has settled; this is for those who
    # settle nothing, ask much and do not read the answers.
    router.sndhwm = limits.frames
    router.maxmsgsize = limits.message_size
    gate.guard(router)
    return router


def _address(host: str) -> str:
    # libzmq binds to addresses and interfaces, not to names.
    if host == "localhost":
        return "127.0.0.1"
    if host == "*":
        return host
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
    address = str(found[4][0])
    return f"[{address}]" if ":" in address else address


def _let_go(server: weakref.ref[_Running]) -> None:
    """Close the port in a child that was forked: it would keep it when this process has died."""
    running = server()
    if running is not None and not running.is_stopped:
        os.close(running.listener)
