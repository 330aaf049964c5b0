"""Who gets in: the guard before the application, and the principal that it finds out."""

from __future__ import annotations

from clacks_events.gateway.access.guard import Guard, check_address
from clacks_events.gateway.access.log_filter import TokenFilter
from clacks_events.gateway.access.options import AccessOptions
from clacks_events.gateway.access.principal import Principal, principal_by_token, principal_of
from clacks_events.gateway.access.sessions import Sessions

__all__ = [
    "AccessOptions",
    "Guard",
    "Principal",
    "Sessions",
    "TokenFilter",
    "check_address",
    "principal_by_token",
    "principal_of",
]
