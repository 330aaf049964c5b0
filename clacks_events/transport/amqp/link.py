"""Connect to RabbitMQ, and turn what kombu and py-amqp raise into our errors."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import amqp
from amqp import exceptions as fault
from kombu.connection import Connection

from clacks_events.config import Endpoint
from clacks_events.errors import (
    AccessDenied,
    ClacksError,
    ConfigError,
    ConnectFailed,
    TransportError,
)

__all__ = [
    "AMQP_ERRORS",
    "REFUSALS",
    "Connect",
    "check_options",
    "connect",
    "cut",
    "has_pending",
    "may_write",
]

# py-amqp raises AttributeError and TypeError from places that find a connection gone.
AMQP_ERRORS = (fault.AMQPError, fault.MessageNacked, OSError, AttributeError, TypeError)
REFUSALS = (fault.AccessRefused, fault.PreconditionFailed, fault.NotAllowed)

Connect: TypeAlias = Callable[[str], amqp.Connection]
"""Opens a connection for a named purpose."""

_TLS = ("cacertfile", "certfile", "keyfile", "verify", "server_name_indication")
_OPTIONS = (*_TLS, "heartbeat", "connection_timeout")
_HEARTBEAT = 10.0  # seconds
_CONNECT_TIMEOUT = 5.0  # seconds
_IO_TIMEOUT = 10.0  # seconds that one read or write of a live connection may take


def check_options(endpoint: Endpoint) -> None:
    """Raise ConfigError unless all options of the URL can be used."""
    endpoint.check_options(_OPTIONS)
    if endpoint.scheme == "amqp" and (given := [o for o in _TLS if o in endpoint.options]):
        raise ConfigError(f"{endpoint.redacted}: {given[0]} needs an amqps:// URL")
    if not endpoint.host:
        raise ConfigError(
            f"{endpoint.scheme}:// needs a host, as in {endpoint.scheme}://host/vhost"
        )
    _seconds(endpoint, "heartbeat", _HEARTBEAT)
    _seconds(endpoint, "connection_timeout", _CONNECT_TIMEOUT)
    _tls(endpoint)


def _seconds(endpoint: Endpoint, name: str, default: float) -> float:
    text = endpoint.options.get(name)
    try:
        value = default if text is None else float(text)
    except ValueError as error:
        raise ConfigError(f"{endpoint.redacted}: {name}={text} is not a number") from error
    # The RabbitMQ URI specification counts connection_timeout in milliseconds.
    return value / 1000 if text is not None and name == "connection_timeout" else value


def _tls(endpoint: Endpoint) -> dict[str, Any] | bool:
    if endpoint.scheme != "amqps":
        return False
    options = endpoint.options
    verify = options.get("verify", "verify_peer")
    if verify not in ("verify_peer", "verify_none"):
        raise ConfigError(f"{endpoint.redacted}: verify is verify_peer or verify_none")
    tls: dict[str, Any] = {
        "ca_certs": options.get("cacertfile"),
        "certfile": options.get("certfile"),
        "keyfile": options.get("keyfile"),
    }
    if verify == "verify_none":
        return {**tls, "cert_reqs": ssl.CERT_NONE}
    # py-amqp checks the host name exactly when it is given one.
    name = options.get("server_name_indication", endpoint.host)
    return {**tls, "cert_reqs": ssl.CERT_REQUIRED, "server_hostname": name}


def connect(endpoint: Endpoint, purpose: str) -> amqp.Connection:
    """Open a connection; raise ConnectFailed with cause and remedy if that fails."""
    timeout = _seconds(endpoint, "connection_timeout", _CONNECT_TIMEOUT)
    client = Connection(
        hostname=endpoint.host,
        port=endpoint.port or (5671 if endpoint.scheme == "amqps" else 5672),
        userid=endpoint.user or "guest",
        password=endpoint.password or ("" if endpoint.user else "guest"),
        virtual_host=endpoint.path or "/",
        ssl=_tls(endpoint),
        heartbeat=_seconds(endpoint, "heartbeat", _HEARTBEAT),
        connect_timeout=timeout,
        login_method="PLAIN",
        transport="pyamqp",
        transport_options={"client_properties": _properties(purpose)},
    )
    connection: amqp.Connection | None = None
    try:
        # Not client.connect(): that tries twice and waits in between.
        connection = client.transport.establish_connection()
        connection.sock.settimeout(_IO_TIMEOUT)
        # The broker has heard that we understand connection.blocked. py-amqp would now read the
        # socket before each publish to look for it, which takes as long as publishing; whoever
        # owns the connection reads when there is something to read.
        connection.client_properties["capabilities"].pop("connection.blocked", None)
    except (*AMQP_ERRORS, ValueError) as error:
        cut(connection)
        raise ConnectFailed(_explain(error, endpoint), url=endpoint.redacted) from error
    return connection


def _properties(purpose: str) -> dict[str, Any]:
    return {
        "product": "clacks-events",
        "connection_name": f"clacks-events {purpose} ({socket.gethostname()})",
        "capabilities": {"consumer_cancel_notify": True, "authentication_failure_close": True},
    }


def _explain(error: Exception, endpoint: Endpoint) -> str:
    user, vhost = endpoint.user or "guest", endpoint.path or "/"
    if isinstance(error, fault.AccessRefused):
        return f"the broker refuses user {user!r}: check user name and password"
    if isinstance(error, fault.NotAllowed | fault.NotFound):
        return f"virtual host {vhost!r} does not exist or is closed to user {user!r}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the broker's certificate is refused: {error.verify_message}; see cacertfile"
    if isinstance(error, ssl.SSLError):
        return f"no TLS with the broker: {error.reason or error}; is this the amqps port?"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused: is a broker running there?"
    if isinstance(error, socket.gaierror):
        return f"unknown host {endpoint.host!r}: {error.strerror}"
    if isinstance(error, TimeoutError):
        return "no answer in time: check host, port and firewall"
    if isinstance(error, FileNotFoundError):
        return f"no such file: {error.filename or 'one of cacertfile, certfile, keyfile'}"
    return f"no AMQP connection: {error or type(error).__name__}"


def cut(connection: amqp.Connection | None) -> None:
    """Let go of a connection that is broken, without a word to the broker."""
    if connection is None:
        return
    try:
        connection.collect()
    except AMQP_ERRORS:
        # It is gone either way; py-amqp stumbles over what is already missing.
        return


def has_pending(connection: amqp.Connection) -> bool:
    """Tell whether TLS has bytes that were received already, of which poll() knows nothing."""
    sock = connection.sock
    return isinstance(sock, ssl.SSLSocket) and sock.pending() > 0


def may_write(connection: amqp.Connection) -> bool:
    """Tell whether other threads than its own may write frames that want no reply.

    py-amqp writes one frame after the other since 5.4.2; OpenSSL does not read and write at once.
    """
    return not isinstance(connection.sock, ssl.SSLSocket)


def within(deadline: float) -> float:
    """Return the seconds that are left, at least none."""
    return max(0.0, deadline - time.monotonic())


def translated(error: Exception, url: str) -> ClacksError:
    """Return a refusal of the broker as one of our errors."""
    text = getattr(error, "reply_text", "") or str(error)
    if isinstance(error, fault.AccessRefused):
        return AccessDenied(f"{url}: {text}")
    return TransportError(text, url=url)
