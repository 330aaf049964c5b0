"""From a call to the body that asks, and from the body that answers to a result or an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from clacks_events.errors import ClacksError, RpcError
from clacks_events.event import JsonValue
from clacks_events.rpc.coding import FAULTS, decode, encode
from clacks_events.rpc.faults import error_of

__all__ = ["Asked", "Parameters", "asking", "batch_results", "result_of"]

Parameters: TypeAlias = "Sequence[JsonValue] | Mapping[str, JsonValue]"


@dataclass(frozen=True, slots=True)
class Asked:
    """One call, of a batch for instance."""

    method: str
    params: Parameters = ()


def asking(call: Asked, number: int) -> bytes:
    """Return the request. Raises RpcError for parameters without a JSON form."""
    request = {"jsonrpc": "2.0", "method": call.method, "params": call.params, "id": number}
    try:
        return encode(request)
    except FAULTS as error:
        raise RpcError(f"parameters of {call.method} without a JSON form: {error}") from error


def result_of(body: bytes, method: str) -> JsonValue:
    """Return the result of a call; raise RpcError, or the error that it was answered with."""
    return _result(_decoded(body, method), method)


def batch_results(body: bytes, calls: Sequence[Asked]) -> list[JsonValue | ClacksError]:
    """Return for each call its result, or the error that it was answered with.

    Calls have the numbers from 0 on. Raises RpcError for what answers none of them.
    """
    found = _decoded(body, "a batch")
    if not isinstance(found, list):
        _result(found, "a batch")
        raise RpcError("the answer to a batch is not JSON-RPC 2.0")
    answers = {item.get("id"): item for item in found if isinstance(item, dict)}
    return [_outcome(answers.get(number), call.method) for number, call in enumerate(calls)]


def _outcome(response: Any, method: str) -> JsonValue | ClacksError:
    try:
        return _result(response, method)
    except ClacksError as error:
        return error


def _decoded(body: bytes, method: str) -> Any:
    try:
        return decode(body)
    except ValueError as error:
        raise RpcError(f"the answer to {method} is not JSON") from error


def _result(response: Any, method: str) -> JsonValue:
    if not isinstance(response, dict) or ("result" in response) == ("error" in response):
        raise RpcError(f"the answer to {method} is not JSON-RPC 2.0")
    if "error" in response:
        raise error_of(response["error"], method)
    result: JsonValue = response["result"]
    return result
