"""No test of the catalog may reach the network."""

from __future__ import annotations

import socket
from typing import Never

import pytest


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail whoever connects or looks up a name."""

    def refuse(*args: object) -> Never:
        raise AssertionError(f"the network was asked for: {args}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
