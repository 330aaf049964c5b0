"""Event types as Xerus IDL has them, and the schemas of the Xerus events."""

from __future__ import annotations

from pathlib import Path

import pytest
import xmlschema
from lxml import etree

from clacks_events.catalog import BUILTIN_SCHEMAS, Catalog
from clacks_events.catalog.idl import Enumeration, Plain, Struct
from clacks_events.errors import CatalogError, UnknownEventType
from tests.catalog.schemas import T, catalog, xsd

FILE = BUILTIN_SCHEMAS / "Xerus.xsd"
X = "{urn:clacks-events:xerus}"
XS = "{http://www.w3.org/2001/XMLSchema}"
NAMES = {
    "IdlEvent": "idl.Event:1.0.0",
    "UserEvent": "event.UserEvent:1.0.0",
    "AccountEvent": "usermgmt.AccountEvent:1.0.0",
    "AccountAdded": "usermgmt.AccountAdded:1.0.0",
    "AccountChanged": "usermgmt.AccountChanged:3.0.0",
    "AccountRemoved": "usermgmt.AccountRemoved:1.0.0",
    "AccountRenamed": "usermgmt.AccountRenamed:1.0.0",
    "PasswordChanged": "usermgmt.PasswordChanged:1.0.0",
    "SensorReadingChanged": "sensors.NumericSensor_4_0_9.ReadingChangedEvent:1.0.0",
    "SensorStateChanged": "sensors.NumericSensor_4_0_9.StateChangedEvent:1.0.0",
    "OutletStateChanged": "pdumodel.Outlet_3_0_4.StateChangedEvent:1.0.0",
}


@pytest.fixture(scope="module")
def known() -> Catalog:
    return Catalog()


def named(content: str, more: str = "", declared: str = "") -> str:
    """Declare an event type A with an IDL name, of an anonymous type."""
    return xsd(
        f'<xs:element name="A" {more}><xs:annotation><xs:appinfo>'
        '<name xmlns="urn:clacks-events:idl"> test.A:1.0.0 </name></xs:appinfo></xs:annotation>'
        f"{content}</xs:element>{declared}"
    )


def sequence(*fields: str) -> str:
    return f"<xs:complexType><xs:sequence>{''.join(fields)}</xs:sequence></xs:complexType>"


def member(kind: str, more: str = "") -> str:
    return f'<xs:element name="m" type="{kind}" {more}/>'


def members(struct: Struct) -> dict[str, object]:
    return {each.name: each.type for each in struct.members}


def test_the_xerus_events_and_their_idl_names(known: Catalog) -> None:
    assert known.idl_names() == {f"{X}{local}": name for local, name in NAMES.items()}
    assert {kind.name for kind in known.types if kind.file == FILE} == set(known.idl_names())


def test_their_lineage(known: Catalog) -> None:
    family = ["IdlEvent", "UserEvent", "AccountEvent"]
    for local in ("AccountAdded", "AccountChanged", "AccountRemoved", "AccountRenamed"):
        assert known.lineage(f"{X}{local}") == tuple(f"{X}{each}" for each in [*family, local])
    for local in ("SensorReadingChanged", "SensorStateChanged", "OutletStateChanged"):
        assert known.lineage(f"{X}{local}") == (f"{X}IdlEvent", f"{X}{local}")
    assert known.derived(f"{X}IdlEvent") == {f"{X}{local}" for local in NAMES}


def test_both_engines_take_the_file() -> None:
    etree.XMLSchema(etree.parse(FILE))
    assert xmlschema.XMLSchema10(FILE, allow="local").meta_schema is not None


def test_everything_in_it_is_documented() -> None:
    tags = [XS + tag for tag in ("element", "complexType", "simpleType", "enumeration")]
    for component in etree.parse(FILE).getroot().iter(*tags):
        text = component.findtext(f"{XS}annotation/{XS}documentation", "")
        assert text.strip().endswith("."), (component.tag, component.get("name"))


