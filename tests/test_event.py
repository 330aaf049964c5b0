"""The envelope and its payload."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from clacks_events.envelope import ENVELOPE, NAMESPACE, Stamp
from clacks_events.errors import EventError, MalformedEvent
from clacks_events.event import Event, JsonValue

STAMP = Stamp("i", "s", "2026-01-01T00:00:00Z")


E = f"{{{NAMESPACE}}}"
XSI = "http://www.w3.org/2001/XMLSchema-instance"


def envelope(content: str, attributes: str = "") -> str:
    return f'<e:Event xmlns:e="{NAMESPACE}" xmlns:xsi="{XSI}" {attributes}>{content}</e:Event>'


FULL_STAMP = "id='i' source='s' time='2026-01-02T03:04:05.5+01:00'"
FULL = envelope("<e:T><e:a>1</e:a></e:T>", FULL_STAMP)


def shape(element: etree._Element) -> list[tuple[object, ...]]:
    """Names, attributes, texts and tails: all that a copy must not change."""
    return [
        (str(each.tag), dict(each.attrib), each.text or "", each.tail or "")
        for each in element.iter()
    ]


class Decoder:
    def to_json(self, payload: etree._Element) -> JsonValue:
        return {"tag": str(payload.tag)}


def test_an_event_from_the_wire() -> None:
    event = Event.from_xml(FULL, headers={"n": 1})
    assert event.type == f"{E}T"
    assert event.name == "T"
    assert (event.id, event.source) == ("i", "s")
    assert event.time == datetime(2026, 1, 2, 3, 4, 5, 500_000, timezone(timedelta(hours=1)))
    assert event.headers == {"n": 1}
    assert event.payload[0].text == event.element[0].text == "1"
    assert event.document.getroot().tag == ENVELOPE
    assert repr(event) == f"<Event {E}T id=i source=s>"


def test_an_event_and_its_copies_have_one_element_each_time_it_is_asked_for() -> None:
    bare = Event.from_xml("<T><a/></T>")
    for event in (
        Event.from_xml(FULL),
        bare,
        bare.stamped(STAMP),
        bare.copy(),
        Event(bare.payload),
    ):
        assert event.element is event.element
        assert event.element.getparent() is event.document.getroot()
        assert event.type == event.element.tag


def test_a_bare_payload_is_wrapped() -> None:
    for event in (Event.from_xml("<T><a/></T>"), Event(etree.fromstring("<T><a/></T>"))):
        assert event.type == event.name == "T"
        assert (event.id, event.source, event.time) == (None, None, None)
        assert event.headers == {}
        assert event.xml == f'<e:Event xmlns:e="{NAMESPACE}"><T><a/></T></e:Event>'.encode()


def test_comments_and_blanks_beside_the_payload() -> None:
    inner = envelope(" <!-- b --> <?p?> <T/>\n<!-- c -->")
    event = Event.from_xml(f"<!-- a -->{inner}<!-- d -->")
    assert event.type == "T"
    assert Event.from_xml(event.xml).type == "T"
    assert etree.tostring(event.payload) == b"<T/>"


REFUSED = [
    (envelope(""), "/Event", 1, "no payload"),
    (envelope("<!-- <e:T/> -->"), "/Event", 1, "no payload"),
    (envelope("\n<T/>\n<U/>"), "/Event", 3, "2 payloads where one is allowed: T, U"),
    (envelope("\n" + "<T/>" * 9), "/Event", 2, "9 payloads"),
    (envelope("\n<e:Event><T/></e:Event>"), "/Event/Event", 2, "an event inside of an event"),
    (envelope("x<T/>"), "/Event", 1, "text beside the payload: 'x'"),
    (envelope("<T/>\n x "), "/Event", 1, "text beside the payload: 'x'"),
    (envelope("<!-- c -->x<T/>"), "/Event", 1, "text beside the payload: 'x'"),
    (envelope("<T/><![CDATA[x]]>"), "/Event", 1, "text beside the payload: 'x'"),
    (envelope("\u00a0<T/>"), "/Event", 1, r"text beside the payload: '\xa0'"),
    (envelope("y" * 99 + "<T/>"), "/Event", 1, f"'{'y' * 40}'"),
    (envelope("<T/>", "kind='x'"), "/Event/@kind", 1, "is not one of id, source, time"),
    (envelope("<T/>", "id='i' source='s' kind='x'"), "/Event/@kind", 1, "is not one of"),
    (envelope("<T/>", FULL_STAMP + " kind='x'"), "/Event/@kind", 1, "is not one of"),
    (envelope("<T/>", "ID='x'"), "/Event/@ID", 1, "is not one of id, source, time"),
    (envelope("<T/>", "id=''"), "/Event/@id", 1, "is empty"),
    (envelope("<T/>", "id=' '"), "/Event/@id", 1, "is empty"),
    (envelope("<T/>", "source=''"), "/Event/@source", 1, "is empty"),
    (envelope("<T/>", f"source='{'é' * 128}'"), "/Event/@source", 1, "longer than 255 bytes"),
    (envelope("<T/>", f"id='{'x' * 256}'"), "/Event/@id", 1, "longer than 255 bytes"),
    ("<!-- -->\n" + envelope("<T/>", "id=''"), "/Event/@id", 2, "is empty"),
]


@pytest.mark.parametrize(("text", "path", "line", "reason"), REFUSED)
def test_refused_envelopes(text: str, path: str, line: int, reason: str) -> None:
    declared = f'<?xml version="1.0"?>\n{text}'
    for data, offset in ((text, 0), (text.encode(), 0), (declared, 1), (declared.encode(), 1)):
        with pytest.raises(MalformedEvent) as caught:
            Event.from_xml(data)
        assert caught.value.path == path
        assert caught.value.line == line + offset
        assert reason in caught.value.reason
    with pytest.raises(MalformedEvent) as caught:
        Event(etree.fromstring(text))
    assert caught.value.path == path


BAD_TIMES = """
    now 2026-01-02 2026-01-02T03:04:05 2026-13-02T03:04:05Z 2026-02-30T00:00:00Z
    2026-01-02T25:04:05Z 20260102T030405Z 2026-01-02T03:04:05+99:99 2026-01-02T03:04:05+1
    ٢٠٢٦-01-02T03:04:05Z 0000-01-01T00:00:00Z 0001-01-01T00:00:00+14:00
    9999-12-31T23:59:59-14:00
