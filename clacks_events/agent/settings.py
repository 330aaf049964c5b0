"""The file that says how an agent runs as a service."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from clacks_events.errors import ConfigError
from clacks_events.rpc import DEFAULT_QUEUE

__all__ = ["AgentSettings", "GatewaySettings", "read_settings"]

_UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]*)`")

Positive = Annotated[float, Meta(gt=0)]
Name = Annotated[str, Meta(min_length=1)]


Count = Annotated[int, Meta(ge=1)]


class GatewaySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be said in the table ``gateway``; what is left out is as safe as it comes."""

    certificate: Path | None = None
    """TLS: the certificate with its chain, in PEM form."""
    private_key: Path | None = None
    hosts: tuple[Name, ...] | None = None
    """Names by which clients call it, beside those of loopback."""
    origins: tuple[Name, ...] | None = None
    """Other sites whose pages may use it, as ``https://NAME``."""
    anonymous: bool | None = None
    """Whether those without credentials may come in although the policy has users."""
    user_header: Name | None = None
    """The header in which a proxy says who the user is."""
    proxies: tuple[Name, ...] | None = None
    """Addresses and networks of those proxies."""
    rate: Positive | None = None
    """Requests a second for each client."""
    burst: Count | None = None
    requests: Count | None = None
    """Requests and streams that a client may have open at a time."""
    body: Count | None = None
    """Bytes of a request."""
    connections: Count | None = None
    connections_per_address: Count | None = None
    streams: Count | None = None
    streams_per_client: Count | None = None
    history: Count | None = None
    """Events that are kept for those who come back."""
    linger: Positive | None = None
    """Seconds for which events are still received that nobody wants any more."""
    heartbeat: Positive | None = None
    """Seconds between two signs of life on a stream."""
    channel_expiry: Positive | None = None
    """Seconds after which a Xerus channel that nobody uses is gone."""


class AgentSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be said in ``agent.toml``; paths are relative to the file."""

    url: Name | None = None
    """The broker. Without it $CLACKS_URL, and without that the embedded server."""
    listen: Name | None = None
    """Start the embedded server at HOST:PORT, instead of connecting to a URL."""
    keys: Path | None = None
    """The directory that ``clacks-events keys`` made, for the embedded server."""
    name: Name | None = None
    """The name of this node; that of the host unless given."""
    queue: Name = DEFAULT_QUEUE
    """The work queue that agents of one kind share."""
    source: Name | None = None
    """Who publishes; the node unless given."""
    workers: Annotated[int, Meta(ge=1)] = 4
    """How many calls are carried out at a time."""
    schemas: tuple[Path, ...] = ()
    """Directories of XSD files beside the built-in ones."""
    policy: Path | None = None
    """Who may do what; without it everybody may do everything."""
    status_interval: Positive = 10.0
    """Seconds between two reports of the load of this node."""
    http: Name | None = None
    """Open the gateway at HOST:PORT."""
    gateway: GatewaySettings = GatewaySettings()
    """How the gateway runs."""


def read_settings(path: Path) -> AgentSettings:
    """Read an ``agent.toml``. Raises ConfigError, which names the file, the key and the reason."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error

    def below(kind: type, value: Any) -> Any:
        if kind is Path and isinstance(value, str) and value:
            return path.parent / value
        raise ValueError("Expected the path of a file or directory")

    try:
        settings = msgspec.toml.decode(text, type=AgentSettings, dec_hook=below)
    except (msgspec.MsgspecError, ValueError) as error:
        # ValueError: what the TOML parser of Python raises, with line and column.
        raise ConfigError(f"{path}: {error}{_hint(str(error))}") from error
    if settings.url is not None and settings.listen is not None:
        raise ConfigError(f"{path}: url is a broker to connect to, listen is to be one: not both")
    return settings


def _hint(reason: str) -> str:
    unknown = _UNKNOWN.search(reason)
    names = AgentSettings.__struct_fields__ + GatewaySettings.__struct_fields__
    near = difflib.get_close_matches(unknown["name"], names, n=1) if unknown else ()
    return f"; did you mean {near[0]}?" if near else ""
