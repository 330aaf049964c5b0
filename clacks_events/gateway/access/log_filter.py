"""Secrets, kept out of the logs of the HTTP server."""

from __future__ import annotations

import logging
from typing import Final

from clacks_events.gateway.access.claims import CREDENTIAL_HEADERS, without_tokens

__all__ = ["TokenFilter"]

_HEADERS: Final = frozenset(header.decode() for header in CREDENTIAL_HEADERS)


class TokenFilter(logging.Filter):
    """Takes credentials out of the arguments of a line: for the loggers that uvicorn writes to.

    These are tokens in URLs, as in an access log, and the headers that are shown while debugging.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the line where needed, and let it pass."""
        if isinstance(record.args, tuple):
            record.args = _without_credentials(tuple(map(_clean, record.args)))
        elif isinstance(record.args, dict):
            record.args = {key: _clean(value) for key, value in record.args.items()}
        return True


def _without_credentials(args: tuple[object, ...]) -> tuple[object, ...]:
    if len(args) == 2 and isinstance(args[0], str) and args[0].lower() in _HEADERS:
        return args[0], "…"
    return args


def _clean(value: object) -> object:
    if not isinstance(value, str) or "?" not in value:
        return value
    path, _, query = value.partition("?")
    rest = without_tokens(query)
    return value if rest == query else f"{path}?{rest}"