@pytest.mark.parametrize("local", NAMES)
def test_their_samples_are_valid(known: Catalog, local: str) -> None:
    known.validate(known.sample(f"{X}{local}"))
    assert known.fields(f"{X}{local}")[0].name == "source"


def test_members_are_in_the_order_of_the_idl(known: Catalog) -> None:
    renamed = known.idl_struct("AccountRenamed")
    assert [(each.name, each.least, each.most) for each in renamed.members] == [
        ("source", 0, 1), ("actUserName", 1, 1), ("actIpAddr", 1, 1), ("username", 1, 1),
        ("newUsername", 1, 1),
    ]  # fmt: skip
    state = members(known.idl_struct("OutletStateChanged"))["newState"]
    assert isinstance(state, Struct)
    kinds = members(state)
    assert kinds["available"] == Plain("boolean")
    assert kinds["powerState"] == Enumeration((("PS_OFF", 0), ("PS_ON", 1)))
    assert kinds["lastPowerStateChange"] == Plain("time")


@pytest.mark.parametrize("time", ["2026-01-01T00:00:00", "12026-01-01T00:00:00Z", "today"])
def test_times_have_a_zone_and_four_digits_of_years(known: Catalog, time: str) -> None:
    event = known.sample("SensorReadingChanged")
    known.validate(event)
    payload = event.payload
    stamp = payload.find(f"{X}newReading/{X}timestamp")
    assert stamp is not None
    stamp.text = time
    assert not etree.XMLSchema(etree.parse(FILE)).validate(payload)


@pytest.mark.parametrize("value", ["NaN", "INF", "-INF", "1e309"])
def test_readings_are_finite(known: Catalog, value: str) -> None:
    payload = known.sample("SensorReadingChanged").payload
    number = payload.find(f"{X}newReading/{X}value")
    assert number is not None
    number.text = value
    assert not etree.XMLSchema(etree.parse(FILE)).validate(payload)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("xs:boolean", Plain("boolean")),
        ("xs:unsignedByte", Plain("integer", 0, 255)),
        ("xs:int", Plain("integer", -(2**31), 2**31 - 1)),
        ("xs:long", Plain("integer", -(2**63), 2**63 - 1)),
        ("xs:integer", Plain("integer", -(2**31), 2**31 - 1)),
        ("xs:nonNegativeInteger", Plain("integer", 0, 2**31 - 1)),
        ("xs:dateTime", Plain("time")),
        ("xs:string", Plain("string")),
        ("xs:token", Plain("string", collapses=True)),
        ("xs:anyURI", Plain("string", collapses=True)),
    ],
)
def test_plain_types(tmp_path: Path, kind: str, expected: Plain) -> None:
    known = catalog(tmp_path, {"a.xsd": named(sequence(member(kind)))})
    assert members(known.idl_struct("A")) == {"m": expected}


def test_an_enumeration_may_say_its_numbers(tmp_path: Path) -> None:
    note = (
        "<xs:annotation><xs:appinfo>"
        '<idl:{0} xmlns:idl="urn:clacks-events:idl">{1}</idl:{0}></xs:appinfo></xs:annotation>'
    )
    declared = (
        f'<xs:simpleType name="E">{note.format("name", "test.E:1.0.0")}'
        '<xs:restriction base="xs:string"><xs:enumeration value="a"/>'
        f'<xs:enumeration value="b">{note.format("value", 7)}</xs:enumeration>'
        '<xs:enumeration value="c"/></xs:restriction></xs:simpleType>'
        '<xs:simpleType name="Fewer"><xs:restriction base="t:E"><xs:enumeration value="c"/>'
        "</xs:restriction></xs:simpleType>"
    )
    fewer = member("t:Fewer").replace('"m"', '"fewer"')
    known = catalog(tmp_path, {"a.xsd": named(sequence(member("t:E"), fewer), "", declared)})
    expected = Enumeration((("a", 0), ("b", 7), ("c", 8)))
    assert members(known.idl_struct("A")) == {"m": expected, "fewer": expected}


