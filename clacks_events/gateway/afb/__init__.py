"""AGL and redpesk clients: the WebSocket protocol x-afb-ws-json1 at ``/api``."""

from __future__ import annotations

from starlette.routing import BaseRoute, WebSocketRoute

from clacks_events.gateway.afb.handshake import Door
from clacks_events.gateway.gate import Gate

__all__ = ["routes"]


def routes(gate: Gate) -> list[BaseRoute]:
    """Return the route of the WebSocket."""
    return [WebSocketRoute("/api", Door(gate).open)]
