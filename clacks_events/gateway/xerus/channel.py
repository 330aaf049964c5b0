"""What a channel can do, wherever its events wait."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Final, Protocol

from clacks_events.gateway.access import Principal
from clacks_events.gateway.xerus.call import Call, Lease
from clacks_events.gateway.xerus.jsonrpc import NO_CHANNEL, Fault
from clacks_events.gateway.xerus.selection import EventSelect

__all__ = ["MOST_EVENTS", "Channel", "Channels", "new_id", "no_channel"]

MOST_EVENTS: Final = 100
"""How many events one poll brings."""


class Channel(Protocol):
    """The events that one client has asked for, until it takes them. Loop only."""

    async def select(
        self, principal: Principal, more: Collection[EventSelect], less: Collection[EventSelect]
    ) -> None:
        """Ask for more events and for others no longer; returns when the broker knows.

        Raises AccessDenied, UnknownEventType, LimitReached, ConnectionLost, and then nothing has
        changed; Fault when there is no such channel.
        """

    async def poll(self, call: Call, deadline: float) -> Lease:
        """Return what there is, as soon as there is anything.

        It is empty at the deadline, by the clock of the loop, when somebody else polls, when the
        client is gone and when the gateway ends. Raises Fault when there is no such channel.
        """


class Channels(Protocol):
    """All channels that can be polled here. Loop only."""

    async def create(self, principal: Principal) -> str:
        """Make a channel and return its id. Raises LimitReached or ConnectionLost."""

    async def find(self, principal: Principal, id: str) -> Channel:
        """Return a channel of a client, which is used thereby. Raises Fault."""

    async def destroy(self, principal: Principal, id: str) -> bool:
        """Let a channel go; tells whether there was one. Raises ConnectionLost."""


def new_id() -> str:
    """Return an id that nobody can guess: whoever is the same client may use the channel."""
    return secrets.token_hex(16)


def no_channel() -> Fault:
    """Return the fault of a channel that is not there, or not for this client."""
    return Fault(
        NO_CHANNEL, "No such event channel: it was destroyed, or not accessed for too long"
    )
