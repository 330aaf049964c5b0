"""Elements from Python values."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from lxml import etree

from clacks_events.envelope import NAMESPACE
from clacks_events.errors import MalformedEvent
from clacks_events.event import Event
from clacks_events.maker import EventMaker

E = f"{{{NAMESPACE}}}"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
BOUND = f'xmlns:xsi="{XSI}"'
e = EventMaker()


def reread(element: etree._Element) -> etree._Element:
    return etree.fromstring(etree.tostring(element, encoding="utf-8"))


def tags(element: etree._Element) -> list[object]:
    return [each.tag for each in element.iter()]


def meant(element: etree._Element) -> list[tuple[str | None, str]]:
    """The types that xsi:type attributes name, with their prefixes resolved."""
    found = []
    for each in element.iter("*"):
        prefix, _, local = (each.get(f"{{{XSI}}}type") or "").strip().rpartition(":")
        if local:
            found.append((each.nsmap.get(prefix or None), local))
    return found


def test_an_event() -> None:
    made = e.Event(e.PhoneStatus(e.CallerId("+49"), e.Status("busy")))
    assert (
        etree.tostring(made)
        == (
            f'<e:Event xmlns:e="{NAMESPACE}"><e:PhoneStatus><e:CallerId>+49</e:CallerId>'
            "<e:Status>busy</e:Status></e:PhoneStatus></e:Event>"
        ).encode()
    )
    assert Event(made).type == f"{E}PhoneStatus"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a<b>&", "a<b>&"),
        (5, "5"),
        (1.5, "1.5"),
        (float("inf"), "INF"),
        (float("nan"), "NaN"),
        (Decimal("1E+3"), "1000"),
        (True, "true"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
        (date(2026, 1, 2), "2026-01-02"),
        (time(3, 4, 5), "03:04:05"),
        (timedelta(minutes=1), "PT60S"),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        ([1, 2], "1 2"),
        ((1, 2), "1 2"),
    ],
    ids=repr,
)
def test_values(value: object, text: str) -> None:
    assert reread(e.T(value)).text == text
    assert reread(e.T(key=value)).get("key") == text
    assert reread(e.T({"key": value})).get("key") == text


def test_mixed_content() -> None:
    made = e.T("a", e.B("b"), 1, True, e.C(), "z")
    assert etree.tostring(made, method="text") == b"ab1truez"
    assert made.text == "a"
    assert made[0].tail == "1true"


def test_lists_of_elements() -> None:
    made = e.T([e.A(number) for number in range(3)], (e.B(), "text"))
    assert tags(made) == [f"{E}T", *[f"{E}A"] * 3, f"{E}B"]
    assert made[-1].tail == "text"


def test_names() -> None:
    made = e["with-dash"](e["größe"](), {"a-b": 1, "{urn:x}c": "d"}, class_="x")
    assert tags(reread(made)) == [f"{E}with-dash", f"{E}größe"]
    assert dict(reread(made).attrib) == {"a-b": "1", "{urn:x}c": "d", "class_": "x"}


def test_namespaces() -> None:
    foreign = EventMaker("urn:f")
    plain = EventMaker(None)
    made = e.Event(foreign.A(plain.B(foreign.C(), plain.D(e.E())), {"k": "v"}))
    assert tags(reread(made)) == [f"{E}Event", "{urn:f}A", "B", "{urn:f}C", "D", f"{E}E"]
    assert tags(reread(EventMaker("")["A"](e.B()))) == ["A", f"{E}B"]
    assert etree.tostring(EventMaker("urn:f", prefix="f").A()) == b'<f:A xmlns:f="urn:f"/>'


@pytest.mark.parametrize(
    "make",
    [
        lambda: e.T(None),
        lambda: e.T(e.A(), None),
        lambda: e.T(key=None),
        lambda: e.T({"key": None}),
        lambda: e.T(object()),
        lambda: e.T(b"bytes"),
        lambda: e.T([1, None]),
        lambda: e.T(["two words"]),
        lambda: e.T("\x00"),
        lambda: e.T("a\x1b"),
        lambda: e.T(e.A(), "\x0b"),
        lambda: e.T("\ud800"),
        lambda: e.T("\uffff"),
        lambda: e.T(key="\x01"),
        lambda: e.T(Decimal("NaN")),
        lambda: e.T({5: "x"}),
        lambda: e.T({"a b": "x"}),
        lambda: e["a b"](),
        lambda: e["a:b"](),
        lambda: e[""](),
        lambda: EventMaker("no uri\x00").T(),
        lambda: EventMaker("urn:x", prefix="1").T(),
    ],
)
def test_what_has_no_xml_form(make: object) -> None:
    assert callable(make)
    with pytest.raises(MalformedEvent) as caught:
        make()
    assert caught.value.reason


def test_the_error_names_the_element() -> None:
    with pytest.raises(MalformedEvent, match=r"Status: .*None"):
        e.PhoneStatus(e.Status(None))


def test_no_dunder_is_an_element() -> None:
    assert not hasattr(e, "__wrapped__")
    assert isinstance(copy.copy(e), EventMaker)
    assert etree.tostring(pickle.loads(pickle.dumps(e)).T()) == etree.tostring(e.T())


def test_an_element_of_another_tree_is_copied() -> None:
    status = e.Status("busy")
    one, other = e.A(status), e.B(status)
    assert len(one) == len(other) == 1
    tree = etree.fromstring('<r xmlns:p="urn:p"><a k="p:v">x</a>tail</r>')
    made = reread(e.T(tree[0]))
    assert len(tree) == 1
    assert made[0].nsmap["p"] == "urn:p"
    assert made[0].tail is None


@pytest.mark.parametrize(
    "text",
    [
        f'<T xmlns="{NAMESPACE}" {BOUND} xsi:type="S"><b xmlns="" xsi:type="x"/></T>',
        f'<v:T xmlns:v="{NAMESPACE}" {BOUND} xsi:type="v:S"><v:c xsi:type=" v:S2 "/></v:T>',
        f'<T xmlns="urn:x" {BOUND} xsi:type="S"><c xmlns="{NAMESPACE}" xsi:type="S"/></T>',
        f'<T {BOUND} xmlns:p="urn:p" xsi:type="p:S"><p:c xsi:type="S"/></T>',
    ],
)
def test_parsed_payloads_keep_names_and_types(text: str) -> None:
    payload = etree.fromstring(text)
    before = tags(payload), meant(payload)
    made = reread(e.Event(payload))
    assert (tags(made)[1:], meant(made)) == before
    again = reread(EventMaker("urn:x").Wrap(e.Event(etree.fromstring(text))))
    assert (tags(again)[2:], meant(again)) == before


def test_built_payloads_keep_their_namespaces() -> None:
    payload = etree.Element("{urn:d}T", nsmap={None: "urn:d"})
    etree.SubElement(etree.SubElement(payload, "plain"), "{urn:d}deep")
    etree.SubElement(payload[0][0], "deeper").tail = "t"
    made = reread(e.Event(payload))
    assert tags(made)[1:] == ["{urn:d}T", "plain", "{urn:d}deep", "deeper"]
    assert made[0][0][0][0].tail == "t"


def test_comments_and_instructions() -> None:
    made = reread(e.T(etree.Comment("c"), etree.ProcessingInstruction("p", "x"), "t"))
    assert etree.tostring(made).endswith(b"<!--c--><?p x?>t</e:T>")


def test_attributes_keep_their_namespaces() -> None:
    foreign = EventMaker("urn:f")
    inner = foreign.B({"{urn:two}a": 2, "{urn:one}a": 1})
    made = reread(e.Event(foreign.A({"{urn:one}a": 0}, inner)))
    assert dict(made[0].attrib) == {"{urn:one}a": "0"}
    assert dict(made[0][0].attrib) == {"{urn:two}a": "2", "{urn:one}a": "1"}
