"""Fixtures: web events loggers that run as programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from clacks_events import Bus, connect
from tests.examples.site import Site

StartSite = Callable[..., Site]


@pytest.fixture
def start() -> Iterator[StartSite]:
    """Start loggers that are gone after the test."""
    with ExitStack() as stack:

        def start_one(url: str, *arguments: str | Path, listen: str = "127.0.0.1:0") -> Site:
            return stack.enter_context(Site(url, *arguments, listen=listen))

        yield start_one


@pytest.fixture
def site(start: StartSite, zmq_url: str) -> Site:
    """A logger at an embedded server."""
    return start(zmq_url)


@pytest.fixture
def bus(zmq_url: str) -> Iterator[Bus]:
    """A bus at the same server."""
    with connect(zmq_url, source="pbx") as bus:
        yield bus
