"""Credentials as requests bring them: read, not yet believed."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.types import Scope

from clacks_events.agent.secrets import LONGEST, user_of_token

__all__ = [
    "CREDENTIAL_HEADERS",
    "Claim",
    "Kind",
    "claim_of",
    "take_query_token",
    "token_claim",
    "without_tokens",
]

CREDENTIAL_HEADERS: Final = (b"authorization", b"x-sessiontoken", b"x-afb-token")
"""The headers that credentials come in."""

_PARAMETERS: Final = frozenset({b"x-afb-token", b"token", b"access_token"})
# Where browsers cannot set headers: for EventSource and WebSocket.
_QUERY_PLACES: Final = {"http": ("GET", "/events"), "websocket": (None, "/api")}


class Kind(Enum):
    """What is claimed by."""

    PASSWORD = "password"
    TOKEN = "token"
    SESSION = "session"
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True)
class Claim:
    """Who somebody says he is, and the secret that is to show it."""

    kind: Kind
    user: str
    secret: str = field(repr=False)


_UNUSABLE: Final = Claim(Kind.UNUSABLE, "", "")


def claim_of(headers: Mapping[bytes, bytes], query_token: str | None) -> Claim | None:
    """Return what a request claims, None if nothing; of several ways the first counts."""
    given = headers.get(b"authorization")
    if given is not None:
        return _authorization(given)
    given = headers.get(b"x-sessiontoken")
    if given is not None:
        # Policy tokens have a dot in them, and those of sessions are hexadecimal.
        token = given.decode("latin-1").strip()
        return token_claim(token) if "." in token else _session(token)
    given = headers.get(b"x-afb-token")
    if given is not None:
        return token_claim(given.decode("latin-1").strip())
    return None if query_token is None else token_claim(query_token)


def _authorization(header: bytes) -> Claim:
    scheme, _, rest = header.decode("latin-1").partition(" ")
    match scheme.lower():
        case "bearer":
            return token_claim(rest.strip())
        case "basic":
            return _basic(rest.strip())
    return _UNUSABLE


def _basic(text: str) -> Claim:
    """Read user and password. Source: RFC 7617, 2 and 2.1 (UTF-8)."""
    try:
        user, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return _UNUSABLE
    if not colon or max(len(user), len(password)) > LONGEST:
        return _UNUSABLE
    return Claim(Kind.PASSWORD, user, password)


def token_claim(token: str) -> Claim:
    """Return what a token of the policy claims."""
    user = user_of_token(token)
    return _UNUSABLE if user is None else Claim(Kind.TOKEN, user, token)


def _session(token: str) -> Claim:
    return Claim(Kind.SESSION, "", token)


def take_query_token(scope: Scope) -> str | None:
    """Take tokens out of the query, so that nobody can log them; return the first, if it counts.

    It counts for WebSockets at ``/api`` and for event streams, ``GET /events``.
    """
    query: bytes = scope["query_string"]
    if not query:
        return None
    rest, found = _separated(query)
    if found is None:
        return None
    scope["query_string"] = rest
    method, path = _QUERY_PLACES[scope["type"]]
    is_place = scope["path"].removeprefix(scope.get("root_path", "")) == path
    if not is_place or (method is not None and scope["method"] != method):
        return None
    return unquote_to_bytes(found.replace(b"+", b" ")).decode("latin-1")


def without_tokens(query: str) -> str:
    """Return a query without the tokens in it."""
    return _separated(query.encode(errors="surrogateescape"))[0].decode(errors="surrogateescape")


def _separated(query: bytes) -> tuple[bytes, bytes | None]:
    rest, found = [], None
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if (unquote_to_bytes(name) if b"%" in name else name).strip(b"+ ").lower() in _PARAMETERS:
            found = value if found is None else found
        else:
            rest.append(part)
    return (query, None) if found is None else (b"&".join(rest), found)