def test_an_enumeration_without_a_name_is_text(tmp_path: Path) -> None:
    declared = (
        '<xs:simpleType name="E"><xs:restriction base="xs:string"><xs:enumeration value="a"/>'
        "</xs:restriction></xs:simpleType>"
    )
    known = catalog(tmp_path, {"a.xsd": named(sequence(member("t:E")), "", declared)})
    assert members(known.idl_struct("A")) == {"m": Plain("string")}


RECURSIVE = (
    '<xs:complexType name="R"><xs:sequence><xs:element name="r" type="t:R" minOccurs="0"/>'
    "</xs:sequence></xs:complexType>"
)
TWICE = (
    '<xs:simpleType name="E"><xs:annotation><xs:appinfo>'
    '<name xmlns="urn:clacks-events:idl">E</name></xs:appinfo></xs:annotation>'
    '<xs:restriction base="xs:string"><xs:enumeration value="a"/><xs:enumeration value="b">'
    '<xs:annotation><xs:appinfo><value xmlns="urn:clacks-events:idl">{}</value></xs:appinfo>'
    "</xs:annotation></xs:enumeration></xs:restriction></xs:simpleType>"
)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (named(sequence(member("xs:date"))), "xs:date"),
        (named(sequence(member("xs:decimal"))), "xs:decimal"),
        (named(sequence(member("xs:NMTOKENS"))), "xs:list"),
        (named(sequence(member("xs:anyType"))), "mixed content"),
        (named(sequence(member("xs:anySimpleType"))), "xs:anySimpleType"),
        (named(sequence("<xs:any/>")), "xs:any"),
        (named('<xs:complexType><xs:attribute name="a"/></xs:complexType>'), "attributes"),
        (named('<xs:complexType mixed="true"><xs:sequence/></xs:complexType>'), "mixed"),
        (named("<xs:complexType><xs:choice><xs:element name='a'/><xs:element name='b'/>"
               "</xs:choice></xs:complexType>"), "a choice"),
        (named("<xs:complexType><xs:sequence maxOccurs='9'><xs:element name='a'/>"
               "</xs:sequence></xs:complexType>"), "repeated"),
        (named(sequence(member("t:R")), "", RECURSIVE), "contains itself"),
        (named(sequence(member("xs:int"), member("xs:int"))), "two members named m"),
        (named(sequence(member("t:E")), "", TWICE.format(0)), "an enumeration with 0 twice"),
        (named(sequence(member("t:E")), "", TWICE.format("x")), "'x', which is no number"),
        (named("", 'type="xs:int"'), "without members"),
    ],
)  # fmt: skip
def test_what_idl_does_not_know_is_refused(tmp_path: Path, text: str, what: str) -> None:
    known = catalog(tmp_path, {"a.xsd": text})
    assert known.idl_names() == {f"{T}A": "test.A:1.0.0"}
    with pytest.raises(CatalogError, match=what) as refused:
        known.idl_struct("A")
    assert refused.value.file == str(tmp_path / "a.xsd")


def test_a_type_that_is_used_often_is_read_once(tmp_path: Path) -> None:
    """Thirty levels of structs, each with two of the next: a billion ways through."""
    levels = "".join(
        f'<xs:complexType name="L{level}"><xs:sequence><xs:element name="a" type="t:L{level + 1}"/>'
        f'<xs:element name="b" type="t:L{level + 1}"/></xs:sequence></xs:complexType>'
        for level in range(30)
    )
    last = '<xs:complexType name="L30"><xs:sequence/></xs:complexType>'
    known = catalog(tmp_path, {"a.xsd": named(sequence(member("t:L0")), "", levels + last)})
    assert list(members(known.idl_struct("A"))) == ["m"]


def test_an_unknown_type(known: Catalog) -> None:
    with pytest.raises(UnknownEventType):
        known.idl_struct("Nothing")
    assert "{http://www.gonicus.de/Events}PhoneStatus" not in known.idl_names()