"""


@pytest.mark.parametrize(
    "time", ["", "2026-01-02 03:04:05Z", " 2026-01-02T03:04:05Z", *BAD_TIMES.split()]
)
def test_bad_times(time: str) -> None:
    with pytest.raises(MalformedEvent, match="'time' is") as caught:
        Event.from_xml(envelope("<T/>", f"time='{time}'"))
    assert caught.value.path == "/Event/@time"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05.123456789Z", datetime(2026, 1, 2, 3, 4, 5, 123456, UTC)),
        ("2026-01-02T03:04:05-00:00", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_good_times(text: str, expected: datetime) -> None:
    event = Event.from_xml(envelope("<T/>", f"time='{text}'"), decoder=Decoder())
    assert event.time == expected
    moment = event.json()["time"]
    assert isinstance(moment, str)
    assert moment.endswith("Z")


SHAPED_LIKE_TIMES = st.from_regex(
    r"\A(?:[0-9]{4}|202[0-9])-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](?:\.[0-9]{1,9})?"
    r"(?:Z|[+-][0-2][0-9]:[0-6][0-9])\Z"
)


@given(SHAPED_LIKE_TIMES)
@example("2024-02-29T00:00:00Z")
@example("2023-02-29T00:00:00Z")
@example("2026-04-30T23:59:59Z")
@example("2026-04-31T23:59:59Z")
@example("2026-12-31T24:00:00Z")
def test_a_time_is_taken_exactly_if_the_calendar_has_it(time: str) -> None:
    try:
        expected = datetime.fromisoformat(time)
        expected.astimezone(UTC)
    except (ValueError, OverflowError):
        with pytest.raises(MalformedEvent, match="'time' is"):
            Event.from_xml(envelope("<T/>", f"time='{time}'"))
    else:
        assert Event.from_xml(envelope("<T/>", f"time='{time}'")).time == expected


def test_attributes_of_other_namespaces_are_let_be() -> None:
    event = Event.from_xml(envelope("<T/>", "xsi:schemaLocation='a b' xml:lang='en'"))
    assert b"xsi:schemaLocation" in event.xml


def test_names_up_to_255_bytes() -> None:
    event = Event.from_xml(envelope("<T/>", f"id='{'x' * 255}' source='{'é' * 127}x'"))
    assert len(event.id or "") == 255


@pytest.mark.parametrize(
    "data",
    [
        "",
        "{}",
        "<a>",
        b"\xff",
        b"\x00",
        f'<!DOCTYPE Event [<!ENTITY x "y">]>{envelope("<T>&x;</T>")}',
    ],
)
def test_what_is_no_xml(data: bytes | str) -> None:
    with pytest.raises(MalformedEvent):
        Event.from_xml(data)


@given(st.binary() | st.text())
def test_anything_is_an_event_or_malformed(data: bytes | str) -> None:
    try:
        event = Event.from_xml(data)
    except MalformedEvent as error:
        assert error.reason  # noqa: PT017  # both outcomes are right
    else:
        assert Event.from_xml(event.xml).type == event.type


def test_size() -> None:
    assert Event.from_xml("<T/>", max_size=4).type == "T"
    with pytest.raises(MalformedEvent, match="5 bytes are more than the 4 allowed"):
        Event.from_xml("<T />", max_size=4)


@pytest.mark.parametrize("encoding", ["iso-8859-1", "utf-16", "utf-8", "utf-8-sig"])
def test_encodings(encoding: str) -> None:
    for text in (envelope("<T k='ö'>Größe</T>"), "<T k='ö'>Größe</T>"):
        declared = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>\n{text}'
        for data in (declared.encode(encoding), declared):
            event = Event.from_xml(data)
            assert event.xml.startswith(b"<e:Event ")
            assert '<T k="ö">Größe</T>'.encode() in event.xml
            assert shape(Event.from_xml(event.xml).element) == shape(event.element)


def test_utf_8_bytes_stay_as_they_came() -> None:
    data = envelope("<T  k = 'ö'/>").encode()
    assert Event.from_xml(data).xml == data
    assert Event.from_xml(data).copy().with_headers({"a": 1}).xml == data


@pytest.mark.parametrize("data", [b"<?x?>" + FULL.encode(), b"\n" + FULL.encode(), FULL])
def test_other_input_is_written_anew(data: bytes | str) -> None:
    event = Event.from_xml(data)
    assert event.xml.startswith(b"<e:Event ")
    assert shape(Event.from_xml(event.xml).element) == shape(event.element)


def test_lines_of_a_bare_payload_stay() -> None:
    text = "<T\n k='1'\n>\n<a\n/>\n<b/></T>"
    for event in (Event.from_xml(text), Event(etree.fromstring(text))):
        lines = [each.sourceline for each in event.element.iter()]
        assert lines == [each.sourceline for each in etree.fromstring(text).iter()]


def test_the_tail_of_an_element_is_left_out() -> None:
    tree = etree.fromstring("<r><T>x</T>tail</r>")
    assert Event(tree[0]).xml.endswith(b"<T>x</T></e:Event>")
    assert len(tree) == 1


def test_an_event_does_not_change_from_outside() -> None:
    headers: dict[str, str | int] = {"n": 1}
    for element in (
        etree.fromstring("<T><a>1</a></T>"),
        etree.fromstring(envelope("<T><a>1</a></T>")),
    ):
        event = Event(element, headers=dict(headers))
        before = event.xml
        element.set("id", "changed")
        element[0].text = "changed"
        event.payload[0].text = "changed"
        event.payload.tag = "Changed"
        headers["n"] = 2
        assert Event.from_xml(event.xml).xml == before
        assert event.type == "T"
        assert event.element[0].text == "1"
        assert event.headers == {"n": 1}
        assert event.stamped(STAMP).payload[0].text == "1"
        headers["n"] = 1


def test_attributes_and_headers_cannot_be_set() -> None:
    event = Event.from_xml(FULL, headers={"n": 1})
    for name in ("id", "source", "time", "type", "xml", "payload", "element", "headers", "other"):
        with pytest.raises(AttributeError):
            setattr(event, name, "x")
    with pytest.raises(TypeError):
        event.headers["n"] = 2  # type: ignore[index]


def test_a_copy_has_a_payload_of_its_own() -> None:
    event = Event.from_xml(FULL, headers={"n": 1})
    other = event.copy()
    event.payload[0].text = "changed"
    assert other.payload[0].text == "1"
    assert (other.xml, other.headers, other.id) == (event.xml, event.headers, event.id)


def test_stamping_fills_in_what_is_missing() -> None:
    time = "2026-01-02T03:04:05Z"
    event = Event.from_xml("<T/>", headers={"n": 1})
    stamped = event.stamped(Stamp(id="i", source="s", time=time))
    assert (stamped.id, stamped.source) == ("i", "s")
    assert stamped.time == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert stamped.headers == {"n": 1}
    assert (event.id, event.source, event.time) == (None, None, None)
    assert Event.from_xml(stamped.xml).id == "i"
    again = stamped.stamped(Stamp(id="i2", source="s2", time="2027-01-02T03:04:05Z"))
    assert (again.id, again.source, again.time) == ("i", "s", stamped.time)


@pytest.mark.parametrize(
    "change", [{"id": ""}, {"id": "\x00"}, {"source": " "}, {"source": "x" * 256}, {"time": "now"}]
)
def test_stamps_are_checked(change: dict[str, str]) -> None:
    stamp = {"id": "i", "source": "s", "time": "2026-01-02T03:04:05Z"} | change
    with pytest.raises(MalformedEvent) as caught:
        Event.from_xml("<T/>").stamped(Stamp(**stamp))
    assert caught.value.path == f"/Event/@{next(iter(change))}"


def test_more_headers() -> None:
    event = Event.from_xml("<T/>", headers={"a": 1, "b": "x"})
    more = event.with_headers({"b": True})
    assert more.headers == {"a": 1, "b": True}
    assert event.headers == {"a": 1, "b": "x"}


def test_json() -> None:
    event = Event.from_xml(FULL)
    with pytest.raises(EventError, match="decoder=catalog"):
        event.json()
    assert event.with_decoder(Decoder()).json() == {
        "id": "i",
        "source": "s",
        "time": "2026-01-02T02:04:05.500Z",
        "type": f"{E}T",
        "payload": {"tag": f"{E}T"},
    }
    assert Event.from_xml("<T/>", decoder=Decoder()).json()["time"] is None


def test_elements_that_are_no_payload() -> None:
    entity = etree.XMLParser(resolve_entities=False)
    deep = etree.Element("T")
    for _ in range(300):
        deep = etree.SubElement(deep, "a")
    for element in (
        etree.Comment("c"),
        etree.ProcessingInstruction("p", "x"),
        etree.fromstring('<!DOCTYPE T [<!ENTITY x "y">]><T>&x;</T>', entity),
        deep.getroottree().getroot(),
    ):
        with pytest.raises(MalformedEvent):
            Event(element)


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"": 1}, "1 to 255 bytes"),
        ({"ü" * 128: 1}, "1 to 255 bytes"),
        ({5: 1}, "1 to 255 bytes"),
        ({"a": None}, "NoneType has no form"),
        ({"a": [1]}, "list has no form"),
        ({"a": 2**63}, "more than 64 bits"),
        ({"a": "\ud800"}, "not Unicode text"),
        ({"\ud800": "a"}, "not Unicode text"),
    ],
)
def test_headers_that_no_wire_carries_are_refused(headers: Any, reason: str) -> None:
    with pytest.raises(MalformedEvent, match=reason):
        Event.from_xml("<a/>", headers=headers)


@pytest.mark.parametrize("thing", [5, None, [], ElementTree.Element("a")])
def test_what_is_no_element_is_refused(thing: Any) -> None:
    with pytest.raises(MalformedEvent, match="made of an lxml element, not of"):
        Event(thing)


@pytest.mark.parametrize(
    "stamp", [Stamp("", "s", STAMP.time), Stamp("i", "\x00", STAMP.time), Stamp("i", "s", "noon")]
)
def test_a_stamp_that_breaks_the_rules_is_refused(stamp: Stamp) -> None:
    for element in (etree.Element("a"), etree.Element(f"{{{NAMESPACE}}}Event")):
        etree.SubElement(element, "b")
        with pytest.raises(MalformedEvent):
            Event(element, stamp=stamp)
        with pytest.raises(MalformedEvent):
            Event.from_xml(etree.tostring(element), stamp=stamp)
