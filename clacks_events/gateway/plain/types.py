"""``/types``: which events there are, and what is in them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from lxml import etree
from starlette.requests import Request
from starlette.responses import Response

from clacks_events.catalog import Catalog, EventType
from clacks_events.errors import UnknownEventType
from clacks_events.gateway.gate import Gate
from clacks_events.gateway.plain.answers import as_json, tagged
from clacks_events.gateway.plain.entry import ANY, TEXT, Entry, Operation, answer, parameter
from clacks_events.gateway.plain.names import Names
from clacks_events.gateway.problem import NotFound

__all__ = ["entries"]

_SCHEMA_TYPE: Final = "application/schema+json; charset=utf-8"
_NAME: Final = parameter(
    "name", "The name of a type, or `{namespace}name`, percent-encoded.", place="path"
)
_TEXTS: Final = {"type": "array", "items": TEXT}
_FLAG: Final = {"type": "boolean"}
_SUMMARY: Final[dict[str, Any]] = {
    "name": TEXT,
    "type": {**TEXT, "description": "`{namespace}name`"},
    "lineage": {**_TEXTS, "description": "The types that it derives from, root first, and itself."},
    "is_abstract": {**_FLAG, "description": "Whether only types derived from it are published."},
    "documentation": TEXT,
    "links": {**ANY, "additionalProperties": TEXT},
}
_DETAILS: Final[dict[str, Any]] = {
    **_SUMMARY,
    "derived": {**_TEXTS, "description": "The types that derive from it."},
    "fields": {"type": "array", "items": ANY},
    "sample": {**ANY, "description": "An example as `xml`, and as the `json` to publish."},
    "schema": {**ANY, "description": "The JSON Schema of the payload as JSON."},
}
_LIST: Final = Operation(
    id="listTypes",
    tag="types",
    summary="List the event types",
    answers={
        200: answer(
            "All of them, by name.",
            json={
                "type": "object",
                "properties": {
                    "types": {"type": "array", "items": {**ANY, "properties": _SUMMARY}}
                },
            },
        )
    },
)
_DESCRIBE: Final = Operation(
    id="describeType",
    tag="types",
    summary="Describe an event type",
    parameters=(_NAME,),
    answers={200: answer("What is in it.", json={**ANY, "properties": _DETAILS})},
    problems=(404,),
)
_SCHEMA: Final = Operation(
    id="getTypeSchema",
    tag="types",
    summary="Get the JSON Schema of an event type",
    text="By it is valid what the payload of each valid event is in JSON (JSON Schema 2020-12).",
    parameters=(_NAME,),
    answers={200: answer("The schema.", schema=ANY)},
    problems=(404,),
)


def entries(gate: Gate) -> list[Entry]:
    """Return the endpoints."""
    types = _Types(gate)
    # The one with the longer path first: a name may have slashes.
    return [
        Entry("GET", "/types", _LIST, types.list),
        Entry("GET", "/types/{name:path}/schema", _SCHEMA, types.schema),
        Entry("GET", "/types/{name:path}", _DESCRIBE, types.describe),
    ]


class _Types:
    """What the catalog says, as JSON; what takes long to work out is kept until it changes."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._kept: dict[tuple[str, str], tuple[EventType, bytes]] = {}

    async def list(self, request: Request) -> Response:
        """Answer with the types."""
        return tagged(request, await self._gate.bridge.run(self._listed))

    async def describe(self, request: Request) -> Response:
        """Answer with all about one type."""
        name = request.path_params["name"]
        return tagged(request, await self._gate.bridge.run(self._made, "details", name))

    async def schema(self, request: Request) -> Response:
        """Answer with the JSON Schema of one type."""
        name = request.path_params["name"]
        body = await self._gate.bridge.run(self._made, "schema", name)
        return tagged(request, body, _SCHEMA_TYPE)

    def _listed(self) -> bytes:
        catalog = self._gate.catalog
        names = Names(catalog)
        return as_json({"types": [_summary(known, names) for known in catalog.types]})

    def _made(self, kind: str, name: str) -> bytes:
        catalog = self._gate.catalog
        try:
            known = catalog.type(name)
        except UnknownEventType as error:
            raise NotFound(error.reason) from error
        kept = self._kept.get((kind, known.name))
        # A catalog that has changed has other objects.
        if kept is not None and kept[0] is known:
            return kept[1]
        content = catalog.json_schema(known.name) if kind == "schema" else self._details(known)
        body = as_json(content)
        self._kept[kind, known.name] = (known, body)
        return body

    def _details(self, known: EventType) -> dict[str, Any]:
        catalog = self._gate.catalog
        return {
            **_summary(known, Names(catalog)),
            "documentation": known.documentation,
            "derived": sorted(catalog.derived(known.name) - {known.name}),
            "fields": [asdict(field) for field in catalog.fields(known.name)],
            "sample": _sample(catalog, known),
            "schema": catalog.json_schema(known.name),
        }


def _summary(known: EventType, names: Names) -> dict[str, Any]:
    own, file = names.of_type(known), names.of_file(known.file)
    return {
        "name": known.local_name,
        "type": known.name,
        "lineage": list(known.lineage),
        "is_abstract": known.is_abstract,
        "documentation": known.documentation.partition("\n")[0],
        "links": {"self": own, "schema": f"{own}/schema", **({"xsd": file} if file else {})},
    }


def _sample(catalog: Catalog, known: EventType) -> dict[str, Any] | None:
    """Return an example that can be published; None for an abstract type without derived ones."""
    derived = catalog.derived(known.name)
    # What is only a part of other types can derive from it as well.
    concrete = [t.name for t in catalog.types if t.name in derived and not t.is_abstract]
    if not concrete:
        return None
    event = catalog.sample(known.name if known.name in concrete else concrete[0])
    payload = event.payload
    etree.indent(payload)
    return {
        "xml": etree.tostring(payload, encoding="unicode"),
        "json": {"type": event.type, "payload": event.json()["payload"]},
    }
