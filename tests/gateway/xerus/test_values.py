"""Value objects as events: with the classes of the real client, and with hostile input."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clacks_events.catalog import Catalog
from clacks_events.catalog.idl import Enumeration, IdlType, Member, Plain, Struct
from clacks_events.errors import EventError, InvalidEvent, MalformedEvent, UnknownEventType
from clacks_events.event import Event
from clacks_events.gateway.xerus.values import ValueObjects
from tests.gateway.xerus.samples import KINDS, READING, changed, kinds, reading, value_objects
from tests.gateway.xerus.schemas import XERUS

# The client has no annotations.
rpc: Any = importlib.import_module("raritan.rpc")
event: Any = importlib.import_module("raritan.rpc.event")
idl: Any = importlib.import_module("raritan.rpc.idl")
net: Any = importlib.import_module("raritan.rpc.net")
pdumodel: Any = importlib.import_module("raritan.rpc.pdumodel")
sensors: Any = importlib.import_module("raritan.rpc.sensors")
usermgmt: Any = importlib.import_module("raritan.rpc.usermgmt")

AGENT = rpc.Agent("http", "nowhere.invalid")
"""What the client's proxies belong to; it connects only when one of their methods is called."""


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValueObjects]:
    with value_objects(tmp_path_factory.mktemp("schemas")) as found:
        yield found


def real_events() -> list[Any]:
    """Make an event of each type as a program with the real client does."""
    source = sensors.NumericSensor("/tfwopaque/sensors.NumericSensor:4.0.9/1", AGENT)
    status = sensors.NumericSensor.Reading.Status(True, False, False, True)
    early = sensors.NumericSensor.Reading(rpc.Time(1970, 1, 1), False, status, False, -0.5)
    late = sensors.NumericSensor.Reading(rpc.Time(2038, 1, 19, 3, 14, 8), True, status, True, 1e-7)
    outlet = pdumodel.Outlet
    off = outlet.State(lastPowerStateChange=rpc.Time(2026, 2, 28))
    on = outlet.State(
        available=True, powerState=outlet.PowerState.PS_ON, isLoadShed=True,
        ledState=outlet.LedState(green=True),
        lastPowerStateChange=rpc.Time(2024, 2, 29, 23, 59, 59),
    )  # fmt: skip
    who = {"actUserName": "ädmin <&>", "actIpAddr": "::1", "source": source}
    privileges = [usermgmt.Role.Privilege("switch", ["1", "2"]), usermgmt.Role.Privilege("view")]
    units = {
        3: net.PortForwardingAutoSetupExpansionUnit(errMsg="no link"),
        -1: net.PortForwardingAutoSetupExpansionUnit(),
    }
    setup = net.PortForwardingAutoSetupStatus(
        rpc.Time(2026, 1, 1), 2,
        net.PortForwardingAutoSetupRunningState.PF_AUTO_SETUP_CANCELED, units,
    )  # fmt: skip
    return [
        idl.Event(),
        idl.Event(source),
        event.UserEvent(**who),
        usermgmt.AccountEvent("bob", **who),
        usermgmt.AccountAdded("bob", **who),
        usermgmt.AccountChanged("bob", **who),
        usermgmt.AccountRemoved("bob"),
        usermgmt.AccountRenamed("rob", "bob", **who),
        usermgmt.PasswordChanged(" bob\r\n", **who),
        sensors.NumericSensor.ReadingChangedEvent(late, source),
        sensors.NumericSensor.StateChangedEvent(early, late, source),
        outlet.StateChangedEvent(off, on, outlet("/model/pdu/0/outlet/1", AGENT)),
        usermgmt.RoleChanged(usermgmt.Role.Info(), usermgmt.Role.Info("new", True, privileges)),
        net.PortForwardingAutoSetupStatusChangedEvent(setup, source),
    ]


def over_the_wire(sent: object) -> Any:
    return json.loads(json.dumps(sent, allow_nan=False))


def as_published(made: Event, known: Catalog) -> Event:
    """Return an event as a subscriber gets it."""
    known.validate(made)
    return Event.from_xml(made.xml, decoder=known)


def test_every_type_has_an_example(values: ValueObjects) -> None:
    made = {each.idlType for each in real_events()}
    assert set(values.types.names) - made == {KINDS, "usermgmt.RoleEvent:1.0.0"}


@pytest.mark.parametrize("sent", real_events(), ids=lambda each: str(each.idlType))
def test_events_of_the_real_client_come_back_to_it(values: ValueObjects, sent: Any) -> None:
    pushed = over_the_wire(rpc.ValueObject.encode(sent))
    got = as_published(values.from_value(pushed), values.types.catalog)
    polled = over_the_wire(values.to_value(got))
    assert polled == pushed
    assert rpc.ValueObject.decode(polled, AGENT) == sent


def test_the_xml_of_an_event(values: ValueObjects) -> None:
    sent = usermgmt.AccountAdded("bob", "admin", "10.0.0.9")
    made = values.from_value(rpc.ValueObject.encode(sent))
    assert made.type == f"{{{XERUS}}}AccountAdded"
    assert made.json()["payload"] == {
        "actUserName": "admin", "actIpAddr": "10.0.0.9", "username": "bob",
    }  # fmt: skip


