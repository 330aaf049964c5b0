"""One URL for each transport: the conformance suite runs on all of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from clacks_events import BusOptions
from clacks_events.transport import open_transport
from clacks_events.transport.base import Transport

OpenTransport = Callable[[], Transport]

_NUMBERS = itertools.count()


@pytest.fixture(params=["memory", "amqp"])
def url(request: pytest.FixtureRequest) -> str:
    """The URL of a broker that nobody else uses."""
    if request.param == "memory":
        return f"memory://test-{next(_NUMBERS)}"
    found: str = request.getfixturevalue("amqp_url")
    return found


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
