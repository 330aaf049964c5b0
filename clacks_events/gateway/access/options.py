"""What can be set about who gets in."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from clacks_events.errors import ConfigError
from clacks_events.gateway.access.address import networks
from clacks_events.gateway.access.hosts import checked_host, checked_origin
from clacks_events.xml import MAX_SIZE

__all__ = ["AccessOptions"]

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, 5.6.2
_POSITIVE: Final = (
    "rate",
    "burst",
    "requests",
    "body",
    "body_timeout",
    "failures",
    "check_timeout",
    "clients",
    "session_lifetime",
)
_CREDENTIALS: Final = frozenset(
    {"authorization", "x-sessiontoken", "x-afb-token", "host", "origin"}
)


@dataclass(frozen=True, slots=True)
class AccessOptions:
    """Who gets in, and how much each may ask for.

    Where the policy has users with a token or a password, credentials are needed. Where it has
    none and no proxy is named, the gateway is open for the host that it runs on, and for that
    one alone; ``rate``, ``burst`` and ``requests`` then do not apply. Raises ConfigError.
    """

    hosts: tuple[str, ...] = ()
    """``NAME`` or ``NAME:PORT`` by which clients call the gateway, beside those of loopback."""
    origins: tuple[str, ...] = ()
    """``https://NAME[:PORT]`` of other sites whose pages may use the gateway."""
    anonymous: bool = False
    """Whether those without credentials come in as anonymous, although the policy has users."""
    user_header: str | None = None
    """The header in which a proxy says who the user is, such as ``X-Remote-User``."""
    proxies: tuple[str, ...] = ()
    """Addresses and networks of proxies whose ``X-Forwarded-For`` and user header are believed."""
    rate: float = 100.0
    """Requests a second that each client may go on with."""
    burst: int = 500
    """Requests that each client may make at once."""
    requests: int = 500
    """Requests, streams and WebSockets that each client may have open at a time."""
    body: int = MAX_SIZE + 1024 * 1024
    """Bytes of a request body: beyond that the answer is 413."""
    body_timeout: float = 10.0
    """Seconds for a whole body to come: after that the answer is 408."""
    failures: int = 10
    """Wrong credentials a minute from one address: beyond that the answer is 429."""
    check_timeout: float = 5.0
    """Seconds for credentials to be checked, where many are: after that the answer is 503."""
    clients: int = 10_000
    """How many clients and addresses are told apart; of more, the longest unseen is forgotten."""
    session_lifetime: float = 3600.0
    """Seconds that the token of a session is good for."""

    def __post_init__(self) -> None:
        for host in self.hosts:
            checked_host(host)
        for origin in self.origins:
            checked_origin(origin)
        networks(self.proxies)
        if self.user_header is not None:
            self._check_user_header(self.user_header)
        for name in _POSITIVE:
            self._check_positive(name)

    def _check_user_header(self, name: str) -> None:
        if not _TOKEN.fullmatch(name) or name.lower() in _CREDENTIALS:
            raise ConfigError(
                f"user_header: {name!r} is no header that a proxy could say a user in"
            )
        if not self.proxies:
            raise ConfigError(
                f"user_header: {name} is believed from proxies alone, and there are none:"
                " set proxies to their addresses"
            )

    def _check_positive(self, name: str) -> None:
        value = getattr(self, name)
        if not (value > 0 and math.isfinite(value)):
            raise ConfigError(f"{name}: a number above 0 is needed, not {value!r}")
