"""The api ``event``: what a client does with the bus."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from lxml import etree

from clacks_events.catalog import Catalog
from clacks_events.envelope import ENVELOPE
from clacks_events.event import Event, JsonValue
from clacks_events.gateway.access import Principal
from clacks_events.gateway.afb.refusals import invalid, unknown_verb
from clacks_events.gateway.afb.subjects import Subject, subject_of, type_and_source
from clacks_events.gateway.gate import Gate
from clacks_events.gateway.stream import Stream
from clacks_events.gateway.wanted import Question
from clacks_events.stamp import Stamper

__all__ = ["EventApi"]

_Verb: TypeAlias = Callable[[Principal, JsonValue], Awaitable[JsonValue]]

_PUSHED: Final = 'what to push is {"event": name, "data": payload}, or {"xml": text}'


class EventApi:
    """Subscribes one connection, and pushes events for it, each in the order of the calls."""

    def __init__(self, gate: Gate, stream: Stream) -> None:
        self._gate = gate
        self._stream = stream
        self._subjects: dict[Subject, None] = {}
        # Calls run side by side, but what is later of two must not come first.
        self._subscribing = asyncio.Lock()
        self._pushing = asyncio.Lock()
        self._verbs: Mapping[str, _Verb] = {
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "push": self._push,
            "list": self._list,
        }

    async def call(self, principal: Principal, verb: str, args: JsonValue) -> JsonValue:
        """Carry a call out and return what it is answered with.

        Raises Refusal, or what the gate raises.
        """
        found = self._verbs.get(verb)
        if found is None:
            raise unknown_verb(f"event has {', '.join(self._verbs)}, and no {verb[:100]!r}")
        return await found(principal, args)

    async def _subscribe(self, principal: Principal, args: JsonValue) -> JsonValue:
        subject = subject_of(args)
        async with self._subscribing:
            if subject not in self._stream:
                question = Question(subject.query, tuple(subject.types), subject.source)
                wanted = await self._gate.compiled(principal, question)
                await self._stream.add(subject, wanted)
                self._subjects[subject] = None
        return None

    async def _unsubscribe(self, principal: Principal, args: JsonValue) -> JsonValue:
        del principal
        subject = subject_of(args)
        async with self._subscribing:
            await self._stream.remove(subject)
            self._subjects.pop(subject, None)
        return None

    async def _list(self, principal: Principal, args: JsonValue) -> JsonValue:
        del principal, args
        return {
            "types": [
                {
                    "name": known.local_name,
                    "type": known.name,
                    "documentation": known.documentation,
                }
                for known in self._gate.catalog.types
                if not known.is_abstract
            ],
            "subscribed": [subject.text for subject in self._subjects],
        }

    async def _push(self, principal: Principal, args: JsonValue) -> JsonValue:
        if not isinstance(args, dict):
            raise invalid(_PUSHED)
        async with self._pushing:
            sent = await self._gate.publish(principal, await self._pushed(args))
        return {"id": sent.id}

    async def _pushed(self, args: dict[str, JsonValue]) -> Event | str:
        if args.keys() == {"xml"}:
            xml = args["xml"]
            if not isinstance(xml, str):
                raise invalid("the xml is text")
            return xml
        name, data = _named(args)
        type, source = type_and_source(name)
        return await self._gate.bridge.run(_built, self._gate.catalog, type, source, data)


def _named(args: dict[str, JsonValue]) -> tuple[str, JsonValue]:
    if args.keys() not in ({"event", "data"}, {"type", "data"}, {"event"}, {"type"}):
        raise invalid(_PUSHED)
    name = args.get("event", args.get("type"))
    if not isinstance(name, str):
        raise invalid("the name of an event is text")
    return name, args.get("data", {})


def _built(catalog: Catalog, type: str, source: str | None, data: JsonValue) -> Event:
    event = catalog.build(type, {} if data is None else data)
    if source is None:
        return event
    envelope = etree.Element(ENVELOPE, source=Stamper(source).source)
    envelope.append(event.payload)
    return Event(envelope, decoder=catalog)
