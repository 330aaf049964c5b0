"""Sessions: ``POST /session``. A token stands for a user until it expires, and is kept nowhere."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from typing import Final

from clacks_events.event import JsonValue
from clacks_events.gateway.access import Principal, Sessions
from clacks_events.gateway.xerus.call import Call
from clacks_events.gateway.xerus.desk import Ask, Method, Resource
from clacks_events.gateway.xerus.jsonrpc import DENIED, UNKNOWN_METHOD, Fault

__all__ = ["SessionService"]

_TOKEN_HEADER: Final = b"x-sessiontoken"
_CLIENT_HEADER: Final = b"x-client-type"
_LONGEST: Final = 80  # characters of what a client says that he is
_REMEMBERED: Final = 10_000
_OK: Final = 0


class SessionService:
    """Gives tokens to those who are somebody already."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._begun: OrderedDict[int, int] = OrderedDict()
        self.resource = Resource(
            "session.SessionManager:2.0.0",
            {
                "newSession": Method(self._new),
                "getCurrentSession": Method(self._current),
                "touchCurrentSession": Method(self._touch, ("userActivity",)),
                "closeCurrentSession": Method(self._close, ("reason",)),
            },
        )

    async def _new(self, ask: Ask) -> JsonValue:
        token = self._sessions.issue(ask.call.principal)
        self._begun[_number(token)] = int(time.monotonic())
        if len(self._begun) > _REMEMBERED:
            self._begun.popitem(last=False)
        return {"_ret_": _OK, "session": self._told(ask.call, token), "token": token}

    async def _current(self, ask: Ask) -> JsonValue:
        return {"_ret_": self._told(ask.call, self._token(ask.call))}

    async def _touch(self, ask: Ask) -> JsonValue:
        # Using a session does not let it live longer.
        ask.params.flag("userActivity")
        self._token(ask.call)
        return None

    async def _close(self, ask: Ask) -> JsonValue:
        ask.params.number("reason")
        self._token(ask.call)
        # No gateway knows which tokens others gave: to say it was closed would be wrong.
        lifetime = f"{self._sessions.lifetime:g} s"
        raise Fault(
            UNKNOWN_METHOD,
            f"Method not available: a session ends by itself, {lifetime} after it began",
        )

    def _token(self, call: Call) -> str:
        token = _header(call, _TOKEN_HEADER)
        if self._sessions.lookup(token) is None:
            raise Fault(DENIED, "This is for requests with the token of a session")
        return token

    def _told(self, call: Call, token: str) -> JsonValue:
        principal: Principal = call.principal
        client = call.scope.get("client")
        number = _number(token)
        return {
            "sessionId": number,
            "username": principal.name or "",
            "remoteIp": client[0] if client else "",
            "clientType": _header(call, _CLIENT_HEADER)[:_LONGEST],
            # Since the system was started; that of another gateway is not known here.
            "creationTime": self._begun.get(number, 0),
            "timeout": int(self._sessions.lifetime),
            "idle": 0,  # by this request
            "userIdle": 0,
        }


def _number(token: str) -> int:
    """Return a number for a session that does not give its token away."""
    digest = hashlib.sha256(token.encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def _header(call: Call, name: bytes) -> str:
    found: bytes = next((value for key, value in call.scope["headers"] if key == name), b"")
    return found.decode("latin-1").strip()