def test_samples_of_every_type_reach_the_real_client(values: ValueObjects) -> None:
    known = values.types.catalog
    for name in set(values.types.names) - {KINDS}:
        made = known.sample(values.types.tag(name))
        payload = made.payload
        for kind in payload.iterfind(".//{*}source/{*}type"):
            kind.text = "pdumodel.Outlet:3.0.4"
        polled = over_the_wire(values.to_value(Event(payload)))
        assert rpc.ValueObject.encode(rpc.ValueObject.decode(polled, AGENT)) == polled


# XML has no other control characters, no surrogates and not the last two of the plane.
TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff")
    | st.sampled_from("\t\n\r<>&\"'\x85\u2028")
)


def jsons(kind: IdlType) -> st.SearchStrategy[Any]:
    match kind:
        case Struct():
            return st.fixed_dictionaries({each.name: of_member(each) for each in kind.members})
        case Enumeration():
            return st.sampled_from([number for _, number in kind.numbers])
        case Plain(kind="boolean"):
            return st.booleans()
        case Plain(kind="integer"):
            return st.integers(int(kind.least), int(kind.most))
        case Plain(kind="double"):
            return st.floats(max(kind.least, -1e308), min(kind.most, 1e308))
        case Plain(kind="time"):
            return st.integers(-62135596800, 253402300799)
        case Plain(collapses=True):
            return st.sampled_from(["http://example.com/a?b=c&d", "urn:x", ""])
        case _:
            return TEXTS


def of_member(member: Member) -> st.SearchStrategy[Any]:
    found = jsons(member.type)
    if member.default:
        found = found.filter(bool)
    if member.tag == f"{{{XERUS}}}rid" or member.tag == f"{{{XERUS}}}type":
        found = found.filter(bool)
    if member.is_nillable or (not member.least and not member.is_vector):
        found = found | st.none()
    return st.lists(found, min_size=member.least, max_size=3) if member.is_vector else found


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_value_to_xml_to_value_is_identity(values: ValueObjects, data: st.DataObject) -> None:
    known = values.types.find(data.draw(st.sampled_from(values.types.names)))
    sent = {"type": known.name, "value": data.draw(jsons(known.struct))}
    got = as_published(values.from_value(sent), values.types.catalog)
    assert over_the_wire(values.to_value(got)) == sent


