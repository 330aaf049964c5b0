"""Plain HTTP: publish, look up types and schemas, explain filters, see how it goes.

::

    publishing   POST /events
    types        GET /types, /types/{name}, /types/{name}/schema
    schemas      GET /schemas, /schemas/{file}
    explaining   POST /filters/explain
    watching     GET /roster, /healthz, /readyz, /metrics
    openapi      GET /openapi.json, /

Each tells of itself in the words of OpenAPI, beside its code.
"""

from __future__ import annotations

from starlette.routing import BaseRoute

from clacks_events.gateway.gate import Gate
from clacks_events.gateway.plain import explaining, openapi, publishing, schemas, types, watching

__all__ = ["routes"]


def routes(gate: Gate) -> list[BaseRoute]:
    """Return the routes."""
    known = [
        entry
        for part in (publishing, types, schemas, explaining, watching)
        for entry in part.entries(gate)
    ]
    return [entry.as_route() for entry in (*known, *openapi.entries(gate, known))]
