"""One HTTP request while it is answered: who asks, how long he waits, and whether he is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from starlette.types import Receive, Scope

from clacks_events.event import JsonValue
from clacks_events.gateway.access import Principal

__all__ = ["Call", "Lease"]

_TURNS = 4
"""Turns of the loop after which it is known that a connection was lost before: the transport
reads the end, tells the protocol, that wakes whoever receives, and that ends."""


class Lease(Protocol):
    """Events that are on their way to a client, and still belong to a channel."""

    @property
    def events(self) -> Sequence[JsonValue]:
        """The value objects."""

    @property
    def more(self) -> bool:
        """Whether the channel has more."""

    @property
    def size(self) -> int:
        """About how large they are, in bytes."""

    async def settle(self) -> None:
        """Keep them for the client alone; when this returns all others are in their place."""

    def confirm(self) -> None:
        """Say that he has them. Until then they come again when this process dies."""

    def give_back(self) -> None:
        """Say that he does not: whoever polls next gets them."""


class Call:
    """A request of a client. Loop only."""

    __slots__ = (
        "_receive", "_settled", "_watch", "deadline", "leases", "on_gone", "principal", "scope",
    )  # fmt: skip

    def __init__(
        self, principal: Principal, scope: Scope, receive: Receive, deadline: float
    ) -> None:
        """``deadline`` is when polls answer at the latest, by the clock of the loop."""
        self.principal = principal
        self.deadline = deadline
        self.scope = scope
        self.leases: list[Lease] = []
        self._settled: list[Lease] = []
        self.on_gone: Callable[[], None] | None = None
        """Called when the client goes while it is set."""
        self._receive = receive
        self._watch: asyncio.Task[None] | None = None

    @property
    def is_gone(self) -> bool:
        """Whether the client has gone, as far as ``watch`` knows."""
        return self._watch is not None and self._watch.done()

    def watch(self) -> None:
        """Begin to look whether the client goes."""
        if self._watch is None:
            self._watch = asyncio.create_task(self._wait())
            self._watch.add_done_callback(self._tell)

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _tell(self, watch: asyncio.Task[None]) -> None:
        if not watch.cancelled():
            watch.exception()  # a connection that fails is gone as well
            if self.on_gone is not None:
                self.on_gone()

    async def is_there(self) -> bool:
        """Tell whether the client was there for what has been sent so far."""
        self.watch()
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        return not self.is_gone

    def close(self) -> None:
        """Stop to look; what was not settled is given back, the last that was taken first."""
        self.on_gone = None
        if self._watch is not None:
            self._watch.cancel()
        while self.leases:
            self.leases.pop().give_back()
        self.confirm()

    async def settle(self) -> None:
        """Keep what the client is answered with for him alone."""
        while self.leases:
            lease = self.leases.pop(0)
            self._settled.append(lease)
            await lease.settle()

    def confirm(self) -> None:
        """Say that the client has what was settled."""
        while self._settled:
            self._settled.pop(0).confirm()
