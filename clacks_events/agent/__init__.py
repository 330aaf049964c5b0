"""An agent: a process on the bus that carries out commands for others."""

from __future__ import annotations

import logging

from clacks_events.agent.commands import Commands
from clacks_events.bus import Bus
from clacks_events.event import JsonValue
from clacks_events.rpc import DEFAULT_QUEUE, RpcServer
from clacks_events.xml import decoded, local_name

__all__ = ["Agent"]

log = logging.getLogger(__name__)


class Agent:
    """Serves the built-in commands on a bus until it is closed."""

    def __init__(self, bus: Bus, *, queue: str = DEFAULT_QUEUE, workers: int = 4) -> None:
        """Start to serve with a pool of ``workers`` threads; the bus stays the caller's."""
        self._bus = bus
        self.commands = Commands()
        self.commands.add(self.sendEvent)
        self.commands.add(self.getMethods)
        self.commands.add(self.getEventTypes)
        self.commands.add(self.getEventSchema)
        self._server = RpcServer(
            bus.transport, self.commands.dispatch, queue=queue, workers=workers
        )

    def sendEvent(self, data: str, user: str | None) -> str:
        """Validate an event and publish it; returns its id."""
        sent = self._bus.publish(data)
        log.info("published %s %s for user %s", local_name(sent.type), sent.id, user)
        return sent.id or ""

    def getMethods(self) -> dict[str, JsonValue]:
        """Return the commands, each with its parameters and what it does."""
        return self.commands.describe()

    def getEventTypes(self) -> dict[str, JsonValue]:
        """Return the event types by Clark name, each with what it says."""
        return {known.name: known.documentation for known in self._bus.catalog.types}

    def getEventSchema(self, name: str) -> str:
        """Return the XSD file that declares an event type."""
        return decoded(self._bus.catalog.source(name))

    def close(self) -> None:
        """Take no more calls and finish those that run."""
        self._server.close()
