"""Encryption and client keys: who is let in, and under which name.

Source: ZeroMQ RFC 26 (CurveZMQ) and RFC 27 (ZAP).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import zmq
import zmq.auth
from zmq.utils import z85

from clacks_events.config import Endpoint
from clacks_events.errors import ConfigError

__all__ = ["CLIENTS", "SERVER", "Gate", "encrypt", "key_files", "make_keys", "owner_options"]

log = logging.getLogger(__name__)

_ZAP = "inproc://zeromq.zap.01"
_PUBLIC, _SECRET = ".key", ".key_secret"

_KEY_SIZE = 40  # characters in Z85, for 32 bytes
_LONGEST_NAME = 200  # bytes, so that there is room for the suffix

CLIENTS = "clients"
"""The directory of client keys, in that of a server."""
SERVER = "server"
"""The name of a server's keys, and of the user who has them."""


def key_files(directory: Path, name: str | None = None) -> tuple[Path, Path]:
    """Return where the public and the secret key of a server are, or of a client by name.

    Raises ConfigError for a name that is no file name or that of the server.
    """
    if name is not None:
        _check_name(name)
    stem = directory / SERVER if name is None else directory / CLIENTS / name
    return stem.with_name(stem.name + _PUBLIC), stem.with_name(stem.name + _SECRET)


def make_keys(directory: Path, name: str | None = None) -> tuple[Path, Path]:
    """Make the keys of a server, or of a client by name; see clacks_events.embedded.make_keys."""
    public, secret = key_files(directory, name)
    for path in (public, secret):
        if path.exists():
            raise ConfigError(f"{path} is there already; remove it to make new keys")
    ours, hidden = (key.decode() for key in zmq.curve_keypair())
    try:
        public.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write(secret, f'curve\n    public-key = "{ours}"\n    secret-key = "{hidden}"\n', 0o600)
        _write(public, f'curve\n    public-key = "{ours}"\n', 0o644)
    except OSError as error:
        raise ConfigError(f"cannot write the keys: {error}") from error
    return public, secret


def _check_name(name: str) -> None:
    is_file_name = name.isprintable() and Path(name).name == name and name.strip(" .") == name
    if not is_file_name or not 0 < len(name.encode(errors="replace")) <= _LONGEST_NAME:
        raise ConfigError(f"a client's name becomes a file name, which {name!r} is not")
    if name == SERVER:
        raise ConfigError(f"{SERVER!r} is who has the keys of the server; name the client else")


def _write(path: Path, text: str, mode: int) -> None:
    # Never readable for others, not even for a moment; and never in place of another.
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)


def owner_options(keys: Path) -> dict[str, str]:
    """Return the options of a URL with which the owner of a server's keys connects to it."""
    public, secret = key_files(keys)
    return {"client_key": str(secret), "server_key": str(public)}


def encrypt(socket: zmq.Socket[bytes], endpoint: Endpoint) -> None:
    """Let a client's socket use the keys that its URL names. Raises ConfigError."""
    ours, theirs = endpoint.options.get("client_key"), endpoint.options.get("server_key")
    if (ours is None) != (theirs is None):
        raise ConfigError(f"{endpoint.redacted}: client_key and server_key belong together")
    if ours is None or theirs is None:
        return
    public, secret = _load(Path(ours))
    if secret is None:
        raise ConfigError(f"{ours} holds no secret key: client_key is the *.key_secret file")
    server = _load(Path(theirs))[0]
    try:
        socket.curve_publickey, socket.curve_secretkey = public, secret
        socket.curve_serverkey = server
    except zmq.ZMQError as error:
        raise ConfigError(f"no key in {ours} or {theirs}: {error}") from error


def _load(path: Path) -> tuple[bytes, bytes | None]:
    try:
        public, secret = zmq.auth.load_certificate(path)
    except (OSError, ValueError, IndexError) as error:
        raise ConfigError(f"cannot read the key {path}: {error}") from error
    if len(public) != _KEY_SIZE or (secret is not None and len(secret) != _KEY_SIZE):
        raise ConfigError(f"{path} holds no key: a key has {_KEY_SIZE} characters")
    return public, secret


class Gate:
    """Says who may connect to a server: everybody, or only who has a key."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], keys: Path | None) -> None:
        """Prepare to let in the clients whose keys lie in a directory that make_keys made."""
        self._keys = keys
        self.socket: zmq.Socket[bytes] | None = None
        if keys is not None:
            _, secret = key_files(keys)
            if not secret.exists():
                raise ConfigError(f"{secret} is missing; 'clacks-events keys {keys}' makes keys")
            self._pair = _load(secret)
            if self._pair[1] is None:
                raise ConfigError(f"{secret} holds no secret key")
            self.socket = context.socket(zmq.REP)
            self.socket.bind(_ZAP)

    def guard(self, router: zmq.Socket[bytes]) -> None:
        """Let a socket ask this gate, and encrypt; before it is bound."""
        if self._keys is not None:
            try:
                router.curve_publickey, router.curve_secretkey = self._pair
            except zmq.ZMQError as error:
                raise ConfigError(f"no key of a server in {self._keys}: {error}") from error
            router.curve_server = True
            router.zap_domain = b"clacks"

    def admit(self) -> None:
        """Answer whether a connection may be made."""
        if self.socket is None:
            return
        version, number, _domain, address, _identity, _mechanism, *credentials = (
            self.socket.recv_multipart()
        )
        user = self._user_of(z85.encode(credentials[0])) if credentials else None
        if user is None:
            log.warning("refused: a client at %s with a key that is not known", address.decode())
            answer = (b"400", b"this key is not known", b"")
        else:
            answer = (b"200", b"OK", user.encode())
        self.socket.send_multipart((version, number, *answer, b""))

    def _user_of(self, key: bytes) -> str | None:
        if key == self._pair[0]:
            return SERVER
        # Read for each connection, which are few: who is added or removed needs no restart.
        return next((name for name, known in self._clients() if known == key), None)

    def _clients(self) -> Iterator[tuple[str, bytes]]:
        if self._keys is None:
            return
        for path in sorted((self._keys / CLIENTS).glob(f"*{_PUBLIC}")):
            try:
                yield path.name.removesuffix(_PUBLIC), _load(path)[0]
            except ConfigError as error:
                log.warning("a client that cannot connect: %s", error)

    def close(self) -> None:
        """Let nobody in any more."""
        if self.socket is not None:
            self.socket.close(0)
