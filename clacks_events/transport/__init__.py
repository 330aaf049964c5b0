"""Ways to a broker, by the scheme of its URL."""

from __future__ import annotations

import difflib
from importlib import import_module

from clacks_events.config import BusOptions, parse_url
from clacks_events.errors import ConfigError
from clacks_events.transport.base import Transport

__all__ = ["TRANSPORTS", "open_transport"]

TRANSPORTS: dict[str, str] = {
    "amqp": "clacks_events.transport.amqp:AmqpTransport",
    "amqps": "clacks_events.transport.amqp:AmqpTransport",
    "memory": "clacks_events.transport.memory:MemoryTransport",
}
"""The class behind each URL scheme, imported on first use."""


def open_transport(url: str, options: BusOptions | None = None) -> Transport:
    """Connect to the broker behind a URL.

    Raises ConfigError for a URL that cannot be used, ConnectFailed when nobody lets us in.
    """
    endpoint = parse_url(url)
    target = TRANSPORTS.get(endpoint.scheme)
    if target is None:
        near = difflib.get_close_matches(endpoint.scheme, TRANSPORTS, n=1)
        hint = f"did you mean {near[0]}://?" if near else f"known are {', '.join(TRANSPORTS)}"
        raise ConfigError(f"unknown URL scheme {endpoint.scheme!r}; {hint}")
    module, _, name = target.partition(":")
    factory = getattr(import_module(module), name)
    transport: Transport = factory(endpoint, options or BusOptions())
    return transport
