"""The Xerus event service: channels that are polled by JSON-RPC, as devices of Raritan have it.

::

    endpoint ─ desk                     HTTP, JSON-RPC; which resource has which methods
    service  demands  session  bulk     the resources
    channel                             what a channel can do
    ├ local                             in this process: memory, zmq
    └ brokered ─ reading                in the broker, for any gateway: RabbitMQ
    values ─ idl                        events as value objects, by their schemas
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.routing import BaseRoute, Route

from clacks_events.gateway.gate import Gate
from clacks_events.gateway.xerus.brokered import BrokeredChannels, Shelf
from clacks_events.gateway.xerus.bulk import BULK_PATH, Bulk
from clacks_events.gateway.xerus.channel import Channels
from clacks_events.gateway.xerus.demands import ChannelMethods
from clacks_events.gateway.xerus.desk import CHANNEL_PATH, Desk
from clacks_events.gateway.xerus.endpoint import Endpoint
from clacks_events.gateway.xerus.idl import IdlTypes
from clacks_events.gateway.xerus.local import LocalChannels
from clacks_events.gateway.xerus.rendering import Reader, Render, renderer
from clacks_events.gateway.xerus.service import Service
from clacks_events.gateway.xerus.session import SessionService
from clacks_events.gateway.xerus.values import ValueObjects
from clacks_events.tally import Tally

__all__ = ["routes"]

SERVICE_PATH: Final = "/eventservice"
SESSION_PATH: Final = "/session"


def routes(gate: Gate) -> list[BaseRoute]:
    """Return the routes of the event service. On the loop, which it needs for its end."""
    values = ValueObjects(IdlTypes(gate.catalog))
    tally = Tally(gate.bus.counters)
    channels, end = _channels(gate, tally, renderer(values, tally))
    bulk = Bulk(lambda: desk)
    resources = {
        SERVICE_PATH: Service(gate, channels, values).resource,
        SESSION_PATH: SessionService(gate.sessions).resource,
        BULK_PATH: bulk.resource,
    }
    channel = ChannelMethods(gate, channels, values).resource
    desk = Desk(resources, channel)
    ending = asyncio.ensure_future(_end(gate, end, values.types.close))

    patience = gate.options.xerus.poll_timeout
    found: list[BaseRoute] = []
    for path, resource in (*resources.items(), (f"{CHANNEL_PATH}{{id}}", channel)):
        endpoint = Endpoint(desk, resource, patience)
        endpoint.ending = ending
        found.append(Route(path, endpoint, methods=["POST"], name=resource.type))
        # The Perl client puts a slash between its URL and a resource, which begins with one.
        found.append(Route(f"/{path}", endpoint, methods=["POST"], include_in_schema=False))
    return found


def _channels(gate: Gate, tally: Tally, render: Render) -> tuple[Channels, Callable[[], None]]:
    """Return where channels live, and what is called when the gateway ends."""
    mailboxes = gate.bus.transport.mailboxes
    if mailboxes is None:
        local = LocalChannels(gate, render)
        return local, local.close
    reader = Reader(gate.catalog, gate.bus.publishing.options.max_size, tally, render)
    brokered = BrokeredChannels(Shelf(gate, mailboxes, reader))

    def end() -> None:
        reader.close()
        brokered.end()

    return brokered, end


async def _end(gate: Gate, *ends: Callable[[], None]) -> None:
    await gate.closing.wait()
    for end in ends:
        end()
