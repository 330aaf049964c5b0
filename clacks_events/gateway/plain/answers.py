"""Answers: JSON, and resources that a client may keep until they change."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from clacks_events.errors import MalformedEvent

__all__ = ["JSON_TYPE", "SAFE", "as_json", "json_body", "live", "tagged"]

JSON_TYPE: Final = "application/json; charset=utf-8"
SAFE: Final = {"X-Content-Type-Options": "nosniff"}

_LIVE: Final = {**SAFE, "Cache-Control": "no-store"}
_KEPT: Final = {**SAFE, "Cache-Control": "no-cache"}  # may be kept, and is asked for each time


def as_json(content: Any) -> bytes:
    """Return content as JSON in UTF-8."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    return text.encode(errors="replace")


def live(content: Any, status: int = 200) -> Response:
    """Return content that is true at this moment, as JSON."""
    return Response(as_json(content), status, _LIVE, JSON_TYPE)


def tagged(request: Request, body: bytes, media_type: str = JSON_TYPE) -> Response:
    """Return a body with an entity tag, or 304 to a client that has it (RFC 9110, 13.1.2)."""
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {**_KEPT, "ETag": tag}
    known = {each.strip().removeprefix("W/") for each in _asked(request).split(",")}
    if tag in known or "*" in known:
        return Response(None, 304, headers)
    return Response(body, 200, headers, media_type)


def _asked(request: Request) -> str:
    return ",".join(request.headers.getlist("if-none-match"))


def json_body(body: bytes) -> dict[str, Any]:
    """Read a JSON object from an untrusted place.

    Raises MalformedEvent for what is none, names a key twice, or has a number that is not finite.
    """
    try:
        found = json.loads(
            body, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_object
        )
    except json.JSONDecodeError as error:
        raise MalformedEvent(f"not JSON: {error.msg}", line=error.lineno) from error
    except UnicodeDecodeError as error:
        raise MalformedEvent(f"not JSON: {error.reason}") from error
    except RecursionError as error:
        raise MalformedEvent("JSON that is nested too deeply") from error
    except ValueError as error:
        raise MalformedEvent(f"not JSON: {error}") from error
    if not isinstance(found, dict):
        raise MalformedEvent("a JSON object is needed", path="$")
    return found


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text[:40]} is larger than what a number can be; write it as text")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the member {twice[:100]!r} is there twice")
    return found
