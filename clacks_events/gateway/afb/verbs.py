"""From a call to its reply."""

from __future__ import annotations

import logging
from typing import Final

from clacks_events.errors import ClacksError
from clacks_events.event import JsonValue
from clacks_events.gateway.access import Principal
from clacks_events.gateway.afb.event_api import EventApi
from clacks_events.gateway.afb.frames import Call, failure_frame, success_frame
from clacks_events.gateway.afb.refusals import (
    Refusal,
    invalid,
    mistake,
    refusal_of,
    unknown_api,
)
from clacks_events.gateway.afb.tokens import Tokens
from clacks_events.gateway.gate import Gate
from clacks_events.gateway.stream import Stream

__all__ = ["Verbs"]

log = logging.getLogger(__name__)

_APIS: Final = "event and agent"


class Verbs:
    """What one connection may call: the api ``event``, and the agent's commands as ``agent``."""

    def __init__(self, gate: Gate, tokens: Tokens, stream: Stream) -> None:
        self._gate = gate
        self._tokens = tokens
        self._event = EventApi(gate, stream)

    async def reply(self, call: Call) -> str:
        """Carry a call out and return the frame that answers it, whatever happens."""
        principal = self._tokens.known
        try:
            principal = await self._tokens.principal(call.token)
            return success_frame(call.id, await self._result(principal, call))
        except Refusal as error:
            refusal = error
        except ClacksError as error:
            refusal = refusal_of(error, is_known=principal.name is not None)
        except Exception:
            # A mistake of ours must not end what else the connection does.
            log.exception("%r/%r failed", call.api[:100], call.verb[:100])
            refusal = mistake()
        return failure_frame(call.id, refusal.status, refusal.code, refusal.info)

    async def _result(self, principal: Principal, call: Call) -> JsonValue:
        if call.api == "event":
            return await self._event.call(principal, call.verb, call.args)
        if call.api == "agent":
            return await self._gate.call(principal, call.verb, _params(call.args))
        raise unknown_api(f"there are {_APIS}, and no {call.api[:100]!r}")


def _params(args: JsonValue) -> JsonValue:
    # Clients that have nothing to say send null or an empty text.
    if args is None or args == "":
        return []
    if not isinstance(args, list | dict):
        raise invalid("the parameters of a command are an array or an object")
    return args
