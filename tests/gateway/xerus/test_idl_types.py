"""IDL type names: versions, families, near matches, and schemas that come and go."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from clacks_events import connect
from clacks_events.catalog import Catalog
from clacks_events.errors import InvalidEvent, UnknownEventType
from clacks_events.event import JsonValue
from clacks_events.gateway.xerus.idl import IdlTypes, unversioned
from clacks_events.gateway.xerus.values import ValueObjects
from tests.gateway.xerus.schemas import ROLES, XERUS, catalog, field, lone, named, put
from tests.harness.waiting import wait_until

X = f"{{{XERUS}}}"
READING = "sensors.NumericSensor_4_0_9.ReadingChangedEvent:1.0.0"
ROLE = "usermgmt.RoleChanged:1.0.0"


@pytest.fixture(scope="module")
def types() -> Iterator[IdlTypes]:
    found = IdlTypes(Catalog())
    yield found
    found.close()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("idl.Event:1.0.0", "idl.Event"),
        (READING, "sensors.NumericSensor.ReadingChangedEvent"),
        ("pdumodel.Outlet_3_0_4", "pdumodel.Outlet"),
        ("sensors.NumericSensor:4.0.9", "sensors.NumericSensor"),
        ("a.B_1_2_34.C_5_6_7.D:1.0.0", "a.B.C.D"),
        ("a.B_1_2.C_x", "a.B_1_2.C_x"),
        ("", ""),
    ],
)
def test_names_without_versions(name: str, expected: str) -> None:
    assert unversioned(name) == expected


def test_there_and_back(types: IdlTypes) -> None:
    assert len(types.names) == 11
    for name in types.names:
        assert types.name(types.tag(name)) == name
    assert types.tag(READING) == f"{X}SensorReadingChanged"
    assert types.name("{http://www.gonicus.de/Events}PhoneStatus") is None


@pytest.mark.parametrize(
    "name",
    [
        "sensors.NumericSensor_3_0_12.ReadingChangedEvent:2.0.0",
        "sensors.NumericSensor.ReadingChangedEvent:1.0.0",
        "sensors.NumericSensor.ReadingChangedEvent",
    ],
)
def test_other_versions_mean_the_same_type(types: IdlTypes, name: str) -> None:
    assert types.find(name).name == READING


def test_the_exact_version_first_and_else_the_newest(tmp_path: Path) -> None:
    versions = [f"test.Thing_{version}.Event:1.0.0" for version in ("1_0_9", "1_0_10", "1_0_2")]
    known = catalog(
        tmp_path, *(named(f"E{at}", name, "") for at, name in enumerate(versions))
    )  # fmt: skip
    types = IdlTypes(known)
    for name in versions:
        assert types.find(name).name == name
    assert types.find("test.Thing_7_0_0.Event:1.0.0").name == versions[1]
    assert types.find("test.Thing.Event").name == versions[1]


def test_a_type_with_all_its_parents(types: IdlTypes) -> None:
    info: JsonValue = None
    for name in (
        "idl.Event:1.0.0", "event.UserEvent:1.0.0", "usermgmt.AccountEvent:1.0.0",
        "usermgmt.AccountChanged:3.0.0",
    ):  # fmt: skip
        info = {"id": name, "parent": info}
        assert types.info(name) == info
    assert types.info("usermgmt.AccountChanged:2.0.0") == info


def test_a_parent_without_idl_name_is_passed_over(tmp_path: Path) -> None:
    middle = named("Middle", "", field("m", "xs:int")).replace("<idl:name></idl:name>", "")
    known = catalog(tmp_path, middle, named("Last", "test.Last:1.0.0", "", base="t:Middle"))
    types = IdlTypes(known)
    assert types.find("test.Last").parent == "idl.Event:1.0.0"
    assert types.name("{urn:test}Middle") is None
    made = ValueObjects(types).from_value({"type": "test.Last", "value": {"source": None, "m": 1}})
    known.validate(made)


def test_near_matches(types: IdlTypes) -> None:
    with pytest.raises(UnknownEventType) as unknown:
        types.find("pdumodel.Outlet_3_0_4.StateChangeEvent:1.0.0", "$.params.type")
    assert str(unknown.value) == (
        "$.params.type: no event type has the IDL name "
        "'pdumodel.Outlet_3_0_4.StateChangeEvent:1.0.0'; did you mean "
        "pdumodel.Outlet_3_0_4.StateChangedEvent:1.0.0?"
    )


@pytest.mark.parametrize("name", ["", ":", "_1_2_3", "x" * 10**6, READING + "0" * 500, "\ud800"])
def test_names_that_mean_nothing(types: IdlTypes, name: str) -> None:
    for ask in (types.find, types.tag, types.info):
        with pytest.raises(UnknownEventType) as unknown:
            ask(name)
        assert len(str(unknown.value)) < 600


def test_a_schema_that_comes_changes_and_goes(tmp_path: Path) -> None:
    known = Catalog([put(tmp_path)])
    types = IdlTypes(known)
    values = ValueObjects(types)
    with pytest.raises(UnknownEventType):
        types.find(ROLE)
    put(tmp_path, ROLES)
    assert known.refresh()
    assert types.find(ROLE).parent == "usermgmt.RoleEvent:1.0.0"
    role: dict[str, JsonValue] = {"description": "", "locked": False, "privileges": []}
    value: JsonValue = {
        "source": None, "actUserName": "a", "actIpAddr": "b", "rolename": "c",
        "oldSettings": role, "newSettings": role,
    }  # fmt: skip
    known.validate(values.from_value({"type": ROLE, "value": value}))
    put(tmp_path, ROLES.replace('name="locked"', 'name="frozen"'))
    assert known.refresh()
    with pytest.raises(InvalidEvent, match="frozen"):
        values.from_value({"type": ROLE, "value": value})
    (tmp_path / "Test.xsd").unlink()
    assert known.refresh()
    with pytest.raises(UnknownEventType):
        values.from_value({"type": ROLE, "value": value})


def test_a_schema_dropped_in_while_a_bus_runs(tmp_path: Path) -> None:
    with connect("memory://", schemas=[put(tmp_path)]) as bus:
        types = IdlTypes(bus.catalog)
        assert ROLE not in types.names
        put(tmp_path, ROLES)
        assert wait_until(lambda: ROLE in types.names)


def test_types_that_are_closed_follow_no_more(tmp_path: Path) -> None:
    known = Catalog([put(tmp_path)])
    types = IdlTypes(known)
    types.close()
    put(tmp_path, ROLES)
    assert known.refresh()
    assert ROLE not in types.names


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        (lone('<xs:attribute name="a"/>'), "Lone: IDL knows nothing like attributes"),
        (named("Two", "event.UserEvent:1.0.0", ""),
         "Two: {urn:clacks-events:xerus}UserEvent has the IDL name event.UserEvent:1.0.0 already"),
        (named("Odd", "no name", ""), "'no name' is no name of an IDL type"),
        (named("Long", "a" * 300, ""), "is no name of an IDL type"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_logged_once_and_spoils_nothing(
    tmp_path: Path, declared: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    known = catalog(tmp_path, declared)
    with caplog.at_level(logging.ERROR):
        types = IdlTypes(known)
        put(tmp_path, ROLES, name="Other.xsd")
        assert known.refresh()
    assert [reason in str(problem) for problem in types.problems] == [True]
    assert [reason in record.getMessage() for record in caplog.records] == [True]
    assert len(types.names) == 13
    assert types.tag("event.UserEvent:1.0.0") == f"{X}UserEvent"
