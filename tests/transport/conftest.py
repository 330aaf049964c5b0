"""Transports to the broker under test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from clacks_events import BusOptions
from clacks_events.transport import open_transport
from clacks_events.transport.base import Transport

OpenTransport = Callable[[], Transport]


@pytest.fixture
def connected(url: str) -> Iterator[OpenTransport]:
    """Open transports to the same broker; they are closed at the end."""
    opened: list[Transport] = []

    def connect() -> Transport:
        transport = open_transport(url, BusOptions(publish_timeout=10.0))
        opened.append(transport)
        return transport

    yield connect
    for transport in opened:
        transport.close()
