"""JSON-RPC 2.0 as Xerus devices speak it: the answer is HTTP 200, its ``error`` absent or all.

Source: the JSON-RPC 2.0 specification, 4 and 5; and what the ``raritan`` client reads, which
sends no ``jsonrpc`` member and takes one ``error`` member, even null, for a failure.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import NoReturn

from clacks_events.errors import (
    AccessDenied,
    ClacksError,
    EventError,
    FilterError,
    LimitReached,
    TransportError,
)
from clacks_events.event import JsonValue

__all__ = [
    "BROKER_AWAY",
    "DENIED",
    "INTERNAL",
    "INVALID_PARAMS",
    "INVALID_REQUEST",
    "LIMIT",
    "NO_CHANNEL",
    "PARSE_ERROR",
    "UNKNOWN_METHOD",
    "Fault",
    "Id",
    "Request",
    "answered",
    "fault_of",
    "id_of",
    "parsed",
    "refused",
    "request_of",
    "unknown_method",
]

log = logging.getLogger(__name__)

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
UNKNOWN_METHOD = -32601
INVALID_PARAMS = -32602
INTERNAL = -32603
DENIED = -32001
NO_CHANNEL = -32002
LIMIT = -32003
BROKER_AWAY = -32004

_DENIED_TEXT = "Insufficient privileges to perform request."
_LONGEST_METHOD = 80  # characters of it that an error repeats

Id = str | int | float | None


class Fault(ClacksError):
    """What a client is told instead of a result."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a method, with parameters by name."""

    method: str
    params: dict[str, JsonValue]


def parsed(body: bytes | str) -> JsonValue:
    """Return the JSON value of a body in UTF-8. Raises Fault."""
    try:
        found: JsonValue = json.loads(body, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise Fault(PARSE_ERROR, "Parse error: nested too deeply") from error
    except ValueError as error:
        raise Fault(PARSE_ERROR, f"Parse error: {error}") from error
    return found


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number in JSON")


def request_of(document: JsonValue) -> Request:
    """Return the request of a JSON value. Raises Fault, which names the member at fault."""
    if not isinstance(document, dict):
        raise Fault(INVALID_REQUEST, "Invalid request: it is one object")
    if document.get("jsonrpc", "2.0") != "2.0":
        raise Fault(INVALID_REQUEST, 'Invalid request: jsonrpc is "2.0", or left out')
    if not _is_id(document.get("id")):
        raise Fault(INVALID_REQUEST, "Invalid request: id is a string, a number or null")
    method = document.get("method")
    if not isinstance(method, str):
        raise Fault(INVALID_REQUEST, "Invalid request: method is a string")
    return Request(method, _params(document.get("params", {})))


def _params(given: JsonValue) -> dict[str, JsonValue]:
    # An empty list says the same as an empty object.
    if isinstance(given, dict):
        return given
    if given is None or given == []:
        return {}
    if isinstance(given, list):
        raise Fault(INVALID_PARAMS, "Invalid params: they are given by name, not by position")
    raise Fault(INVALID_REQUEST, "Invalid request: params is an object")


def _is_id(given: JsonValue) -> bool:
    return given is None or (isinstance(given, str | int | float) and not isinstance(given, bool))


def id_of(document: JsonValue) -> Id:
    """Return the id of a request, however wrong the rest of it is."""
    found = document.get("id") if isinstance(document, dict) else None
    return found if _is_id(found) else None  # type: ignore[return-value]


def answered(result: JsonValue, id: Id) -> dict[str, JsonValue]:
    """Return the answer to a request that went well; the result of a void method is null."""
    return {"jsonrpc": "2.0", "result": result, "id": id}


def refused(fault: Fault, id: Id) -> dict[str, JsonValue]:
    """Return the answer to a request that failed."""
    return {"jsonrpc": "2.0", "error": {"code": fault.code, "message": fault.message}, "id": id}


def unknown_method(method: str) -> Fault:
    """Return the fault of a method that a resource does not have."""
    return Fault(UNKNOWN_METHOD, f"Method not found: {method[:_LONGEST_METHOD]!r}")


def fault_of(error: Exception) -> Fault:
    """Return what a client is told of an error; of one that nobody foresaw it is nothing."""
    if isinstance(error, Fault):
        return error
    if isinstance(error, AccessDenied):
        return Fault(DENIED, _DENIED_TEXT)
    if isinstance(error, LimitReached):
        return Fault(LIMIT, f"Limit reached: {error}")
    if isinstance(error, TransportError):
        # Its text names the broker, which is none of the client's business.
        return Fault(BROKER_AWAY, f"The event bus cannot be reached: {error.reason}")
    if isinstance(error, EventError | FilterError):
        return Fault(INVALID_PARAMS, f"Invalid params: {error}")
    log.error("a request failed", exc_info=error)
    return Fault(INTERNAL, "Internal error")
