"""Many requests in one: ``POST /bulk``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from clacks_events.event import JsonValue
from clacks_events.gateway.xerus.call import Call
from clacks_events.gateway.xerus.desk import Ask, Desk, Method, Resource
from clacks_events.gateway.xerus.jsonrpc import (
    INVALID_REQUEST,
    UNKNOWN_METHOD,
    Fault,
    id_of,
    parsed,
    refused,
)
from clacks_events.gateway.xerus.parameters import Members

__all__ = ["BULK_PATH", "Bulk"]

BULK_PATH: Final = "/bulk"

_MOST = 100
_OK, _NOT_FOUND = 200, 404


class Bulk:
    """Carries out requests one after the other, each with an answer and a status of its own.

    Polls in it wait as they do elsewhere, but all of them together no longer than one would.
    """

    def __init__(self, desk: Callable[[], Desk]) -> None:
        self._desk = desk
        self.resource = Resource(
            "bulkrpc.BulkRequest:1.0.2",
            {
                "performBulk": Method(self._perform, ("requests",)),
                "performRequest": Method(self._perform_text, ("requests",)),
            },
        )

    async def _perform(self, ask: Ask) -> JsonValue:
        responses: list[JsonValue] = []
        for rid, document in _requests(ask.params):
            status, answer = await self._answer(ask.call, rid, document)
            responses.append({"statcode": status, "json": answer})
        return {"responses": responses}

    async def _perform_text(self, ask: Ask) -> JsonValue:
        """Do the same in the old format, in which each request is JSON as a string."""
        responses: list[JsonValue] = []
        for rid, text in _requests(ask.params):
            try:
                document = parsed(text) if isinstance(text, str) else text
            except Fault as fault:
                status, answer = _OK, refused(fault, None)
            else:
                status, answer = await self._answer(ask.call, rid, document)
            responses.append({"statcode": status, "json": json.dumps(answer)})
        return {"responses": responses}

    async def _answer(
        self, call: Call, rid: str, document: JsonValue
    ) -> tuple[int, dict[str, JsonValue]]:
        found = self._desk().find(rid)
        if found is None:
            fault = Fault(UNKNOWN_METHOD, f"Resource not found: {rid[:80]!r}")
            return _NOT_FOUND, refused(fault, id_of(document))
        if found[0] is self.resource:
            fault = Fault(INVALID_REQUEST, "Invalid request: a bulk request inside of another")
            return _OK, refused(fault, id_of(document))
        return _OK, await self._desk().answer(call, *found, document)


def _requests(params: Members) -> list[tuple[str, JsonValue]]:
    """Return the resource and the JSON of each request, all judged before any is carried out."""
    members = [
        Members(item, ("rid", "json"), path) for path, item in params.items("requests", _MOST)
    ]
    return [(each.text("rid"), each.value("json")) for each in members]
