"""The event service: ``POST /eventservice``."""

from __future__ import annotations

from clacks_events.agent.policy import Action
from clacks_events.errors import EventError, LimitReached
from clacks_events.event import Event, JsonValue
from clacks_events.gateway.gate import Gate
from clacks_events.gateway.xerus.channel import Channels
from clacks_events.gateway.xerus.desk import CHANNEL_PATH, Ask, Method, Resource, channel_id
from clacks_events.gateway.xerus.jsonrpc import INVALID_PARAMS, Fault
from clacks_events.gateway.xerus.values import ValueObjects

__all__ = ["CHANNEL_TYPE", "Service"]

CHANNEL_TYPE = "event.Channel:1.0.1"

_MOST_PUSHED = 1000
_OK, _INVALID_CHANNEL = 0, 1


class Service:
    """Makes channels and publishes events."""

    def __init__(self, gate: Gate, channels: Channels, values: ValueObjects) -> None:
        self._gate = gate
        self._channels = channels
        self._values = values
        self.resource = Resource(
            "event.Service:1.0.1",
            {
                "createChannel": Method(self._create),
                "destroyChannel": Method(self._destroy, ("channel",)),
                "pushEvent": Method(self._push, ("event",)),
                "pushEvents": Method(self._push_all, ("events",)),
            },
        )

    async def _create(self, ask: Ask) -> JsonValue:
        try:
            made = await self._channels.create(ask.call.principal)
        except LimitReached:
            return {"_ret_": None}  # in the IDL: nil if all channels have been used
        return {"_ret_": {"rid": CHANNEL_PATH + made, "type": CHANNEL_TYPE}}

    async def _destroy(self, ask: Ask) -> JsonValue:
        reference = ask.params.reference("channel")
        found = None if reference is None else channel_id(reference.rid)
        if found is None or not await self._channels.destroy(ask.call.principal, found):
            return {"_ret_": _INVALID_CHANNEL}
        return {"_ret_": _OK}

    async def _push(self, ask: Ask) -> JsonValue:
        event = await self._gate.bridge.run(self._read, "event", ask.params.value("event"))
        await self._gate.publish(ask.call.principal, event)
        return None

    async def _push_all(self, ask: Ask) -> JsonValue:
        """Publish events in their order, or none when any of them cannot be."""
        items = ask.params.items("events", _MOST_PUSHED)
        events = await self._gate.bridge.run(lambda: [self._read(*item) for item in items])
        for event in events:
            self._gate.check(
                ask.call.principal, Action.PUBLISH, self._gate.catalog.lineage(event.type)
            )
        for event in events:
            await self._gate.publish(ask.call.principal, event)
        return None

    def _read(self, path: str, value: JsonValue) -> Event:
        """Return the valid event of a value object, on a thread."""
        event = self._values.from_value(value, path)
        try:
            self._gate.catalog.validate(event, is_shared=False)
        except EventError as error:
            raise Fault(INVALID_PARAMS, f"Invalid params: {path}: {error}") from error
        return event
