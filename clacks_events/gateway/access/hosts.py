"""``Host`` and ``Origin``: by which name a client calls, and whose page makes it call.

A page of a hostile site can make a browser call this gateway, under a name of that site which it
lets point here (DNS rebinding), or across sites. Both say so in these headers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, TypeAlias

from clacks_events.errors import ConfigError

__all__ = ["Hosts", "Origins", "checked_host", "checked_origin"]

# RFC 3986, 3.2.2; names as the DNS has them.
_HOST = re.compile(
    r"(?P<name>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}))(?::(?P<port>\d{1,5}))?"
)
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>.+)", re.IGNORECASE)
_PORTS: Final = {"http": 80, "https": 443}
_REMEMBERED: Final = 1024  # headers

Place: TypeAlias = tuple[str, int | None]


def _place(text: str) -> Place | None:
    """Return a lower-case name and the port, None for what is no host."""
    found = _HOST.fullmatch(text)
    if found is None:
        return None
    name = found["name"].lower().removesuffix(".")
    return name, int(found["port"]) if found["port"] else None


def _address(name: str) -> IPv4Address | IPv6Address | None:
    is_bracketed = name.startswith("[")
    try:
        address = ip_address(name[1:-1] if is_bracketed else name)
    except ValueError:
        return None
    return address if is_bracketed == isinstance(address, IPv6Address) else None


def _is_loopback(name: str) -> bool:
    address = _address(name)
    return name == "localhost" if address is None else address.is_loopback


def checked_host(text: str) -> Place:
    """Return the name and port of a configured host. Raises ConfigError."""
    found = _place(text)
    if found is None:
        raise ConfigError(f"hosts: {text!r} is no NAME or NAME:PORT, without patterns")
    return found


def checked_origin(text: str) -> str:
    """Return a configured origin as browsers write it. Raises ConfigError."""
    found = _ORIGIN.fullmatch(text)
    place = None if found is None else _place(found["host"])
    if found is None or place is None:
        raise ConfigError(f"origins: {text!r} is no https://NAME[:PORT], without path and patterns")
    scheme, (name, port) = found["scheme"].lower(), place
    return f"{scheme}://{name}" + ("" if port in (None, _PORTS[scheme]) else f":{port}")


class Hosts:
    """The names by which this gateway may be called."""

    def __init__(self, hosts: Iterable[str]) -> None:
        """Allow ``hosts``, with any port where they have none, and those of loopback."""
        self._known = frozenset(checked_host(host) for host in hosts)
        self.are_given = bool(self._known)
        """Whether any were configured."""
        self.allows = lru_cache(_REMEMBERED)(self._allows)
        """Tell whether a Host header, as it came, is one of them."""
        self.is_valid = lru_cache(_REMEMBERED)(_is_valid)
        """Tell whether a Host header is one host at all."""
        self.is_address = lru_cache(_REMEMBERED)(_is_address)
        """Tell whether a Host header is an address, and no name."""

    def _allows(self, header: bytes) -> bool:
        place = _place(header.decode("latin-1"))
        if place is None:
            return False
        return _is_loopback(place[0]) or place in self._known or (place[0], None) in self._known


def _is_valid(header: bytes) -> bool:
    return _place(header.decode("latin-1")) is not None


def _is_address(header: bytes) -> bool:
    place = _place(header.decode("latin-1"))
    return place is not None and _address(place[0]) is not None


class Origins:
    """The sites whose pages may use this gateway, beside its own."""

    def __init__(self, origins: Iterable[str]) -> None:
        """Allow pages of ``origins``."""
        self.allowed = frozenset(checked_origin(origin).encode() for origin in origins)
        self.allows = lru_cache(_REMEMBERED)(self._allows)
        """Tell whether an Origin header may call a Host header; ``is_tls``: over TLS."""

    def _allows(self, origin: bytes, host: bytes, is_tls: bool) -> bool:
        return origin in self.allowed or _is_same(origin, host, is_tls)


def _is_same(origin: bytes, host: bytes, is_tls: bool) -> bool:
    found = _ORIGIN.fullmatch(origin.decode("latin-1"))
    own = _place(host.decode("latin-1"))
    foreign = None if found is None else _place(found["host"])
    if found is None or own is None or foreign is None:
        return False
    scheme = found["scheme"].lower()
    if is_tls and scheme != "https":
        return False
    # Without TLS here there may be some in a proxy before: the port that a Host leaves out is
    # then the one of the scheme of the page.
    default = _PORTS[scheme]
    return (own[0], own[1] or default) == (foreign[0], foreign[1] or default)
