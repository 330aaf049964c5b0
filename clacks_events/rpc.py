"""JSON-RPC 2.0 between a caller and whoever serves a work queue.

Source: JSON-RPC 2.0 Specification, jsonrpc.org.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from itertools import count
from typing import Any, TypeAlias

from clacks_events.config import checked_name
from clacks_events.errors import (
    AccessDenied,
    ClacksError,
    EventError,
    InvalidEvent,
    MalformedEvent,
    RemoteError,
    RpcError,
    RpcTimeout,
    UnknownCommand,
    UnknownEventType,
)
from clacks_events.event import JsonValue
from clacks_events.transport.base import Message, Request, Transport

__all__ = ["DEFAULT_QUEUE", "Parameters", "RpcClient", "RpcFault", "RpcServer", "answer"]

log = logging.getLogger(__name__)

DEFAULT_QUEUE = "clacks.agent"
"""The work queue of the agents that nobody gave another name."""

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
COMMAND_FAILED = -32000
EVENT_REFUSED = -32001
ACCESS_DENIED = -32002

Parameters: TypeAlias = "Sequence[JsonValue] | Mapping[str, JsonValue]"
Dispatch: TypeAlias = Callable[[str, Any, str | None], JsonValue]
"""Carries out (method, params, user); raises RpcFault or ClacksError."""

_EVENT_ERRORS: dict[str, type[EventError]] = {
    kind.__name__: kind for kind in (EventError, MalformedEvent, UnknownEventType, InvalidEvent)
}


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


def answer(body: bytes, dispatch: Dispatch, user: str | None) -> bytes | None:
    """Carry out a call or a batch and return the response; None for notifications."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        return _encoded(_failure(None, RpcFault(PARSE_ERROR, f"not JSON: {error}")))
    if not isinstance(request, list):
        response = _respond(request, dispatch, user)
        return None if response is None else _encoded(response)
    if not request:
        return _encoded(_failure(None, RpcFault(INVALID_REQUEST, "an empty batch")))
    # Section 6: no array at all when all of the batch were notifications.
    responses = [r for item in request if (r := _respond(item, dispatch, user)) is not None]
    return _encoded(responses) if responses else None


def _respond(request: Any, dispatch: Dispatch, user: str | None) -> dict[str, JsonValue] | None:
    number: JsonValue = None
    is_notification = False
    try:
        method, params, number, is_notification = _checked(request)
        result = dispatch(method, params, user)
    except RpcFault as fault:
        return None if is_notification else _failure(number or _id_of(request), fault)
    except ClacksError as error:
        return None if is_notification else _failure(number, _fault_of(error))
    except Exception:
        # A command's own mistake must not end the agent, and its details stay here.
        log.exception("the command of %.200r failed", request)
        broken = RpcFault(INTERNAL_ERROR, "the command failed; the agent's log says why")
        return None if is_notification else _failure(number, broken)
    return None if is_notification else {"jsonrpc": "2.0", "result": result, "id": number}


def _id_of(request: Any) -> JsonValue:
    number = request.get("id") if isinstance(request, dict) else None
    return number if isinstance(number, str | int | float) else None


def _checked(request: Any) -> tuple[str, Any, JsonValue, bool]:
    if not isinstance(request, dict):
        raise RpcFault(INVALID_REQUEST, "a request is an object")
    method, params = request.get("method"), request.get("params", [])
    # Clacks callers leave "jsonrpc" out; a different version is a different protocol.
    if not isinstance(method, str) or request.get("jsonrpc", "2.0") != "2.0":
        raise RpcFault(INVALID_REQUEST, "no JSON-RPC 2.0 request")
    if not isinstance(params, list | dict):
        raise RpcFault(INVALID_PARAMS, "params are an array or an object")
    if not isinstance(request.get("id"), str | int | float | None):
        raise RpcFault(INVALID_REQUEST, "an id is a string, a number or null")
    return method, params, request.get("id"), "id" not in request


