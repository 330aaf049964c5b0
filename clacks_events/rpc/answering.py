"""From a body that asks to the body that answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeAlias

from clacks_events.errors import ClacksError
from clacks_events.rpc.counters import CallTally
from clacks_events.rpc.faults import fault_of
from clacks_events.rpc.protocol import (
    ACCESS_DENIED,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    TOO_BUSY,
    Call,
    Invalid,
    Reading,
    RpcFault,
    failure,
    read,
    success,
)

__all__ = ["Answering", "Dispatch", "answer"]

log = logging.getLogger(__name__)

Dispatch: TypeAlias = Callable[[str, Any, str | None], object]
"""Carries out (method, params, user); raises RpcFault or ClacksError."""

_REFUSALS = frozenset((
    PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, ACCESS_DENIED, TOO_BUSY
))  # fmt: skip
_LONGEST_LOGGED = 500  # characters of what a caller wrote


def answer(body: bytes, dispatch: Dispatch, user: str | None) -> bytes | None:
    """Carry out a call or a batch and return the response; None for notifications."""
    return Answering(dispatch, CallTally()).answer(read(body), user)


class Answering:
    """Carries out what was read; whatever happens, there is an answer."""

    def __init__(self, dispatch: Dispatch, tally: CallTally) -> None:
        self._dispatch = dispatch
        self._tally = tally

    def answer(
        self, reading: Reading, user: str | None, fault: RpcFault | None = None
    ) -> bytes | None:
        """Carry out the calls and return the response; None for notifications.

        With a ``fault`` nothing is carried out, and that is the answer to each of them.
        """
        found = [self._respond(call, user, fault) for call in reading.calls]
        responses = [response for response in found if response is not None]
        if not reading.is_batch:
            return responses[0] if responses else None
        # Section 6: no array at all when all of the batch were notifications.
        return b"[" + b",".join(responses) + b"]" if responses else None

    def _respond(
        self, call: Call | Invalid, user: str | None, fault: RpcFault | None
    ) -> bytes | None:
        if isinstance(call, Invalid):
            return failure(self._noted(call.fault, "what is no call", user), call.id)
        response = self._carried_out(call, user) if fault is None else fault
        if isinstance(response, Exception):
            told = self._noted(response, repr(call.method[:100]), user)
            response = failure(told, call.id)
        return None if call.is_notification else response

    def _carried_out(self, call: Call, user: str | None) -> bytes | Exception:
        self._tally.taken_up()
        try:
            return success(self._dispatch(call.method, call.params, user), call.id)
        except Exception as error:  # noqa: BLE001 - a command's own mistake must not end the agent
            return error

    def _noted(self, error: Exception, what: str, user: str | None) -> RpcFault:
        if isinstance(error, ClacksError):
            error = fault_of(error)
        if not isinstance(error, RpcFault):
            self._tally.count("failed")
            # The details stay here.
            log.error("%s of user %s failed", what, user, exc_info=error)
            return RpcFault(INTERNAL_ERROR, "the command failed; the agent's log says why")
        kind = "refused" if error.code in _REFUSALS else "failed"
        if self._tally.count(kind):
            reason = error.message[:_LONGEST_LOGGED]
            cause = error.__cause__ if kind == "failed" else None
            log.warning("%s: %s of user %s: %s", kind, what, user, reason, exc_info=cause)
        return error
