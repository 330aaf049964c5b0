"""What can be set on a gateway."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from clacks_events.gateway.access import AccessOptions
from clacks_events.gateway.history import HistoryOptions
from clacks_events.gateway.stream import Bounds

__all__ = ["ConnectionLimits", "GatewayOptions", "Limits", "Tls", "XerusOptions"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much clients may have."""

    streams: int = 20_000
    """Streams and channels in all."""
    streams_per_client: int = 1_000
    query: int = 8_192
    """Characters of a query."""
    stream: Bounds = field(default_factory=Bounds)
    """How much one stream holds."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What a connection may cost before anybody looks at what it asks for."""

    connections: int = 20_000
    connections_per_address: int = 10_000
    """Of addresses of this host and of proxies, too: with a proxy, this is all of them."""
    header: int = 32_768
    """Bytes of a request line and its headers: beyond that the answer is 431."""
    header_timeout: float = 10.0
    """Seconds for them to come: after that the answer is 408."""
    idle_timeout: int = 75
    """Seconds that a connection without a request stays open."""
    frame: int = 1024 * 1024
    """Bytes of a WebSocket message."""
    stall: float = 60.0
    """Seconds after which a peer that takes nothing, or is gone without a word, is cut off."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM form."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class XerusOptions:
    """How channels of the Xerus event service live; times are in seconds."""

    channel_expiry: float = 30.0
    """A channel that is not accessed for so long is gone."""
    poll_timeout: float = 30.0
    """How long a poll waits for events."""
    channels_per_client: int = 1_000


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """What can be set on a gateway beside its address."""

    access: AccessOptions = field(default_factory=AccessOptions)
    limits: Limits = field(default_factory=Limits)
    connections: ConnectionLimits = field(default_factory=ConnectionLimits)
    history: HistoryOptions = field(default_factory=HistoryOptions)
    xerus: XerusOptions = field(default_factory=XerusOptions)
    heartbeat: float = 15.0
    """Seconds between two signs of life on an event stream on which nothing happens."""
    retry: int = 2_000
    """Milliseconds after which an event stream that broke off is to be opened again."""
    tls: Tls | None = None
    stop_timeout: float = 5.0
    """Seconds that requests get to end when the gateway does."""
