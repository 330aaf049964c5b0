"""What channels can do: ``POST /event/channel/{id}``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from clacks_events.errors import UnknownEventType
from clacks_events.event import JsonValue
from clacks_events.gateway.gate import Gate
from clacks_events.gateway.xerus.call import Call
from clacks_events.gateway.xerus.channel import Channels
from clacks_events.gateway.xerus.desk import Ask, Method, Resource
from clacks_events.gateway.xerus.jsonrpc import INVALID_PARAMS, UNKNOWN_METHOD, Fault
from clacks_events.gateway.xerus.parameters import Members, text_of
from clacks_events.gateway.xerus.selection import EventSelect, is_sayable
from clacks_events.gateway.xerus.service import CHANNEL_TYPE
from clacks_events.gateway.xerus.values import ValueObjects

__all__ = ["ChannelMethods"]

_MOST_DEMANDED = 1000
_LARGEST_ANSWER = 4 * 1024 * 1024  # bytes of events, after which further polls bring none


class ChannelMethods:
    """Lets clients say what they want to receive, and take it."""

    def __init__(self, gate: Gate, channels: Channels, values: ValueObjects) -> None:
        self._gate = gate
        self._channels = channels
        self._values = values
        self.resource = Resource(CHANNEL_TYPE, self._methods())

    def _methods(self) -> dict[str, Method]:
        return {
            "demandEventType": Method(self._demand_type, ("type",)),
            "demandEventTypes": Method(self._demand_types, ("types",)),
            "demandEvent": Method(self._demand_event, ("type", "src")),
            "demandEvents": Method(self._demand_events, ("events",)),
            "cancelEventType": Method(self._cancel_type, ("type",)),
            "cancelEventTypes": Method(self._cancel_types, ("types",)),
            "cancelEvent": Method(self._cancel_event, ("type", "src")),
            "cancelEvents": Method(self._cancel_events, ("events",)),
            "pollEvents": Method(self._poll),
            "pollEventsNb": Method(self._poll_at_once),
            "subscribe": Method(_call_back, ("consumer",)),
            "unsubscribe": Method(_call_back, ("consumer",)),
        }

    async def _demand_type(self, ask: Ask) -> JsonValue:
        return await self._demand(ask, [self._type(ask.params)])

    async def _demand_types(self, ask: Ask) -> JsonValue:
        return await self._demand(ask, self._types(ask.params))

    async def _demand_event(self, ask: Ask) -> JsonValue:
        return await self._demand(ask, [self._event(ask.params)])

    async def _demand_events(self, ask: Ask) -> JsonValue:
        return await self._demand(ask, self._events(ask.params))

    async def _cancel_type(self, ask: Ask) -> JsonValue:
        return await self._cancel(ask, [self._type(ask.params)])

    async def _cancel_types(self, ask: Ask) -> JsonValue:
        return await self._cancel(ask, self._types(ask.params))

    async def _cancel_event(self, ask: Ask) -> JsonValue:
        return await self._cancel(ask, [self._event(ask.params)])

    async def _cancel_events(self, ask: Ask) -> JsonValue:
        return await self._cancel(ask, self._events(ask.params))

    async def _demand(self, ask: Ask, chosen: Sequence[EventSelect]) -> JsonValue:
        channel = await self._channels.find(ask.call.principal, ask.id)
        await channel.select(ask.call.principal, dict.fromkeys(chosen), ())
        return None

    async def _cancel(self, ask: Ask, chosen: Sequence[EventSelect]) -> JsonValue:
        channel = await self._channels.find(ask.call.principal, ask.id)
        await channel.select(ask.call.principal, (), dict.fromkeys(chosen))
        return None

    async def _poll(self, ask: Ask) -> JsonValue:
        return await self._take(ask.call, ask.id, ask.call.deadline)

    async def _poll_at_once(self, ask: Ask) -> JsonValue:
        return await self._take(ask.call, ask.id, 0.0)

    async def _take(self, call: Call, id: str, deadline: float) -> JsonValue:
        if sum(lease.size for lease in call.leases) > _LARGEST_ANSWER:
            return {"_ret_": True, "events": []}
        channel = await self._channels.find(call.principal, id)
        metrics, loop = self._gate.metrics, asyncio.get_running_loop()
        began = loop.time()
        metrics.poll_began()
        try:
            lease = await channel.poll(call, deadline)
        finally:
            metrics.poll_ended(loop.time() - began)
        if lease.events:
            call.leases.append(lease)
        return {"_ret_": lease.more, "events": list(lease.events)}

    def _type(self, params: Members) -> EventSelect:
        return EventSelect(self._known(params.text("type"), "type"))

    def _types(self, params: Members) -> list[EventSelect]:
        items = params.items("types", _MOST_DEMANDED)
        return [EventSelect(self._known(text_of(item, path), path)) for path, item in items]

    def _event(self, params: Members, path: str = "") -> EventSelect:
        at = f"{path}." if path else ""
        type = self._known(params.text("type"), f"{at}type")
        source = params.reference("src")
        if source is not None and not is_sayable(source.rid):
            raise Fault(
                INVALID_PARAMS, f"Invalid params: {at}src.rid has a character that XML has not"
            )
        return EventSelect(type, None if source is None else source.rid)

    def _events(self, params: Members) -> list[EventSelect]:
        items = params.items("events", _MOST_DEMANDED)
        return [self._event(Members(item, ("type", "src"), path), path) for path, item in items]

    def _known(self, name: str, path: str) -> str:
        """Return the Clark name of the event type of an IDL name."""
        try:
            return self._values.types.tag(name)
        except UnknownEventType as error:
            raise Fault(INVALID_PARAMS, f"Invalid params: {path}: {error}") from error


async def _call_back(_: Ask) -> JsonValue:
    raise Fault(
        UNKNOWN_METHOD, "Method not available via JSON-RPC: events are polled, not called back"
    )
