"""The application: the routes of all protocols, behind the guard."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from clacks_events.errors import ClacksError
from clacks_events.gateway.access import Guard
from clacks_events.gateway.gate import Gate
from clacks_events.gateway.metrics import Counting
from clacks_events.gateway.problem import answer

__all__ = ["application"]

PROTOCOLS: Final = (
    "clacks_events.gateway.sse",
    "clacks_events.gateway.plain",
    "clacks_events.gateway.afb",
    "clacks_events.gateway.xerus",
)
"""Each has ``routes(gate)``; a new protocol is a module or package with one, and a line here."""


def application(gate: Gate) -> ASGIApp:
    """Return the ASGI application of a gateway."""
    routes = [route for name in PROTOCOLS for route in import_module(name).routes(gate)]
    app = Starlette(
        routes=_together(routes),
        exception_handlers={ClacksError: answer, HTTPException: answer, Exception: answer},
    )
    guard = Guard(app, gate.options.access, lambda: gate.agent.policy, sessions=gate.sessions)
    # Outside of the guard, so that those whom it refuses are counted as well.
    return Counting(guard, gate.metrics)


def _together(routes: Sequence[BaseRoute]) -> list[BaseRoute]:
    """Return the routes, those of one path as one: else the first would refuse other methods."""
    alike: dict[object, list[BaseRoute]] = {}
    for route in routes:
        alike.setdefault(route.path if isinstance(route, Route) else id(route), []).append(route)
    return [found[0] if len(found) == 1 else _joined(found) for found in alike.values()]


def _joined(routes: Sequence[BaseRoute]) -> Route:
    apps = {
        method: route.app
        for route in routes
        if isinstance(route, Route)
        for method in route.methods or ()
    }
    path = next(route.path for route in routes if isinstance(route, Route))
    return Route(path, _ByMethod(apps), methods=list(apps))


class _ByMethod:
    """An application for each method."""

    def __init__(self, apps: dict[str, ASGIApp]) -> None:
        self._apps = apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._apps[scope["method"]](scope, receive, send)
