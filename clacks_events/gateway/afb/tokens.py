"""The token of a call, its fifth item."""

from __future__ import annotations

from starlette.types import Scope

from clacks_events.errors import AccessDenied, LimitReached
from clacks_events.gateway.access import Principal, principal_by_token, principal_of
from clacks_events.gateway.afb.refusals import Refusal

__all__ = ["Tokens"]


class Tokens:
    """Finds out who makes a call on one connection."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self.known = principal_of(scope)
        """Who the handshake told it is."""

    async def principal(self, token: str | None) -> Principal:
        """Return who makes a call: who the connection is, else whom the token belongs to.

        Where everybody comes in, and where the handshake told who it is, the token is not looked
        at: clients send one by habit. Raises Refusal: invalid-token, or not-available when there
        are too many to check.
        """
        if self.known.name is not None or not token:
            return self.known
        try:
            return await principal_by_token(self._scope, token)
        except AccessDenied as error:
            raise Refusal("invalid-token", -7, str(error)) from error
        except LimitReached as error:
            raise Refusal("not-available", -5, error.reason) from error
