"""What JSON-RPC 2.0 says: requests are read, responses are written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from clacks_events.event import JsonValue
from clacks_events.rpc.coding import FAULTS, encode, is_deeper
from clacks_events.xml import MAX_SIZE

__all__ = [
    "ACCESS_DENIED",
    "COMMAND_FAILED",
    "EVENT_REFUSED",
    "INTERNAL_ERROR",
    "INVALID_PARAMS",
    "INVALID_REQUEST",
    "METHOD_NOT_FOUND",
    "MOST_CALLS",
    "NO_REQUESTS",
    "PARSE_ERROR",
    "TOO_BUSY",
    "Call",
    "Invalid",
    "Reading",
    "RpcFault",
    "failure",
    "read",
    "success",
]

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
COMMAND_FAILED = -32000
EVENT_REFUSED = -32001
ACCESS_DENIED = -32002
NO_REQUESTS = -32003
TOO_BUSY = -32004

MOST_CALLS = 1000
"""How many calls a batch may have."""
_DEEPEST = 256


class RpcFault(Exception):
    """An error of the protocol, to be sent to the caller."""

    def __init__(self, code: int, message: str, data: JsonValue = None) -> None:
        self.code = code
        self.message = message
        self.data = data
        super().__init__(message)

    def as_json(self) -> dict[str, JsonValue]:
        """Return the error object (section 5.1)."""
        error: dict[str, JsonValue] = {"code": self.code, "message": self.message}
        return error if self.data is None else {**error, "data": self.data}


@dataclass(frozen=True, slots=True)
class Call:
    """One call; the answer to a notification is none."""

    method: str
    params: list[Any] | dict[str, Any]
    id: JsonValue = None
    is_notification: bool = False


@dataclass(frozen=True, slots=True)
class Invalid:
    """What stands where a call should."""

    fault: RpcFault
    id: JsonValue = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a body asks for: one call, or a batch."""

    calls: tuple[Call | Invalid, ...]
    is_batch: bool = False


def read(body: bytes, max_size: int = MAX_SIZE) -> Reading:
    """Read a body of at most ``max_size`` bytes. Never raises: what is wrong is in the reading."""
    try:
        found = _json(body, max_size)
    except RpcFault as fault:
        return Reading((Invalid(fault),))
    if not isinstance(found, list):
        return Reading((_call(found),))
    if not 0 < len(found) <= MOST_CALLS:
        size = f"a batch of {len(found)} calls; at most {MOST_CALLS}"
        return Reading((Invalid(RpcFault(INVALID_REQUEST, size if found else "an empty batch")),))
    return Reading(tuple(_call(item) for item in found), is_batch=True)


def _json(body: bytes, max_size: int) -> Any:
    if len(body) > max_size:
        raise RpcFault(INVALID_REQUEST, f"{len(body)} bytes; at most {max_size}")
    try:
        found = _DECODER.decode(body.decode())
    except ValueError as error:
        raise RpcFault(PARSE_ERROR, f"not JSON: {error}") from error
    except RecursionError as error:
        raise _too_deep() from error
    if body.count(b"[") + body.count(b"{") > _DEEPEST and is_deeper(found, _DEEPEST):
        raise _too_deep()
    return found


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        names = [name for name, _ in members]
        twice = next(name for name in found if names.count(name) > 1)
        # Which of the two counts is nowhere said.
        raise RpcFault(INVALID_REQUEST, f"the member {twice[:80]!r} is there twice")
    return found


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant)


def _too_deep() -> RpcFault:
    return RpcFault(PARSE_ERROR, f"nested deeper than {_DEEPEST}")


def _call(request: Any) -> Call | Invalid:
    if not isinstance(request, dict):
        return Invalid(RpcFault(INVALID_REQUEST, "a request is an object"))
    number = request.get("id")
    if isinstance(number, bool) or not isinstance(number, str | int | float | None):
        return Invalid(RpcFault(INVALID_REQUEST, "an id is a string, a number or null"))
    method, params = request.get("method"), request.get("params", [])
    # Clacks callers leave "jsonrpc" out; a different version is a different protocol.
    if request.get("jsonrpc", "2.0") != "2.0":
        return Invalid(RpcFault(INVALID_REQUEST, "not JSON-RPC 2.0"), number)
    if not isinstance(method, str):
        reason = "the method is text" if "method" in request else "no method"
        return Invalid(RpcFault(INVALID_REQUEST, reason), number)
    if not isinstance(params, list | dict):
        return Invalid(RpcFault(INVALID_PARAMS, "params are an array or an object"), number)
    return Call(method, params, number, is_notification="id" not in request)


def success(result: object, number: JsonValue) -> bytes:
    """Return the response of a call. Raises RpcFault for a result without a JSON form."""
    try:
        return encode({"jsonrpc": "2.0", "result": result, "id": number})
    except FAULTS as error:
        raise RpcFault(INTERNAL_ERROR, "the result has no JSON form") from error


def failure(fault: RpcFault, number: JsonValue) -> bytes:
    """Return the response of a call that failed."""
    try:
        return encode({"jsonrpc": "2.0", "error": fault.as_json(), "id": number})
    except FAULTS:
        # Half a surrogate pair, from the call itself.
        told = {"code": fault.code, "message": fault.message.encode(errors="replace").decode()}
        is_sound = isinstance(number, int | float) or number is None
        return encode({"jsonrpc": "2.0", "error": told, "id": number if is_sound else None})
