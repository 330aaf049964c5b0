"""How many channels each client has, as far as it shows here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from clacks_events.errors import LimitReached
from clacks_events.gateway.access import Principal
from clacks_events.gateway.gate import Gate
from clacks_events.gateway.xerus.expiry import Expiry

__all__ = ["Users"]


class Users:
    """Channels of the broker that were used here not longer ago than they live. Loop only."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._most = gate.options.xerus.channels_per_client
        self._expiry = Expiry(gate.options.xerus.channel_expiry, self.forget)
        self._clients: dict[str, str] = {}
        self._owned: Counter[str] = Counter()

    def begin(self, principal: Principal, id: str) -> None:
        """Take a new channel into account. Raises LimitReached."""
        if self._owned[principal.client] >= self._most:
            raise LimitReached(f"a client may have {self._most} channels at a time")
        if len(self._clients) >= self._gate.options.limits.streams:
            raise LimitReached("the gateway has as many channels as it can have")
        self.seen(principal, id)

    def seen(self, principal: Principal, id: str) -> None:
        """Remember that a channel which is there was used."""
        if id not in self._clients:
            self._clients[id] = principal.client
            self._owned[principal.client] += 1
            self._gate.metrics.channel_opened()
        self._expiry.touch(id)

    @contextmanager
    def use(self, id: str) -> Iterator[None]:
        """Let a channel that is known live until this ends."""
        if id not in self._clients:
            yield
            return
        self._expiry.hold(id)
        try:
            yield
        finally:
            self._expiry.release(id)

    def forget(self, id: str) -> None:
        """Know a channel no more."""
        client = self._clients.pop(id, None)
        if client is None:
            return
        self._expiry.forget(id)
        self._owned[client] -= 1
        if self._owned[client] <= 0:
            del self._owned[client]
        self._gate.metrics.channel_closed()
