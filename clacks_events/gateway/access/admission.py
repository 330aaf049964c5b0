"""Who a client is: by its credentials, by what a proxy says, or by being on this host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, TypeAlias

from clacks_events.agent.policy import Policy
from clacks_events.errors import AccessDenied, LimitReached
from clacks_events.gateway.access.accounts import Accounts
from clacks_events.gateway.access.address import Addresses
from clacks_events.gateway.access.claims import Claim, Kind, token_claim
from clacks_events.gateway.access.options import AccessOptions
from clacks_events.gateway.access.principal import Principal
from clacks_events.gateway.access.refusal import Header, Refused
from clacks_events.gateway.access.sessions import Sessions
from clacks_events.gateway.access.verifier import Verifier

__all__ = ["PROXY_HEADERS", "Admission"]

Headers: TypeAlias = Mapping[bytes, bytes]

PROXY_HEADERS: Final = (b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via")
"""The headers by which a proxy shows."""

_CHALLENGES: Final[tuple[Header, ...]] = (
    (b"www-authenticate", b'Basic realm="clacks-events", charset="UTF-8"'),
    (b"www-authenticate", b'Bearer realm="clacks-events"'),
)
_UNAUTHORIZED: Final = 401
_REMEMBERED: Final = 4096  # principals
_LONGEST_NAME: Final = 255  # bytes


class Admission:
    """Finds out who asks. Raises Refused where that must not be, or cannot be told."""

    def __init__(
        self,
        options: AccessOptions,
        policy: Callable[[], Policy],
        sessions: Sessions,
        addresses: Addresses,
    ) -> None:
        """Follow ``policy``, which returns the same object until it changes."""
        self._options = options
        self._policy = policy
        self._sessions = sessions
        self._addresses = addresses
        self._header = (options.user_header or "").lower().encode() or None
        self._verifier = Verifier(options.failures, options.check_timeout, options.clients)
        self._seen: Policy | None = None
        self._accounts = Accounts(Policy())
        self._is_closed = self._header is not None
        self._user = lru_cache(_REMEMBERED)(_user)
        self._nobody = lru_cache(_REMEMBERED)(_nobody)

    @property
    def is_open(self) -> bool:
        """Whether everybody on this host comes in.

        Where a policy once had secrets that is over: they may have been lost by mistake.
        """
        self._follow()
        return not self._is_closed

    def _follow(self) -> None:
        policy = self._policy()
        if policy is not self._seen:
            self._accounts = Accounts(policy)
            self._seen = policy
            self._is_closed = self._is_closed or self._accounts.has_secrets

    async def find(
        self, peer: str, address: str, headers: Headers, claim: Claim | None
    ) -> Principal:
        """Return who it is; waits only for a secret that has to be checked.

        ``peer`` is the address that the connection comes from, ``address`` that of the client.
        """
        if self.is_open:
            return self._of_this_host(address, headers)
        named = headers.get(self._header) if self._header is not None else None
        if named:
            return self._vouched_for(named, peer)
        if claim is None or not self._accounts.has_secrets:
            return self._without_name(address)
        if claim.kind is Kind.SESSION:
            return self._of_session(claim, address)
        return await self._of_secret(claim, self._addresses.counted(address))

    async def of_token(self, address: str, token: str) -> Principal:
        """Return whose token it is, of those that came in already.

        Raises AccessDenied for a wrong one, LimitReached after too many of them.
        """
        counted = self._addresses.counted(address)
        if self.is_open:
            return self._nobody(counted)
        try:
            return await self._of_secret(token_claim(token), counted)
        except Refused as refused:
            if refused.status == _UNAUTHORIZED:
                raise AccessDenied(refused.reason) from None
            raise LimitReached(refused.reason, retry_after=refused.wait) from None

    def _of_this_host(self, address: str, headers: Headers) -> Principal:
        if not self._addresses.is_local(address):
            raise Refused(403, "open for the host that it runs on, and this is another")
        if any(header in headers for header in PROXY_HEADERS):
            raise Refused(403, "open for the host that it runs on, and this came through a proxy")
        return self._nobody(self._addresses.counted(address))

    def _vouched_for(self, named: bytes, peer: str) -> Principal:
        if not self._addresses.is_proxy(peer):
            raise Refused(403, f"{self._options.user_header} is for proxies alone")
        try:
            name = named.decode().strip()
        except UnicodeDecodeError:
            name = ""
        if not name or len(named) > _LONGEST_NAME or not name.isprintable():
            raise Refused(403, f"{self._options.user_header} is not one name")
        return self._user(name)

    def _of_session(self, claim: Claim, address: str) -> Principal:
        if self._sessions.is_anonymous(claim.secret):
            # Anybody can say so, at any gateway: it counts as saying nothing.
            return self._without_name(address)
        principal = self._sessions.lookup(claim.secret)
        if principal is None:
            raise _wrong()
        return principal

    def _without_name(self, address: str) -> Principal:
        if self._options.anonymous:
            return self._nobody(self._addresses.counted(address))
        if self._accounts.has_secrets:
            raise Refused(401, "credentials are needed", _CHALLENGES)
        raise Refused(403, "nobody said who this is")

    async def _of_secret(self, claim: Claim, address: str) -> Principal:
        accounts = self._accounts
        if claim.kind is Kind.UNUSABLE:
            self._verifier.failed(address)
            raise _wrong()
        if not self._verifier.knows(claim, accounts, address):
            is_right = await self._verifier.check(claim, accounts, address)
            self._follow()
            # The policy may have changed while the secret was checked.
            if not is_right or self._accounts.stored(claim) != accounts.stored(claim):
                raise _wrong()
        return self._user(claim.user)


def _wrong() -> Refused:
    return Refused(_UNAUTHORIZED, "wrong credentials", _CHALLENGES)


def _user(name: str) -> Principal:
    return Principal(name, f"user {name}")


def _nobody(address: str) -> Principal:
    return Principal(None, f"at {address}")
