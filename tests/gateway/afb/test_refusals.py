"""Errors of the package in the words of AFB."""

from __future__ import annotations

import pytest

from clacks_events.errors import (
    AccessDenied,
    CatalogError,
    ClacksError,
    ConfigError,
    ConnectionLost,
    EvaluationError,
    FilterSyntaxError,
    InvalidEvent,
    LimitReached,
    NobodyListens,
    RemoteError,
    RpcError,
    RpcTimeout,
    UnknownCommand,
    UnknownEventType,
    UnknownSender,
)
from clacks_events.gateway.afb.refusals import refusal_of

URL = "amqp://10.0.0.7/secret"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidEvent("x"), "invalid-request", -12),
        (UnknownEventType("x"), "invalid-request", -12),
        (FilterSyntaxError("x"), "invalid-request", -12),
        (ConfigError("x"), "invalid-request", -12),
        (LimitReached("x"), "not-available", -5),
        (ConnectionLost("x", url=URL), "not-available", -5),
        (NobodyListens("x", url=URL), "not-available", -5),
        (UnknownCommand("x"), "unknown-verb", -4),
        (UnknownSender("x"), "no-item", -13),
        (RpcTimeout("x"), "timeout", -16),
        (RpcError("x"), "internal-error", -1),
        (CatalogError("x"), "internal-error", -1),
        (EvaluationError("x"), "internal-error", -1),
        (RemoteError(-32602, "x"), "invalid-request", -12),
        (RemoteError(-32600, "x"), "invalid-request", -12),
        (RemoteError(-32603, "x"), "internal-error", -1),
        (RemoteError(-32004, "x"), "not-available", -5),
        (RemoteError(-32000, "x"), "user-error", -32000),
        (RemoteError(-1000, "x"), "user-error", -1000),
        (RemoteError(-7, "x"), "user-error", -1007),
        (RemoteError(404, "x"), "user-error", -1404),
        (RemoteError(0, "x"), "user-error", -1000),
    ],
    ids=repr,
)
def test_each_error_has_a_status_and_a_code(error: ClacksError, status: str, code: int) -> None:
    refusal = refusal_of(error, is_known=True)

    # Where the broker is, is not told.
    assert (refusal.status, refusal.code, refusal.info) == (status, code, "x")


def test_who_is_not_known_may_try_to_say_who_it_is() -> None:
    error = AccessDenied("no")

    assert refusal_of(error, is_known=True).code == -8
    assert refusal_of(error, is_known=False).code == -6
