"""``/schemas``: the XSD files, as they are in force."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from clacks_events.gateway.gate import Gate
from clacks_events.gateway.plain.answers import as_json, tagged
from clacks_events.gateway.plain.entry import ANY, TEXT, Entry, Operation, answer, parameter
from clacks_events.gateway.plain.names import file_names
from clacks_events.gateway.problem import NotFound

__all__ = ["entries"]

_XSD_TYPE: Final = "application/xml"  # which encoding it has, the file says itself

_LIST: Final = Operation(
    id="listSchemas",
    tag="types",
    summary="List the XSD files",
    text="Those that others include are among them: relative locations lead to them.",
    answers={
        200: answer(
            "The files.",
            json={
                "type": "object",
                "properties": {
                    "schemas": {
                        "type": "array",
                        "items": {**ANY, "properties": {"file": TEXT, "links": ANY}},
                    }
                },
            },
        )
    },
)
_GET: Final = Operation(
    id="getSchema",
    tag="types",
    summary="Get an XSD file",
    parameters=(
        parameter("file", "As it is listed; it may have slashes.", place="path"),
        parameter("If-None-Match", "The `ETag` of the file that one has.", place="header"),
    ),
    answers={
        200: answer("The file, with an `ETag`.", xml=TEXT),
        304: answer("It is the one that one has."),
    },
    problems=(404,),
)


def entries(gate: Gate) -> list[Entry]:
    """Return the endpoints."""
    schemas = _Schemas(gate)
    return [
        Entry("GET", "/schemas", _LIST, schemas.list),
        Entry("GET", "/schemas/{file:path}", _GET, schemas.get),
    ]


class _Schemas:
    """Files by the names that the list has; no path is ever made of what a client says."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def list(self, request: Request) -> Response:
        """Answer with the names of the files."""
        return tagged(request, await self._gate.bridge.run(self._listed))

    async def get(self, request: Request) -> Response:
        """Answer with one file."""
        body = await self._gate.bridge.run(self._file, request.path_params["file"])
        return tagged(request, body, _XSD_TYPE)

    def _listed(self) -> bytes:
        files: list[dict[str, Any]] = [
            {"file": name, "links": {"self": f"/schemas/{quote(name)}"}}
            for name in sorted(file_names(self._gate.catalog))
        ]
        return as_json({"schemas": files})

    def _file(self, name: str) -> bytes:
        catalog = self._gate.catalog
        path = file_names(catalog).get(name)
        body = None if path is None else catalog.schema_files().get(path)
        if body is None:
            raise NotFound(f"no schema file {name[:200]!r}; /schemas lists them")
        return body
