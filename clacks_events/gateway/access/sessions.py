"""Sessions: tokens that expire, for clients that log in once."""

from __future__ import annotations

import hmac
import secrets
import struct
import time
from collections.abc import Callable
from typing import Final

from clacks_events.agent.policy import Policy
from clacks_events.gateway.access.principal import Principal

__all__ = ["Sessions"]

_HEAD = struct.Struct("!BQ8s")  # kind, when it expires in seconds since 1970, something random
_NOBODY: Final = 0
_USER: Final = 1
_MAC: Final = 32
_LABEL: Final = b"clacks-events session"
_LONGEST: Final = 2048  # hexadecimal digits


class Sessions:
    """Makes tokens of sessions, and knows them again; nothing is kept of them.

    That of a user is signed with what the policy has of his secrets: each gateway with the same
    policy takes it, and none does once his token or password is another. That of somebody
    anonymous is good in this process alone.
    """

    def __init__(
        self,
        policy: Callable[[], Policy],
        lifetime: float = 3600.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Use the policy that is in force; ``lifetime`` is in seconds."""
        self.lifetime = lifetime
        """Seconds that a token is good for."""
        self._policy = policy
        self._clock = clock
        self._own = secrets.token_bytes(32)

    def issue(self, principal: Principal) -> str:
        """Return a token, in hexadecimal.

        A user whom a proxy vouches for, without a secret in the policy, gets one that opens
        nothing: the proxy says at each request who he is.
        """
        name = principal.name
        kind, text = (_NOBODY, principal.client) if name is None else (_USER, name)
        expires = int(self._clock() + self.lifetime)
        data = _HEAD.pack(kind, expires, secrets.token_bytes(8)) + text.encode()
        key = self._key(name) or secrets.token_bytes(32)
        return (data + hmac.digest(key, data, "sha256")).hex()

    def lookup(self, token: str) -> Principal | None:
        """Return whose session it is; None for one that has expired, or never was."""
        try:
            data = bytes.fromhex(token) if len(token) <= _LONGEST else b""
        except ValueError:
            return None
        if len(data) < _HEAD.size + _MAC:
            return None
        data, mac = data[:-_MAC], data[-_MAC:]
        kind, expires, _ = _HEAD.unpack_from(data)
        text = data[_HEAD.size :].decode(errors="replace")
        key = self._key(text if kind == _USER else None)
        if key is None or not hmac.compare_digest(hmac.digest(key, data, "sha256"), mac):
            return None
        if self._clock() >= expires:
            return None
        return Principal(None, text) if kind == _NOBODY else Principal(text, f"user {text}")

    def is_anonymous(self, token: str) -> bool:
        """Tell whether a token says that it is of nobody, which is no reason to let him in."""
        return token[:2] == f"{_NOBODY:02x}"

    def _key(self, name: str | None) -> bytes | None:
        if name is None:
            return self._own
        user = self._policy().users.get(name)
        if user is None or not (user.token or user.password):
            return None
        stored = f"{user.token or ''}\n{user.password or ''}"
        return hmac.digest(stored.encode(), _LABEL, "sha256")
