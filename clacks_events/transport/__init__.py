"""Ways to a broker, by the scheme of its URL."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from importlib import import_module

from clacks_events.config import BusOptions, Endpoint, parse_url
from clacks_events.errors import ConfigError
from clacks_events.transport.base import Transport

__all__ = ["TRANSPORTS", "open_transport"]

TRANSPORTS: dict[str, str] = {
    "amqp": "clacks_events.transport.amqp:AmqpTransport",
    "amqps": "clacks_events.transport.amqp:AmqpTransport",
    "memory": "clacks_events.transport.memory:MemoryTransport",
    "zmq": "clacks_events.transport.zeromq:ZeromqTransport",
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
    transport: Transport = _loaded(endpoint.scheme, target)(endpoint, options or BusOptions())
    return transport


def _loaded(scheme: str, target: str) -> Callable[[Endpoint, BusOptions], Transport]:
    module, _, name = target.partition(":")
    try:
        factory: Callable[[Endpoint, BusOptions], Transport] = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        # What only one transport needs is an extra of the package, named like its scheme.
        raise ConfigError(
            f"{scheme}:// needs the package {error.name}: pip install 'clacks-events[{scheme}]'"
        ) from error
    return factory
