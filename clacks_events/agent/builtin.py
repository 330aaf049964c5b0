"""The commands that every agent has."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from clacks_events.agent.nodes import NodeRoster
from clacks_events.agent.policy import Policy
from clacks_events.agent.rule import Action
from clacks_events.bus import Bus
from clacks_events.commands import Commands
from clacks_events.event import Event, JsonValue
from clacks_events.xml import decoded, local_name

__all__ = ["BuiltIn", "Ground"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ground:
    """What the built-in commands stand on."""

    bus: Bus
    name: str
    commands: Commands
    policy: Callable[[], Policy]
    roster: Callable[[], NodeRoster]
    busy: Callable[[], int]


class BuiltIn:
    """Sends events for others, and tells what there is."""

    def __init__(self, ground: Ground) -> None:
        """Offer the commands, under the names that Clacks programs call."""
        self._ground = ground
        self._since = time.monotonic()
        add = ground.commands.add
        add(self.send_event, name="sendEvent")
        add(self.methods, name="getMethods", idempotent=True)
        add(self.event_types, name="getEventTypes", idempotent=True)
        add(self.event_schema, name="getEventSchema", idempotent=True)
        add(self.nodes, name="getNodes", idempotent=True)
        add(self.clients, name="getClients", idempotent=True)
        add(self.ping, name="ping", idempotent=True)

    def send_event(self, data: str, user: str | None) -> str:
        """Validate an event and publish it; returns its id."""
        bus = self._ground.bus
        event = Event.from_xml(data, decoder=bus.catalog, max_size=bus.publishing.options.max_size)
        self._ground.policy().check(Action.PUBLISH, user, bus.catalog.lineage(event.type))
        sent = bus.publish(event)
        log.info("published %s %s for user %s", local_name(sent.type), sent.id, user)
        return sent.id or ""

    def methods(self) -> dict[str, JsonValue]:
        """Return the commands, each with its parameters, what it returns and what it does."""
        return self._ground.commands.describe()

    def event_types(self) -> dict[str, str]:
        """Return the event types by Clark name, each with what it says."""
        return {known.name: known.documentation for known in self._ground.bus.catalog.types}

    def event_schema(self, name: str) -> str:
        """Return the XSD file that declares an event type."""
        return decoded(self._ground.bus.catalog.source(name))

    def nodes(self) -> JsonValue:
        """Return the agents that are there, with what they offer and how loaded they are."""
        return self._ground.roster().as_json()["nodes"]

    def clients(self) -> JsonValue:
        """Return the clients that are there, with what they offer."""
        return self._ground.roster().as_json()["clients"]

    def ping(self) -> dict[str, JsonValue]:
        """Return which node answers, its time, its uptime in seconds and its busy workers."""
        return {
            "name": self._ground.name,
            "time": datetime.now(UTC).isoformat(),
            "uptime": round(time.monotonic() - self._since, 3),
            "busy": self._ground.busy(),
        }
