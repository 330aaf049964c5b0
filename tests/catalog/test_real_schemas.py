"""Published schemas and messages that nobody here wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from clacks_events.catalog import Catalog
from clacks_events.envelope import ENVELOPE, NAMESPACE
from clacks_events.errors import EventError
from clacks_events.event import Event
from clacks_events.maker import EventMaker

DATA = Path(__file__).parents[3] / "shared" / "data"
FAMILIES = sorted(path.parent.name for path in DATA.glob("*/schemas"))
_CATALOGS: dict[str, Catalog] = {}

pytestmark = pytest.mark.skipif(not FAMILIES, reason="the real schemas are not here")


def files(kind: str) -> list[Path]:
    return sorted(DATA.glob(f"*/{kind}/*"))


def known(path: Path) -> Catalog:
    """The catalog of the family that a file belongs to."""
    family = path.parent.parent.name
    if family not in _CATALOGS:
        _CATALOGS[family] = Catalog([DATA / family / "schemas"])
    return _CATALOGS[family]


def label(path: Path) -> str:
    return f"{path.parent.parent.name}-{path.name}"


def tags(element: etree._Element) -> list[str]:
    return [str(each.tag) for each in element.iter("*")]


def test_all_families_in_one_catalog() -> None:
    everything = Catalog([DATA / family / "schemas" for family in FAMILIES])
    assert everything.problems == ()
    for path in files("samples"):
        everything.validate(Event.from_xml(path.read_bytes()))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_schema_loads(family: str) -> None:
    loaded = Catalog([DATA / family / "schemas"], builtin=False)
    assert loaded.problems == ()
    assert loaded.types
    for path in (DATA / family / "schemas").glob("*.xsd"):
        loaded.check(path.resolve())


@pytest.mark.parametrize("path", files("samples"), ids=label)
def test_every_sample_is_valid(path: Path) -> None:
    event = Event.from_xml(path.read_bytes(), decoder=known(path))
    known(path).validate(event)
    known(path).validate(event.payload)
    known(path).validate(Event.from_xml(event.xml))
    assert event.json()["type"] == event.type
    assert event.type in {kind.name for kind in known(path).types}


@pytest.mark.parametrize("path", files("invalid"), ids=label)
def test_every_invalid_one_is_refused(path: Path) -> None:
    with pytest.raises(EventError) as caught:
        known(path).validate(Event.from_xml(path.read_bytes()))
    assert caught.value.reason
    assert caught.value.line > 0


@pytest.mark.parametrize("path", files("disputed"), ids=label)
def test_disputed_ones_are_decided(path: Path) -> None:
    try:
        known(path).validate(Event.from_xml(path.read_bytes()))
    except EventError as error:
        assert error.reason  # noqa: PT017  # both outcomes are right


@pytest.mark.parametrize(
    "path", [p for kind in ("samples", "disputed") for p in files(kind)], ids=label
)
def test_payloads_keep_their_namespaces(path: Path) -> None:
    root = etree.fromstring(path.read_bytes())
    before = tags(root)
    lines = [each.sourceline for each in root.iter("*")]
    envelope = etree.Element(ENVELOPE, nsmap={None: NAMESPACE})
    envelope.append(etree.fromstring(path.read_bytes()))
    made = EventMaker().Event(etree.fromstring(path.read_bytes()))
    wrapped = Event.from_xml(path.read_bytes())
    assert [each.sourceline for each in wrapped.element.iter("*")] == lines
    for event in (wrapped, Event(root), Event(envelope), Event(made)):
        assert tags(event.element) == before
        assert tags(event.payload) == before
        assert tags(Event.from_xml(event.xml).element) == before
    assert tags(etree.fromstring(etree.tostring(made, encoding="utf-8")))[1:] == before
