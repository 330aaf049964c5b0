"""Why a call failed, in the words and numbers of AFB.

Source: ``afb-errno.h`` and ``afb-error-text.c`` of the AFB binder.
"""

from __future__ import annotations

from typing import Final

from clacks_events.errors import (
    AccessDenied,
    CatalogError,
    ClacksError,
    ConfigError,
    EventError,
    FilterError,
    LimitReached,
    RemoteError,
    RpcTimeout,
    TransportError,
    UnknownCommand,
    UnknownSender,
)
from clacks_events.rpc import INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, TOO_BUSY

__all__ = ["Refusal", "invalid", "mistake", "refusal_of", "unknown_api", "unknown_verb"]

_USER_ERROR: Final = -1000  # those of the application are this or less

_KINDS: Final[tuple[tuple[type[ClacksError], tuple[str, int]], ...]] = (
    (EventError, ("invalid-request", -12)),
    (FilterError, ("invalid-request", -12)),
    (ConfigError, ("invalid-request", -12)),
    (LimitReached, ("not-available", -5)),
    (TransportError, ("not-available", -5)),
    (UnknownCommand, ("unknown-verb", -4)),
    (UnknownSender, ("no-item", -13)),
    (RpcTimeout, ("timeout", -16)),
    (CatalogError, ("internal-error", -1)),
)
_REMOTE: Final = {
    INVALID_PARAMS: ("invalid-request", -12),
    INVALID_REQUEST: ("invalid-request", -12),
    TOO_BUSY: ("not-available", -5),
    INTERNAL_ERROR: ("internal-error", -1),
}


class Refusal(Exception):
    """A call that failed: status, code and, for a person, what exactly."""

    def __init__(self, status: str, code: int, info: str) -> None:
        self.status = status
        self.code = code
        self.info = info
        super().__init__(info)


def refusal_of(error: ClacksError, *, is_known: bool) -> Refusal:
    """Return what the client is told of an error; ``is_known``: it has told who it is."""
    if isinstance(error, AccessDenied):
        kind = ("forbidden", -8) if is_known else ("unauthorized", -6)
        return Refusal(*kind, str(error))
    if isinstance(error, RemoteError):
        return _remote(error)
    kind = next((found for known, found in _KINDS if isinstance(error, known)), _OTHER)
    # Where a broker is, is nobody's business out there.
    return Refusal(*kind, error.reason if isinstance(error, TransportError) else str(error))


_OTHER: Final = ("internal-error", -1)


def _remote(error: RemoteError) -> Refusal:
    if error.code in _REMOTE:
        return Refusal(*_REMOTE[error.code], error.message)
    code = error.code if error.code <= _USER_ERROR else _USER_ERROR - abs(error.code)
    return Refusal("user-error", code, error.message)


def invalid(info: str) -> Refusal:
    """Return the refusal of arguments that cannot be used."""
    return Refusal("invalid-request", -12, info)


def unknown_api(info: str) -> Refusal:
    """Return the refusal of an api that is not there."""
    return Refusal("unknown-api", -3, info)


def unknown_verb(info: str) -> Refusal:
    """Return the refusal of a verb that an api does not have."""
    return Refusal("unknown-verb", -4, info)


def mistake() -> Refusal:
    """Return what is told of a mistake of ours."""
    return Refusal("internal-error", -1, "the call failed; the log of the gateway says why")
