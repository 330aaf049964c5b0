"""A broker of one's own, without anything to install: the embedded server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from clacks_events.config import parse_url
from clacks_events.errors import ConfigError

if TYPE_CHECKING:
    from clacks_events.transport.zeromq.server import EmbeddedServer

__all__ = ["DEFAULT_ADDRESS", "ensure_server", "key_files", "make_keys"]

DEFAULT_ADDRESS = "zmq://127.0.0.1:5570"
"""Where the embedded server is unless another place is named."""


def ensure_server(url: str = DEFAULT_ADDRESS, *, keys: str | Path | None = None) -> EmbeddedServer:
    """Start a server in this process unless one answers at the address, and return it.

    Port 0 is any free port; ``url`` and ``port`` of the result tell which. When several processes
    try at the same time, one of them has the server and the others find it. It ends when it is
    closed, or with its process. Without ``keys``, a directory that ``clacks-events keys`` made, it
    serves this machine only, and nothing is encrypted.

    Raises ConfigError, or ConnectFailed when something else has the port.
    """
    endpoint = parse_url(url)
    if endpoint.scheme != "zmq":
        raise ConfigError(f"{endpoint.redacted}: an embedded server has a zmq:// address")
    # Here, because pyzmq is an extra.
    from clacks_events.transport.zeromq import server

    return server.ensure_server(
        endpoint, keys=None if keys is None else Path(keys), limits=server.Limits()
    )


def key_files(directory: str | Path, name: str | None = None) -> tuple[Path, Path]:
    """Return where the public and the secret key of a server are, or of a client by name.

    Raises ConfigError for a name that is no file name or that of the server.
    """
    from clacks_events.transport.zeromq import curve

    return curve.key_files(Path(directory), name)


def make_keys(directory: str | Path, name: str | None = None) -> tuple[Path, Path]:
    """Make the keys of a server, or of a client by name; return the public and the secret file.

    A server lets those in whose public keys lie in its ``clients`` directory. Raises ConfigError
    if there are such keys already, or for a name that is no file name or that of the server.
    """
    from clacks_events.transport.zeromq import curve

    return curve.make_keys(Path(directory), name)
