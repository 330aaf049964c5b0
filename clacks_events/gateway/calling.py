"""Commands of the agent, called from within the process the way remote callers see them."""

from __future__ import annotations

import logging

from clacks_events.agent import Agent
from clacks_events.errors import ClacksError, RemoteError
from clacks_events.event import JsonValue
from clacks_events.gateway.access import Principal
from clacks_events.rpc.coding import decode, encode
from clacks_events.rpc.faults import error_of
from clacks_events.rpc.protocol import INTERNAL_ERROR, RpcFault

__all__ = ["carry_out"]

log = logging.getLogger(__name__)

_FAILED = "the command failed; the agent's log says why"


def carry_out(
    agent: Agent, principal: Principal, method: str, params: JsonValue | None
) -> JsonValue:
    """Carry out a command on this thread and return its result as plain JSON data.

    Raises what a proxy raises: AccessDenied, UnknownCommand, EventError, RemoteError.
    """
    try:
        result = agent.call(
            method, [] if params is None else params, principal.name, groups=principal.groups
        )
        plain: JsonValue = decode(encode(result))
    except RpcFault as fault:
        told = {"code": fault.code, "message": fault.message, "data": fault.data}
        raise error_of(told, method) from fault
    except ClacksError:
        raise
    except Exception as error:
        # Also a result without a JSON form. What the code of users raises is not for strangers.
        log.exception("%r of %s failed", method[:100], principal.client)
        raise RemoteError(INTERNAL_ERROR, _FAILED) from error
    return plain
