"""The secrets of a policy, as they are looked up."""

from __future__ import annotations

import hmac
import logging
import secrets

from clacks_events.agent.policy import Policy
from clacks_events.agent.secrets import Cost, SecretHash, parse_hash
from clacks_events.errors import ConfigError
from clacks_events.gateway.access.claims import Claim, Kind

__all__ = ["Accounts", "check_secrets", "has_secrets"]

log = logging.getLogger(__name__)


def has_secrets(policy: Policy) -> bool:
    """Tell whether any user of a policy has a token or a password."""
    return any(user.token or user.password for user in policy.users.values())


def check_secrets(policy: Policy) -> None:
    """Raise ConfigError, which names the user, for a secret that is no hash."""
    for name, user in policy.users.items():
        for key, text in (("token", user.token), ("password", user.password)):
            try:
                parse_hash(text) if text else None
            except ConfigError as error:
                raise ConfigError(f"users.{name}.{key}: {error}") from error


class Accounts:
    """What claims are checked against; of one policy."""

    def __init__(self, policy: Policy) -> None:
        self.has_secrets = has_secrets(policy)
        self._users = policy.users
        texts = (text for user in policy.users.values() for text in (user.token, user.password))
        self._costs = _costs({text.rpartition("$")[0].rpartition("$")[0] for text in texts if text})
        self._key = secrets.token_bytes(32)

    def stored(self, claim: Claim) -> str:
        """Return the hash that a claim is to fit, as the policy has it; empty if there is none."""
        user = self._users.get(claim.user)
        if user is None:
            return ""
        return (user.token if claim.kind is Kind.TOKEN else user.password) or ""

    def hash(self, claim: Claim) -> SecretHash:
        """Return the hash that a claim is to fit; if there is none, one that nothing fits.

        That one costs what others of the policy do, and the same each time.
        """
        stored = self.stored(claim)
        if stored:
            try:
                return parse_hash(stored)
            except ConfigError as error:
                log.error("the %s of user %r: %s", claim.kind.value, claim.user, error)  # noqa: TRY400
        lot = hmac.digest(self._key, claim.user.encode(errors="replace"), "sha256")
        cost = self._costs[int.from_bytes(lot[:4], "big") % len(self._costs)]
        return SecretHash(cost, secrets.token_bytes(16), secrets.token_bytes(32))


def _costs(heads: set[str]) -> list[Cost]:
    found = []
    for head in sorted(heads):
        try:
            found.append(parse_hash(f"{head}${'A' * 22}${'A' * 43}").cost)
        except ConfigError:
            continue  # told of where it is looked up
    return found or [Cost()]
