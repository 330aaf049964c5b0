"""Which payloads are valid, and where those that are not are at fault."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from lxml import etree

from clacks_events.catalog import Catalog
from clacks_events.envelope import NAMESPACE
from clacks_events.errors import InvalidEvent
from clacks_events.event import Event
from clacks_events.xml import serialise
from tests.catalog.schemas import accepts, catalog, element, payload, put, xsd

ROWS = {
    "Rows.xsd": xsd(
        '<xs:element name="Rows"><xs:complexType><xs:sequence>'
        '<xs:element name="Row" maxOccurs="99"><xs:complexType><xs:sequence>'
        '<xs:element name="N" type="xs:int" maxOccurs="9"/></xs:sequence>'
        '<xs:attribute name="k" type="xs:int"/><xs:attribute name="need" use="required"/>'
        "</xs:complexType></xs:element>"
        "</xs:sequence></xs:complexType></xs:element>"
    )
}
FAULTS = [
    ("<t:N>x</t:N>", "need='1'", "/Event/Rows/Row[2]/N", "x", 4),
    ("<t:N>1</t:N><t:N/>", "need='1'", "/Event/Rows/Row[2]/N[2]", None, 4),
    ("<t:N>1</t:N>\n<t:N>\ny</t:N>", "need='1'", "/Event/Rows/Row[2]/N[2]", "\ny", 5),
    ("<t:N>1</t:N>", "need='1' k='z'", "/Event/Rows/Row[2]/@k", "z", 3),
    ("<t:N>1</t:N>", "need='1' t:k='z'", "/Event/Rows/Row[2]/@k", "z", 3),
    ("<t:N>1</t:N>", "", "/Event/Rows/Row[2]", None, 3),
    ("<t:N>1</t:N><o:X/>", "need='1'", "/Event/Rows/Row[2]/X", None, 4),
    ("<t:N>1</t:N><N/>", "need='1'", "/Event/Rows/Row[2]/N", None, 4),
    ("", "need='1'", "/Event/Rows/Row[2]", "\n", 3),
]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize(("content", "attributes", "path", "value", "line"), FAULTS)
def test_where_an_event_is_invalid(
    tmp_path: Path,
    version: str,
    content: str,
    attributes: str,
    path: str,
    value: str | None,
    line: int,
) -> None:
    text = ROWS["Rows.xsd"].replace("<xs:schema ", f'<xs:schema vc:minVersion="{version}" ')
    known = catalog(tmp_path, {"Rows.xsd": text})
    good = "<t:Row need='1'><t:N>1</t:N></t:Row>"
    inner = f"<t:Rows xmlns:t='urn:t' xmlns:o='urn:o'>\n{good}\n<t:Row {attributes}>\n"
    inner += f"{content}</t:Row></t:Rows>"
    events: list[Event | etree._Element] = [
        Event.from_xml(inner),
        Event.from_xml(f"<Event xmlns='{NAMESPACE}'>{inner}</Event>"),
        etree.fromstring(inner),
        etree.fromstring(f"<x><y>{inner}</y></x>")[0][0],
    ]
    for event in events:
        with pytest.raises(InvalidEvent) as caught:
            known.validate(event)
        error = caught.value
        assert (error.path, error.line) == (path, line)
        assert (error.value or "").strip() == (value or "").strip()
        assert error.reason
        assert "{urn:" not in error.reason


def test_prefixes_that_stand_for_two_namespaces(tmp_path: Path) -> None:
    body = (
        '<xs:element name="A"><xs:complexType><xs:sequence>'
        '<xs:any namespace="##other" processContents="skip"/>'
        '<xs:element name="N" type="xs:int"/></xs:sequence></xs:complexType></xs:element>'
    )
    known = catalog(tmp_path, {"a.xsd": xsd(body)})
    text = '<p:A xmlns:p="urn:t"><p:N xmlns:p="urn:o"/><p:N>x</p:N></p:A>'
    with pytest.raises(InvalidEvent) as caught:
        known.validate(etree.fromstring(text))
    assert (caught.value.path, caught.value.value) == ("/Event/A/N", "x")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_types_named_in_the_event(tmp_path: Path, version: str) -> None:
    body = (
        '<xs:complexType name="Base"><xs:sequence/></xs:complexType>'
        '<xs:complexType name="More"><xs:complexContent><xs:extension base="t:Base"><xs:sequence>'
        '<xs:element name="N" type="xs:int"/></xs:sequence></xs:extension></xs:complexContent>'
        "</xs:complexType>" + element("A", "t:Base")
    )
    known = catalog(tmp_path, {"a.xsd": xsd(body, more=f'vc:minVersion="{version}"')})
    assert accepts(known, "<t:A/>")
    assert not accepts(known, "<t:A><t:N>1</t:N></t:A>")
    for value, valid in (("1", True), ("x", False)):
        inner = f'<t:A xsi:type="p:More"><t:N>{value}</t:N></t:A>'
        text = (
            f'<Event xmlns="{NAMESPACE}" xmlns:t="urn:t" xmlns:p="urn:t"'
            f' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n{inner}</Event>'
        )
        event = Event.from_xml(text)
        if valid:
            known.validate(event)
            known.validate(Event(event.payload))
            continue
        with pytest.raises(InvalidEvent) as caught:
            known.validate(event)
        assert (caught.value.path, caught.value.value) == ("/Event/A/N", "x")
        assert caught.value.line == 2
    assert not accepts(known, '<t:A xsi:type="t:Nothing"/>')
    assert not accepts(known, '<t:A xsi:type="q:Nothing"/>')


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_locations_in_an_event_lead_nowhere(tmp_path: Path, version: str) -> None:
    (tmp_path / "x").mkdir()
    put(tmp_path / "x", {"other.xsd": xsd(element("B"), target="urn:o")})
    body = (
        '<xs:element name="A"><xs:complexType><xs:sequence>'
        '<xs:any namespace="##other" processContents="lax"/>'
        "</xs:sequence></xs:complexType></xs:element>"
    )
    known = catalog(tmp_path, {"a.xsd": xsd(body, more=f'vc:minVersion="{version}"')})
    for location in ((tmp_path / "x" / "other.xsd").as_uri(), "http://localhost/other.xsd"):
        text = f'<t:A xsi:schemaLocation="urn:o {location}"><o:B>x</o:B></t:A>'
        assert accepts(known, text)


def test_payloads_called_event(tmp_path: Path) -> None:
    known = catalog(tmp_path, {"Event.xsd": xsd(element("Event"))})
    for event in (
        Event.from_xml('<Event xmlns="urn:t">x</Event>'),
        payload("<t:Event>x</t:Event>"),
    ):
        with pytest.raises(InvalidEvent) as caught:
            known.validate(event)
        assert caught.value.path == "/Event/Event"


def test_threads_get_their_own_errors(tmp_path: Path) -> None:
    old = ROWS["Rows.xsd"]
    new = xsd(element("New"), more='vc:minVersion="1.1"')
    known = catalog(tmp_path, {"Rows.xsd": old, "New.xsd": new})
    wrong: list[str] = []

    def work(number: int) -> None:
        for turn in range(60):
            bad = f"bad{number}x{turn}"
            value = bad if turn % 2 else "1"
            text = f"<t:Rows><t:Row need='1'><t:N>{value}</t:N></t:Row></t:Rows>"
            if turn % 3 == 0:
                text = f"<t:New>{value}</t:New>"
            try:
                known.validate(payload(text))
            except InvalidEvent as error:
                if error.value != bad or bad not in error.reason:
                    wrong.append(f"{bad}: {error}")
            else:
                if value == bad:
                    wrong.append(f"{bad} accepted")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_an_event_can_be_read_while_it_is_validated() -> None:
    known = Catalog()
    event = known.sample("Inventory")
    written = serialise(event.document.getroot())
    done = threading.Event()

    def validate() -> None:
        while not done.is_set():
            known.validate(event)

    thread = threading.Thread(target=validate)
    thread.start()
    try:
        assert all(serialise(event.document.getroot()) == written for _ in range(3000))
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_lines_beyond_65535(tmp_path: Path, version: str) -> None:
    text = ROWS["Rows.xsd"].replace("<xs:schema ", f'<xs:schema vc:minVersion="{version}" ')
    known = catalog(tmp_path, {"Rows.xsd": text})
    good = "<t:Row need='1'><t:N>1</t:N></t:Row>"
    rows = "<t:Rows xmlns:t='urn:t'>" + "\n" * 70_000 + good + "\n<t:X/></t:Rows>"
    for text in (rows, f"<Event xmlns='{NAMESPACE}'>{rows}</Event>"):
        with pytest.raises(InvalidEvent) as caught:
            known.validate(Event.from_xml(text))
        assert caught.value.path == "/Event/Rows/X"
        assert caught.value.line == 70_002
