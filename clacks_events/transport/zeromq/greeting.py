"""Connecting to a server: a socket, a greeting, and what is wrong when there is no answer."""

from __future__ import annotations

import json
import math
import time
import uuid
from collections.abc import Callable
from socket import AF_INET6, SOCK_STREAM, getaddrinfo
from typing import Final, TypeAlias

import zmq
from zmq.utils.monitor import recv_monitor_message

from clacks_events.config import Endpoint
from clacks_events.errors import (
    ClacksError,
    ConfigError,
    ConnectFailed,
    ConnectionLost,
    NameTaken,
    NobodyListens,
    PublishFailed,
)
from clacks_events.transport.zeromq import wire
from clacks_events.transport.zeromq.curve import encrypt
from clacks_events.transport.zeromq.wire import pack

__all__ = ["SYNC", "Context", "Socket", "dial", "fault", "greet", "hello", "milliseconds", "probe"]

Socket: TypeAlias = "zmq.Socket[bytes]"
Context: TypeAlias = "zmq.Context[Socket]"

SYNC: Final = b'{"verb": "sync"}'
"""A question whose answer says no more than that there is a server."""

_PATIENCE = 5.0  # seconds to wait for a server that is to be there
_REFUSED = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)
_NOBODY_THERE = "nobody listens there; 'clacks-events serve' starts a server"
_NOBODY = zmq.EVENT_CLOSED | zmq.EVENT_CONNECT_RETRIED


def milliseconds(seconds: float) -> int:
    """Return how long to poll; rounded up, so that nobody turns in circles at the end."""
    return max(0, math.ceil(seconds * 1000))


def dial(context: Context, endpoint: Endpoint, *, hwm: int = 0) -> Socket:
    """Return a socket that is connecting to a server. Raises ConfigError or ConnectFailed."""
    if not endpoint.host or not endpoint.port:
        raise ConfigError(
            f"{endpoint.redacted}: a host and a port are needed, as in zmq://127.0.0.1:5570"
        )
    is_ipv6 = _is_ipv6(endpoint)
    socket = context.socket(zmq.DEALER)
    try:
        encrypt(socket, endpoint)
        socket.linger = 0
        socket.sndhwm = hwm
        socket.rcvhwm = 0  # bounded by what the server sends before it is settled
        socket.reconnect_ivl, socket.reconnect_ivl_max = 50, 1000
        socket.ipv6 = is_ipv6
        host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        socket.connect(f"tcp://{host}:{endpoint.port}")
    except zmq.ZMQError as error:
        socket.close(0)
        raise ConnectFailed(str(error), url=endpoint.redacted) from error
    except ClacksError:
        socket.close(0)
        raise
    return socket


def _is_ipv6(endpoint: Endpoint) -> bool:
    # libzmq would try for ever to find a host that there is not.
    try:
        found = getaddrinfo(endpoint.host, endpoint.port, type=SOCK_STREAM)
    except OSError as error:
        raise ConnectFailed(f"no such host: {error}", url=endpoint.redacted) from error
    return all(family == AF_INET6 for family, *_ in found)


def greet(socket: Socket, question: bytes, url: str) -> None:
    """Ask something and wait for the answer. Raises ConnectFailed, which says what is wrong."""
    # An address of its own: that of a former monitor is not free at once.
    monitor = socket.get_monitor_socket(_REFUSED | _NOBODY, f"inproc://greeting-{uuid.uuid4()}")
    try:
        _await_answer(socket, monitor, question, url)
    finally:
        socket.disable_monitor()
        monitor.close(0)


def _await_answer(socket: Socket, monitor: Socket, question: bytes, url: str) -> None:
    socket.send_multipart((wire.ASK, pack(0), question))
    poller = zmq.Poller()
    poller.register(socket, zmq.POLLIN)
    poller.register(monitor, zmq.POLLIN)
    deadline = time.monotonic() + _PATIENCE
    while (left := deadline - time.monotonic()) > 0:
        ready = dict(poller.poll(milliseconds(left)))
        if socket in ready:
            kind, *rest = socket.recv_multipart()
            if kind == wire.DONE:
                return
            if kind == wire.REFUSED:
                raise ConnectFailed(f"the server speaks version {rest[0][0]} only", url=url)
        elif monitor in ready and (reason := _reason(recv_monitor_message(monitor)["event"])):
            raise ConnectFailed(reason, url=url)
    raise ConnectFailed(f"no answer within {_PATIENCE:g} s; is it an embedded server?", url=url)


def _reason(event: int) -> str:
    if event & _REFUSED:
        return (
            "the handshake failed: the server wants a client_key that it knows and its own"
            " server_key, or none if it has no keys"
        )
    return _NOBODY_THERE if event & _NOBODY else ""


def probe(endpoint: Endpoint) -> bool:
    """Tell whether a server answers at an address, or nobody listens there.

    Raises ConfigError, or ConnectFailed when somebody else listens or does not let us in.
    """
    context: Context = zmq.Context()
    try:
        socket = dial(context, endpoint)
        try:
            greet(socket, SYNC, endpoint.redacted)
        except ConnectFailed as error:
            if error.reason is not _NOBODY_THERE:
                raise
            return False
        else:
            return True
        finally:
            socket.close(100)
    finally:
        context.term()


def hello(session: str) -> bytes:
    """Return what a client asks first; its session tells one connection from the next."""
    return json.dumps({"verb": "hello", "session": session}).encode()


_ERRORS: dict[str, Callable[[str, str], ClacksError]] = {
    "NameTaken": lambda reason, url: NameTaken(f"{url}: {reason}"),
    "NobodyListens": lambda reason, url: NobodyListens(reason, url=url),
    "ConnectionLost": lambda reason, url: ConnectionLost(reason, url=url),
}


def fault(told: bytes, url: str) -> ClacksError | None:
    """Return the error that the server told of, if it did."""
    answer = json.loads(told)
    if "error" not in answer:
        return None
    reason = str(answer.get("reason", ""))
    make = _ERRORS.get(answer["error"])
    return make(reason, url) if make else PublishFailed(reason, url=url)
