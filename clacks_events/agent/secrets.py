"""Secrets of users: their hashes, as a policy file has them, and the tokens that clients get.

A hash is written as PHC strings are: ``$scrypt$ln=15,r=8,p=1$SALT$HASH``, in base64 without
padding. Source: RFC 7914 (scrypt), the PHC string format of the Password Hashing Competition.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import unicodedata
from dataclasses import dataclass, field
from typing import Final

from clacks_events.errors import ConfigError

__all__ = [
    "LONGEST",
    "Cost",
    "SecretHash",
    "hash_secret",
    "new_token",
    "parse_hash",
    "user_of_token",
]

LONGEST: Final = 1024
"""Characters of the longest secret."""

_TEXT = re.compile(
    r"\$scrypt\$ln=(\d{1,3}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)", re.ASCII
)
_SALT = range(8, 65)  # bytes
_HASH = range(16, 65)
_LOG_N = range(10, 19)
_MEMORY = 64 * 1024 * 1024  # bytes
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class Cost:
    """What one check costs: ``128 * r * 2**ln`` bytes, and ``p`` times the work for them.

    Raises ConfigError for what takes more than 64 MiB, or protects nobody.
    """

    ln: int = 15
    r: int = 8
    p: int = 1

    def __post_init__(self) -> None:
        if self.ln not in _LOG_N or self.r not in range(1, 33) or self.p not in range(1, 5):
            raise ConfigError(
                f"ln={self.ln},r={self.r},p={self.p} is outside of ln=10 to 18, r=1 to 32, p=1 to 4"
            )
        if self.memory > _MEMORY:
            raise ConfigError(
                f"ln={self.ln},r={self.r} would take {self.memory >> 20} MiB for each check,"
                f" and {_MEMORY >> 20} is the most"
            )

    @property
    def memory(self) -> int:
        """Bytes that one check takes."""
        return int(128 * self.r << self.ln)


@dataclass(frozen=True, slots=True)
class SecretHash:
    """The hash of a secret."""

    cost: Cost
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    def matches(self, secret: str) -> bool:
        """Tell whether it is the hash of ``secret``; takes some 50 ms of a processor."""
        found = _scrypt(secret, self.salt, self.cost, len(self.digest))
        # HMAC, in scrypt, fills its key up with zeros: with some at its end a secret is the same.
        return hmac.compare_digest(found, self.digest) and "\0" not in secret

    def __str__(self) -> str:
        cost = f"ln={self.cost.ln},r={self.cost.r},p={self.cost.p}"
        return f"$scrypt${cost}${_b64(self.salt)}${_b64(self.digest)}"


def hash_secret(secret: str, cost: Cost | None = None) -> SecretHash:
    """Hash a secret with a salt of its own. Raises ConfigError for one that nobody could send."""
    if not secret or len(secret) > LONGEST:
        raise ConfigError(f"a secret has 1 to {LONGEST} characters")
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in secret):
        raise ConfigError("a secret has no control characters")
    cost, salt = cost or Cost(), secrets.token_bytes(16)
    return SecretHash(cost, salt, _scrypt(secret, salt, cost, 32))


def parse_hash(text: str) -> SecretHash:
    """Read a hash. Raises ConfigError, which does not show the text: it may be a secret."""
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ConfigError("not a hash, which is written $scrypt$ln=15,r=8,p=1$SALT$HASH")
    cost = Cost(int(found[1]), int(found[2]), int(found[3]))
    salt, digest = _bytes(found[4]), _bytes(found[5])
    if salt is None or len(salt) not in _SALT or digest is None or len(digest) not in _HASH:
        raise ConfigError("a hash that is cut off, or has something wrong in it")
    return SecretHash(cost, salt, digest)


def new_token(user: str) -> str:
    """Make a random token of 256 bits, which says whose it is: ``USER.SECRET``.

    Both are in base64url without padding, so it may stand in headers, URLs and cookies as it is.
    """
    return f"{_url64(user.encode())}.{_url64(secrets.token_bytes(32))}"


def user_of_token(token: str) -> str | None:
    """Return the user that a token says it is of; None for what is no token."""
    head, dot, secret = token.partition(".")
    if not dot or not head or not secret or len(token) > LONGEST:
        return None
    try:
        name = base64.b64decode(head + "=" * (-len(head) % 4), b"-_", validate=True)
        return name.decode() if len(name) <= _LONGEST_NAME else None
    except ValueError:
        return None


def _scrypt(secret: str, salt: bytes, cost: Cost, length: int) -> bytes:
    # The same password typed on another keyboard may be composed otherwise (RFC 8265, 4.2.2).
    password = unicodedata.normalize("NFC", secret).encode(errors="surrogatepass")
    return hashlib.scrypt(
        password,
        salt=salt,
        n=1 << cost.ln,
        r=cost.r,
        p=cost.p,
        maxmem=cost.memory + 1024 * 1024,
        dklen=length,
    )


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return None
