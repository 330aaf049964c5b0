"""Our errors as errors of JSON-RPC, and back."""

from __future__ import annotations

from typing import Any

from clacks_events.errors import (
    AccessDenied,
    ClacksError,
    EventError,
    InvalidEvent,
    MalformedEvent,
    RemoteError,
    RpcError,
    UnknownCommand,
    UnknownEventType,
    UnknownSender,
)
from clacks_events.event import JsonValue
from clacks_events.rpc.protocol import (
    ACCESS_DENIED,
    COMMAND_FAILED,
    EVENT_REFUSED,
    METHOD_NOT_FOUND,
    NO_REQUESTS,
    RpcFault,
)

__all__ = ["error_of", "fault_of"]

_EVENT_ERRORS: dict[str, type[EventError]] = {
    kind.__name__: kind for kind in (EventError, MalformedEvent, UnknownEventType, InvalidEvent)
}
_BY_CODE: dict[int, type[ClacksError]] = {
    METHOD_NOT_FOUND: UnknownCommand,
    NO_REQUESTS: UnknownSender,
    ACCESS_DENIED: AccessDenied,
}


def fault_of(error: ClacksError) -> RpcFault:
    """Return what the caller is told of an error of ours."""
    data: dict[str, JsonValue] = {"type": type(error).__name__}
    if isinstance(error, EventError):
        data |= {"path": error.path, "line": error.line, "reason": error.reason}
        if isinstance(error, InvalidEvent):
            data["value"] = error.value
        return RpcFault(EVENT_REFUSED, str(error), data)
    code = ACCESS_DENIED if isinstance(error, AccessDenied) else COMMAND_FAILED
    return RpcFault(code, str(error), data)


def error_of(error: Any, method: str) -> ClacksError:
    """Return what to raise for the error object that a call was answered with."""
    if not isinstance(error, dict) or not isinstance(error.get("code"), int):
        return RpcError(f"the answer to {method} is not JSON-RPC 2.0")
    code, message, data = error["code"], str(error.get("message", "")), error.get("data")
    if code in _BY_CODE:
        return _BY_CODE[code](message)
    if code == EVENT_REFUSED and isinstance(data, dict):
        return _event_error(data, message)
    return RemoteError(code, message, data)


def _event_error(data: dict[str, Any], message: str) -> EventError:
    kind = _EVENT_ERRORS.get(str(data.get("type")), EventError)
    reason, path = str(data.get("reason", message)), str(data.get("path", ""))
    line = data.get("line")
    error = kind(reason, path=path, line=line if isinstance(line, int) else 0)
    if isinstance(error, InvalidEvent):
        error.value = data.get("value")
    return error
