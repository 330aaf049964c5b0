"""A gateway on each broker, and the real client of one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateway.site import Site, open_gateway
from tests.gateway.xerus.devices import Device


@pytest.fixture
def site(url: str) -> Iterator[Site]:
    with open_gateway(url) as opened:
        yield opened


@pytest.fixture
def device(site: Site) -> Iterator[Device]:
    with Device(site.address) as opened:
        yield opened