@pytest.mark.parametrize(
    ("path", "value", "where", "reason"),
    [
        ("newReading.timestamp", 1.5, None, "a time in whole seconds is needed here, not a number"),
        ("newReading.timestamp", True, None, "not a boolean"),
        ("newReading.timestamp", "1700000000", None, "not a string"),
        ("newReading.timestamp", 253402300800, None, "years 1 to 9999"),
        ("newReading.timestamp", -(10**4000), None, "years 1 to 9999"),
        ("newReading.timestamp", None, None, "null is not allowed here"),
        ("newReading.available", 1, None, "a boolean is needed here, not an integer"),
        ("newReading.available", "true", None, "a boolean is needed here, not a string"),
        ("newReading.value", True, None, "a number is needed here, not a boolean"),
        ("newReading.value", float("nan"), None, "finite"),
        ("newReading.value", float("inf"), None, "finite"),
        ("newReading.value", float("-inf"), None, "finite"),
        ("newReading.value", 10**400, None, "finite"),
        ("newReading.value", "1.5", None, "a number is needed here, not a string"),
        ("newReading.value", [], None, "a number is needed here, not a list"),
        ("newReading", None, None, "null is not allowed here"),
        ("newReading", [], None, "an object is needed here, not a list"),
        ("newReading", "x" * 10**6, None, "an object is needed here, not a string"),
        ("newReading.valid", ..., None, "this member is missing"),
        ("source", ..., None, "this member is missing"),
        ("source", {}, None, "missing: rid, type"),
        ("source", False, None, "an object is needed here, not a boolean"),
        ("source.rid", None, None, "null is not allowed here"),
        ("source.rid", 7, None, "a string is needed here, not an integer"),
        ("source.rid", "a\x00b", None, "a character that XML does not have"),
        ("source.rid", "\x1b", None, "a character that XML does not have"),
        ("source.rid", "\ud800", None, "a character that XML does not have"),
        ("source.rid", "\uffff", None, "a character that XML does not have"),
        ("newReading.peak", 1, None, "no such member"),
        ("newReading.status.aboveUpperCritica1", 1, None, "did you mean aboveUpperCritical?"),
        ("newReading.<x>", 1, ".newReading['<x>']", "no such member"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_by_its_path(
    values: ValueObjects, path: str, value: object, where: str | None, reason: str
) -> None:
    with pytest.raises(InvalidEvent) as refused:
        values.from_value(changed(reading(), f"value.{path}", value))
    assert refused.value.path == "$.value" + (f".{path}" if where is None else where)
    assert reason in refused.value.reason
    assert len(str(refused.value)) < 400
    assert len(refused.value.value or "") < 200


@pytest.mark.parametrize(
    ("member", "value", "where", "reason"),
    [
        ("int", 2**31, "", "an integer of -2147483648 to 2147483647 is needed here"),
        ("int", -(2**31) - 1, "", "-2147483648 to 2147483647"),
        ("int", 5.0, "", "an integer is needed here, not a number"),
        ("int", True, "", "an integer is needed here, not a boolean"),
        ("int", 10**4000, "", "-2147483648 to 2147483647"),
        ("whole", 2**31, "", "-2147483648 to 2147483647"),
        ("long", 2**63, "", "9223372036854775807"),
        ("small", 256, "", "0 to 255"),
        ("percent", 101, "", "0 to 100"),
        ("single", 1e39, "", "finite number that fits"),
        ("level", 0, "", "one of -1 (LOW), 5 (MIDDLE), 6 (HIGH), 100 (HIGHEST) is needed here"),
        ("level", "HIGH", "", "an integer is needed here, not a string"),
        ("level", True, "", "an integer is needed here, not a boolean"),
        ("holes", None, "", "a list is needed here, not null"),
        ("holes", {"0": 1}, "", "a list is needed here, not an object"),
        ("holes", [1, "2"], "[1]", "an integer is needed here, not a string"),
        ("holes", [1] * 1001, "", "a list of at most 1000"),
        ("few", [{"at": 1}] * 4, "", "a list of at most 3"),
        ("few", [{"at": 1}, None], "[1]", "null is not allowed here"),
        ("few", [{"at": 1}, {"at": "now"}], "[1].at", "not a string"),
        ("maybe", {"at": None}, ".at", "null is not allowed here"),
        ("named", "", "", "an empty text would mean the default of the schema, 'none'"),
    ],
)
def test_types_of_a_schema_of_ones_own(
    values: ValueObjects, member: str, value: object, where: str, reason: str
) -> None:
    assert values.to_value(values.from_value(kinds())) == kinds()
    with pytest.raises(InvalidEvent) as refused:
        values.from_value(changed(kinds(), f"value.{member}", value))
    assert refused.value.path == f"$.value.{member}{where}"
    assert reason in refused.value.reason


def test_what_a_newer_client_sends_is_named(values: ValueObjects) -> None:
    sent = changed(changed(reading(), "value.peak", 1), "value.mean", 2)
    with pytest.raises(InvalidEvent, match=r"^\$\.value: .*; unknown: peak, mean$"):
        values.from_value(sent)
    many: Any = {f"{number}" * 50: 1 for number in range(1000)}
    with pytest.raises(InvalidEvent) as refused:
        values.from_value({"type": READING, "value": many})
    assert "missing: source, newReading; unknown: 0" in str(refused.value)
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize(
    ("sent", "error", "message"),
    [
        (None, MalformedEvent, r"^\$: a value object is needed here, not null"),
        ([], MalformedEvent, r"^\$: a value object is needed here, not a list"),
        ("x", MalformedEvent, r"^\$: a value object is needed here, not a string"),
        ({}, MalformedEvent, r"^\$: .*'type' is missing, 'value' is missing"),
        ({"type": READING}, MalformedEvent, r"^\$: .*'value' is missing"),
        ({"type": READING, "value": {}, "v": 1}, MalformedEvent, r"^\$: .*'v' is unknown"),
        ({"type": 7, "value": {}}, MalformedEvent, r"^\$\.type: .* not an integer"),
        ({"type": READING, "value": None}, InvalidEvent, r"^\$\.value: .* not null"),
        ({"type": READING, "value": []}, InvalidEvent, r"^\$\.value: .* not a list"),
        ({"type": "usermgmt.AcountAdded:1.0.0", "value": {}}, UnknownEventType,
         r"^\$\.type: .*did you mean usermgmt\.AccountAdded:1\.0\.0"),
        ({"type": "", "value": {}}, UnknownEventType, r"^\$\.type: "),
        ({"type": "x" * 10**6, "value": {}}, UnknownEventType, r"^\$\.type: .{,400}$"),
    ],
)  # fmt: skip
def test_what_is_no_value_object(
    values: ValueObjects, sent: Any, error: type[EventError], message: str
) -> None:
    with pytest.raises(error, match=message):
        values.from_value(sent)


def test_the_place_of_a_value_object_among_others(values: ValueObjects) -> None:
    with pytest.raises(MalformedEvent, match=r"^\$\.params\.events\[3\]: "):
        values.from_value(None, "$.params.events[3]")
    with pytest.raises(InvalidEvent, match=r"^\$\.params\.events\[3\]\.value\.source: "):
        values.from_value(changed(reading(), "value.source", 1), "$.params.events[3]")


def test_facets_are_left_to_publishing(values: ValueObjects) -> None:
    made = values.from_value(changed(reading(), "value.source.rid", ""))
    with pytest.raises(InvalidEvent, match="rid"):
        values.types.catalog.validate(made)


def test_versions_of_other_firmware(values: ValueObjects) -> None:
    sent = reading() | {"type": "sensors.NumericSensor_3_0_1.ReadingChangedEvent:2.0.0"}
    assert values.to_value(values.from_value(sent)) == reading()
