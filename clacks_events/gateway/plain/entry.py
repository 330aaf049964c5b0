"""An endpoint together with what OpenAPI says of it.

Source: OpenAPI 3.1.0, Operation Object.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

__all__ = ["ANY", "JSON", "TEXT", "Entry", "Operation", "answer", "parameter", "path_of"]

Endpoint = Callable[[Request], Awaitable[Response]]

JSON: Final = "application/json"
TEXT: Final[dict[str, Any]] = {"type": "string"}
ANY: Final[dict[str, Any]] = {"type": "object"}

_CONVERTOR: Final = re.compile(r":\w+\}")
_PROBLEMS: Final = {
    400: "Parameters that do not exist, or values that they cannot have.",
    403: "The policy does not allow it.",
    404: "There is none of this name.",
    409: "Nobody listens.",
    412: "A WebSocket subprotocol that is not spoken here.",
    413: "The body is larger than what is read.",
    415: "A body of another media type.",
    422: "Understood, but not valid: `path`, `line` and `reason` say what, where and why.",
    429: "More than one client may have; `Retry-After` says when to try again.",
    503: "The broker is away.",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """What an endpoint does, in the words of OpenAPI."""

    id: str
    tag: str
    summary: str
    text: str = ""
    parameters: Sequence[Mapping[str, Any]] = ()
    body: Mapping[str, Any] = field(default_factory=dict)
    """Media types of the body, each with its schema."""
    answers: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    problems: Sequence[int] = ()
    """Statuses that come as problem+json."""

    def as_json(self) -> dict[str, Any]:
        """Return the Operation Object."""
        answers = {str(status): dict(found) for status, found in self.answers.items()}
        answers |= {str(status): _problem(status) for status in self.problems}
        found: dict[str, Any] = {
            "operationId": self.id,
            "tags": [self.tag],
            "summary": self.summary,
            "responses": answers,
        }
        if self.text:
            found["description"] = self.text
        if self.parameters:
            found["parameters"] = [dict(each) for each in self.parameters]
        if self.body:
            found["requestBody"] = {"required": True, "content": _content(self.body)}
        return found


@dataclass(frozen=True, slots=True)
class Entry:
    """One endpoint: a method on the path of a route."""

    method: str
    route: str
    """The pattern, as Starlette writes it."""
    operation: Operation
    endpoint: Endpoint | ASGIApp

    def as_route(self) -> BaseRoute:
        """Return the route; one that takes GET takes HEAD as well."""
        return Route(self.route, self.endpoint, methods=[self.method])


def path_of(route: str) -> str:
    """Return the pattern of a route as OpenAPI writes it."""
    return _CONVERTOR.sub("}", route)


def answer(text: str, /, **media: Mapping[str, Any]) -> dict[str, Any]:
    """Return a Response Object; ``json``, ``schema``, ``sse``, ``text``, ``xml`` tell of a body."""
    content = {_MEDIA[name]: schema for name, schema in media.items()}
    return {"description": text, **({"content": _content(content)} if content else {})}


def parameter(
    name: str, text: str, schema: Mapping[str, Any] = TEXT, **more: Any
) -> dict[str, Any]:
    """Return a Parameter Object, of the query unless ``in`` says otherwise."""
    place = more.pop("place", "query")
    required = {"required": True} if place == "path" else {}
    return {
        "name": name,
        "in": place,
        "description": text,
        "schema": dict(schema),
        **required,
        **more,
    }


_MEDIA: Final = {
    "json": JSON,
    "xml": "application/xml",
    "schema": "application/schema+json",
    "text": "text/plain",
    "sse": "text/event-stream",
}


def _content(media: Mapping[str, Any]) -> dict[str, Any]:
    return {name: {"schema": dict(schema)} for name, schema in media.items()}


def _problem(status: int) -> dict[str, Any]:
    return {
        "description": _PROBLEMS[status],
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
