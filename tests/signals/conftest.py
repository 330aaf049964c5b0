"""Buses of a navigation device, and sites whose presence is told, on every transport."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from clacks_events import Bus, BusOptions, connect
from tests.signals.navigation import OpenBus, write_schema
from tests.signals.site import OpenSite, Site, sites

_OPTIONS = BusOptions(publish_timeout=10.0, watch_schemas=False)


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    """A directory with the types of a navigation device."""
    return write_schema(tmp_path)


@pytest.fixture
def open_bus(url: str, schemas: Path) -> Iterator[OpenBus]:
    """Connect to the same broker; the buses are closed at the end, the last one first."""
    with ExitStack() as stack:

        def open_one(source: str = "car") -> Bus:
            bus = connect(url, schemas=[schemas], source=source, options=_OPTIONS)
            return stack.enter_context(bus)

        yield open_one


@pytest.fixture
def bus(open_bus: OpenBus) -> Bus:
    """The bus that senders live on."""
    return open_bus()


@pytest.fixture
def open_site(url: str) -> Iterator[OpenSite]:
    """Open sites at the same broker by their sources; they are closed at the end."""
    with sites(url) as open_one:
        yield open_one


@pytest.fixture
def car(open_site: OpenSite) -> Site:
    """Where the senders are."""
    return open_site("car")


@pytest.fixture
def desk(open_site: OpenSite) -> Site:
    """Where somebody looks at them."""
    site = open_site("desk")
    assert len(site.roster) == 0
    return site
