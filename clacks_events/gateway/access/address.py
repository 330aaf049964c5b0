"""Addresses: of this host, of proxies that are believed, and of the client behind them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, TypeAlias

from clacks_events.errors import ConfigError

__all__ = ["Addresses", "is_loopback", "networks", "parsed"]

Network: TypeAlias = IPv4Network | IPv6Network
Address: TypeAlias = IPv4Address | IPv6Address

_LONGEST: Final = 32  # hops of X-Forwarded-For that are looked at
_REMEMBERED: Final = 4096  # addresses


def parsed(text: str) -> Address | None:
    """Return an address, None for what is none; IPv4 in IPv6 is IPv4."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_loopback(host: str) -> bool:
    """Tell whether a host to listen at can be reached from this host alone."""
    address = parsed(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def networks(proxies: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks that are written as addresses or CIDR. Raises ConfigError."""
    return tuple(_network(text) for text in proxies)


def _network(text: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise ConfigError(f"proxies: {text!r} is no address and no network: {error}") from error
    if network.prefixlen == 0:
        raise ConfigError(f"proxies: {text} is everybody, who then could be anybody")
    return network


class Addresses:
    """Where requests come from."""

    def __init__(self, proxies: Iterable[str]) -> None:
        """Know the proxies that are believed. Raises ConfigError."""
        self._proxies = networks(proxies)
        self.is_proxy = lru_cache(_REMEMBERED)(self._is_proxy)
        """Tell whether an address is that of a proxy."""
        self.is_local = lru_cache(_REMEMBERED)(is_loopback)
        """Tell whether an address is one of this host alone."""
        self.counted = lru_cache(_REMEMBERED)(_counted)
        """Return what an address is counted as: of IPv6, a customer has a /64 at least."""

    def client(self, peer: str, forwarded: bytes | None) -> str:
        """Return the address of the client: the right-most that is not that of a proxy.

        ``peer`` is who connected, ``forwarded`` what its X-Forwarded-For headers say, one in a
        line. What a client itself may have written is left of that, and is not looked at.
        """
        if not self._proxies or forwarded is None or not self.is_proxy(peer):
            return peer
        found = peer
        hops = forwarded.decode("latin-1").replace("\n", ",").rsplit(",", _LONGEST)
        for hop in reversed(hops[-_LONGEST:]):
            address = parsed(_without_port(hop.strip()))
            if address is None:
                # Not one that a proxy wrote: the one before is as far as is known.
                return found
            found = str(address)
            if not self.is_proxy(found):
                return found
        return found

    def _is_proxy(self, text: str) -> bool:
        address = parsed(text)
        return address is not None and any(address in network for network in self._proxies)


def _without_port(hop: str) -> str:
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _counted(text: str) -> str:
    address = parsed(text)
    if isinstance(address, IPv6Address) and not address.is_loopback:
        return f"{IPv6Address(int(address) >> 64 << 64)}/64"
    return text if address is None else str(address)
