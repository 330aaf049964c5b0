"""A gateway for the tests that need nothing of it but to be there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.catalog.schemas import element, put, xsd
from tests.gateway.site import Site, open_gateway

_BASE = xsd(element("Base", "xs:anyType", 'abstract="true"'))
_PART = xsd('<xs:simpleType name="Word"><xs:restriction base="xs:string"/></xs:simpleType>')
_NO_TYPE = (
    "><xs:annotation><xs:appinfo><e:eventType>false</e:eventType></xs:appinfo></xs:annotation>"
    "</xs:element>"
)
_MORE = xsd(
    '<xs:include schemaLocation="Base.xsd"/><xs:include schemaLocation="parts/word.xsd"/>'
    + element("Derived", "t:Word", 'substitutionGroup="t:Base"')
    + element("Apart", "t:Word", 'substitutionGroup="t:Base"').replace("/>", _NO_TYPE)
)


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with types of another namespace; two have the name of built-in ones."""
    files = {"Base.xsd": _BASE, "parts/word.xsd": _PART, "Derived.xsd": _MORE}
    twin = xsd(element("NodeStatus", "xs:int"))
    return put(tmp_path_factory.mktemp("schemas"), {**files, "NodeStatus.xsd": twin})


@pytest.fixture(scope="module")
def site(schemas: Path) -> Iterator[Site]:
    """A gateway that nobody changes."""
    with open_gateway(f"memory://plain-{schemas.name}", schemas=[schemas]) as opened:
        yield opened


@pytest.fixture(scope="module")
def web(site: Site) -> Iterator[httpx.Client]:
    """A client of the gateway."""
    with httpx.Client(base_url=site.url, timeout=20) as client:
        yield client
