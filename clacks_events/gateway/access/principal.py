"""Who asks: what the guard found out about the client of a request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from starlette.types import Scope

__all__ = ["Principal", "principal_by_token", "principal_of", "set_principal"]

_KEY: Final = "clacks.principal"
_LOOKUP: Final = "clacks.principal_by_token"


@dataclass(frozen=True, slots=True)
class Principal:
    """A client, as the policy and the limits know it."""

    name: str | None
    """The user as the policy knows him; None is anonymous."""
    client: str
    """Whom limits are counted for: ``user NAME``, or ``at ADDRESS``, for IPv6 the /64 of it."""
    groups: tuple[str, ...] = ()
    """Groups beside those of the policy."""


Lookup: TypeAlias = Callable[[str], Awaitable[Principal]]


def principal_of(scope: Scope) -> Principal:
    """Return who asks; ``scope`` is that of a request or WebSocket that the guard let in."""
    found: Principal = scope[_KEY]
    return found


async def principal_by_token(scope: Scope, token: str) -> Principal:
    """Return whose token it is, as the guard would: for protocols that carry some themselves.

    ``scope`` is that of the WebSocket or request that it came by, whose address answers for wrong
    ones. Raises AccessDenied for a wrong token, LimitReached after too many of them.
    """
    lookup: Lookup = scope[_LOOKUP]
    return await lookup(token)


def set_principal(scope: Scope, principal: Principal, lookup: Lookup) -> None:
    """Say who asks, and how others are found by their tokens."""
    scope[_KEY] = principal
    scope[_LOOKUP] = lookup
