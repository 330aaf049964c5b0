"""``GET /openapi.json`` and ``GET /``: what there is.

Source: OpenAPI 3.1.0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from clacks_events.catalog import Catalog
from clacks_events.gateway.gate import Gate
from clacks_events.gateway.plain.answers import as_json, tagged
from clacks_events.gateway.plain.entry import ANY, TEXT, Entry, Operation, answer, path_of
from clacks_events.gateway.plain.names import Names
from clacks_events.gateway.plain.protocols import PROTOCOLS

__all__ = ["entries"]

_TAGS: Final = {
    "events": "Publish and receive events.",
    "types": "What events there are, and what is in them.",
    "state": "Who is there, and how it goes.",
    "afb": "For clients of AGL and redpesk.",
    "xerus": "For clients of the Xerus event service, as devices of Raritan have it.",
}
_PROBLEM: Final[dict[str, Any]] = {
    "description": "What went wrong (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": TEXT,
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "instance": TEXT,
        "path": {**TEXT, "description": "Where in the event, as XPath or JSONPath."},
        "line": {"type": "integer"},
        "column": {"type": "integer"},
        "reason": TEXT,
    },
}
_SCHEMES: Final[dict[str, Any]] = {
    "basic": {"type": "http", "scheme": "basic"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "header", "name": "X-SessionToken"},
}
_UNSAFE: Final = re.compile(r"[^a-zA-Z0-9._-]")

_DESCRIPTION: Final = Operation(
    id="getDescription",
    tag="state",
    summary="This description",
    answers={200: answer("OpenAPI 3.1.", json=ANY)},
)
_INDEX: Final = Operation(
    id="getIndex",
    tag="state",
    summary="The entry points",
    answers={
        200: answer(
            "Paths by what they are for.",
            json={
                "type": "object",
                "properties": {"name": TEXT, "version": TEXT, "links": ANY},
            },
        )
    },
)


def entries(gate: Gate, others: Sequence[Entry]) -> list[Entry]:
    """Return the endpoints, which tell of themselves and of all ``others``."""

    async def index(request: Request) -> Response:
        return tagged(request, as_json(_index(own)))

    async def description(request: Request) -> Response:
        return tagged(request, await gate.bridge.run(_document, gate.catalog, own))

    own = [
        *others,
        Entry("GET", "/openapi.json", _DESCRIPTION, description),
        Entry("GET", "/", _INDEX, index),
    ]
    return own[len(others) :]


def _index(known: Sequence[Entry]) -> dict[str, Any]:
    plain = [(entry.method, path_of(entry.route), entry.operation) for entry in known]
    links = {
        operation.id: {"method": method, "href": path, "title": operation.summary}
        for method, path, operation in sorted([*plain, *PROTOCOLS], key=lambda each: each[1])
    }
    return {"name": "clacks-events", "version": _version(), "links": links}


def _document(catalog: Catalog, known: Sequence[Entry]) -> bytes:
    paths: dict[str, dict[str, Any]] = {}
    for entry in known:
        described = paths.setdefault(path_of(entry.route), {})
        described[entry.method.lower()] = entry.operation.as_json()
    for method, path, operation in PROTOCOLS:
        paths.setdefault(path, {})[method.lower()] = operation.as_json()
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "clacks-events",
            "version": _version(),
            "description": "Events of the bus, for those who speak HTTP.",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "security": [{}, *({name: []} for name in _SCHEMES)],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {"Problem": _PROBLEM, **_types(catalog)},
            "securitySchemes": _SCHEMES,
        },
    }
    return as_json(document)


def _types(catalog: Catalog) -> dict[str, Any]:
    """Return a component for the payload of each event type, which leads to its schema."""
    names, found = Names(catalog), dict[str, Any]()
    for known in catalog.types:
        wanted = name = f"types.{_UNSAFE.sub('_', known.local_name)}"
        number = 1
        while name in found:
            number += 1
            name = f"{wanted}.{number}"
        found[name] = {"$ref": f"{names.of_type(known)}/schema"}
    return found


def _version() -> str:
    try:
        return version("clacks-events")
    except PackageNotFoundError:
        return "0"