def _fault_of(error: ClacksError) -> RpcFault:
    data: dict[str, JsonValue] = {"type": type(error).__name__}
    if isinstance(error, EventError):
        data |= {"path": error.path, "line": error.line, "reason": error.reason}
        if isinstance(error, InvalidEvent):
            data["value"] = error.value
        return RpcFault(EVENT_REFUSED, str(error), data)
    code = ACCESS_DENIED if isinstance(error, AccessDenied) else COMMAND_FAILED
    return RpcFault(code, str(error), data)


def _failure(number: JsonValue, fault: RpcFault) -> dict[str, JsonValue]:
    return {"jsonrpc": "2.0", "error": fault.as_json(), "id": number}


def _encoded(response: Any) -> bytes:
    try:
        return json.dumps(response).encode()
    except (TypeError, ValueError, RecursionError):
        log.exception("a result has no JSON form")
        number = _id_of(response)
        fault = RpcFault(INTERNAL_ERROR, "the result has no JSON form")
        return json.dumps(_failure(number, fault)).encode()


class RpcServer:
    """Takes calls from a work queue and carries them out on a pool of threads."""

    def __init__(
        self, transport: Transport, dispatch: Dispatch, *, queue: str, workers: int
    ) -> None:
        """Start to serve."""
        checked_name("the name of an agent", queue)
        self._dispatch = dispatch
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="clacks-command")
        self._served = transport.serve(queue, self._take)

    def _take(self, request: Request) -> None:
        self._pool.submit(self._work, request)

    def _work(self, request: Request) -> None:
        try:
            request.accept()
            response = answer(request.message.body, self._dispatch, request.message.user)
            if response is not None:
                request.reply(response)
        except Exception:
            # The last stop of a pool thread: whatever went wrong is at least seen.
            log.exception("a call was not answered")

    def close(self) -> None:
        """Take no more calls and finish those that run."""
        self._served.close()
        self._pool.shutdown(wait=True)


class RpcClient:
    """Makes calls to whoever serves a work queue."""

    def __init__(self, transport: Transport, *, queue: str, timeout: float) -> None:
        self._transport = transport
        self._queue = checked_name("the name of an agent", queue)
        self._timeout = timeout
        self._numbers = count(1)

    def call(self, method: str, params: Parameters) -> JsonValue:
        """Call a method and wait for its result.

        Raises RpcTimeout when nobody answers in time, UnknownCommand, RemoteError, or the error
        of ours that the agent met.
        """
        number = next(self._numbers)
        call = {"jsonrpc": "2.0", "method": method, "params": params, "id": number}
        try:
            body = json.dumps(call).encode()
        except (TypeError, ValueError) as error:
            raise RpcError(f"parameters of {method} without a JSON form: {error}") from error
        message = Message(body, content_type="application/json")
        pending = self._transport.request(self._queue, message, self._timeout)
        return _result(self._wait(pending, method), method)

    def _wait(self, pending: Future[bytes], method: str) -> bytes:
        try:
            return pending.result(self._timeout)
        except NotInTime as error:
            pending.cancel()
            raise RpcTimeout(
                f"nobody answered {method} within {self._timeout:g} s; does an agent serve"
                f" {self._queue} at {self._transport.url}?"
            ) from error


def _result(body: bytes, method: str) -> JsonValue:
    try:
        response = json.loads(body)
    except ValueError as error:
        raise RpcError(f"the answer to {method} is not JSON") from error
    if not isinstance(response, dict) or ("result" in response) == ("error" in response):
        raise RpcError(f"the answer to {method} is not JSON-RPC 2.0")
    if "error" in response:
        raise _remote(response["error"], method)
    result: JsonValue = response["result"]
    return result


def _remote(error: Any, method: str) -> ClacksError:
    if not isinstance(error, dict) or not isinstance(error.get("code"), int):
        return RpcError(f"the answer to {method} is not JSON-RPC 2.0")
    code, message, data = error["code"], str(error.get("message", "")), error.get("data")
    if code == METHOD_NOT_FOUND:
        return UnknownCommand(message)
    if code == ACCESS_DENIED:
        return AccessDenied(message)
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
