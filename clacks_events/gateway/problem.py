"""Errors as answers: ``application/problem+json``.

Source: RFC 9457. Members beside those of the RFC: ``path``, ``line`` and ``reason`` of an event
that is refused; ``reason``, ``line`` and ``column`` of a query.
"""

from __future__ import annotations

import http
import json
from collections.abc import Mapping
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from clacks_events.errors import (
    AccessDenied,
    ClacksError,
    EventError,
    FilterError,
    LimitReached,
    NobodyListens,
    RpcError,
    TransportError,
    UnknownCommand,
)

__all__ = ["NotFound", "Problem", "answer", "problem"]

MEDIA_TYPE: Final = "application/problem+json"

_STATUS: Final[tuple[tuple[type[ClacksError], int], ...]] = (
    (AccessDenied, 403),
    (LimitReached, 429),
    (NobodyListens, 409),
    (TransportError, 503),
    (UnknownCommand, 404),
    (RpcError, 502),
)
_UNUSABLE = 422  # all others: understood, and not to be had
_AWAY = 5  # seconds after which a broker that is away may be back
_ALWAYS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Problem(ClacksError):
    """A request that cannot be answered as it was meant, and the HTTP status that says so."""

    def __init__(
        self, status: int, reason: str, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        self.status = status
        self.reason = reason
        self.headers = dict(headers or {})
        self.members = members
        super().__init__(reason)


class NotFound(Problem):
    """A resource that is not there."""

    def __init__(self, reason: str, **members: Any) -> None:
        super().__init__(404, reason, **members)


def problem(error: Exception, *, instance: str = "") -> Response:
    """Return the answer for an error of this package or of Starlette.

    Anything else is a mistake of ours, of which nothing is told.
    """
    status, detail, headers, members = _described(error)
    content = {"type": "about:blank", "title": _title(status), "status": status, "detail": detail}
    if instance:
        content["instance"] = instance
    body = json.dumps({**content, **members}, ensure_ascii=False).encode(errors="replace")
    return Response(body, status, {**_ALWAYS, **headers}, f"{MEDIA_TYPE}; charset=utf-8")


async def answer(request: Request, error: Exception) -> Response:
    """Return the answer for what an endpoint raised."""
    return problem(error, instance=request.url.path)


def _described(error: Exception) -> tuple[int, str, Mapping[str, str], Mapping[str, Any]]:
    if isinstance(error, Problem):
        return error.status, error.reason, error.headers, error.members
    if isinstance(error, HTTPException):
        return error.status_code, error.detail, error.headers or {}, {}
    if isinstance(error, ClacksError):
        return _status(error), _detail(error), _headers(error), _members(error)
    return 500, "a mistake of the gateway; its log tells more", {}, {}


def _status(error: ClacksError) -> int:
    return next((status for kind, status in _STATUS if isinstance(error, kind)), _UNUSABLE)


def _detail(error: ClacksError) -> str:
    # Where a broker is, is nobody's business out there.
    return error.reason if isinstance(error, TransportError) else str(error)


def _headers(error: ClacksError) -> dict[str, str]:
    if isinstance(error, LimitReached) and error.retry_after:
        return {"Retry-After": str(max(1, round(error.retry_after)))}
    return {"Retry-After": str(_AWAY)} if _status(error) == 503 else {}


def _members(error: ClacksError) -> dict[str, Any]:
    if isinstance(error, EventError):
        return {"path": error.path, "line": error.line, "reason": error.reason}
    if isinstance(error, FilterError):
        line, column = error.position
        return {"line": line, "column": column, "reason": error.reason}
    return {}


def _title(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
