"""Events as value objects, when their XML is valid and yet unusual, or nobody validated it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from clacks_events.errors import InvalidEvent, UnknownEventType
from clacks_events.event import Event
from clacks_events.gateway.xerus.values import ValueObjects
from tests.gateway.xerus.samples import kinds, value_objects
from tests.gateway.xerus.schemas import XERUS


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValueObjects]:
    with value_objects(tmp_path_factory.mktemp("schemas")) as found:
        yield found


def account(content: str, more: str = "") -> Event:
    """Read an AccountAdded from XML; the prefixes xs, xsi and x are bound."""
    return Event.from_xml(
        f'<x:AccountAdded xmlns:x="{XERUS}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        f' xmlns:xs="http://www.w3.org/2001/XMLSchema" {more}>{content}</x:AccountAdded>'
    )


WHO = "<x:actUserName>admin</x:actUserName><x:actIpAddr>::1</x:actIpAddr>"


@pytest.mark.parametrize(
    "content",
    [
        f"<!-- who --> {WHO} <?why not?><x:username>bob</x:username>\n",
        f"{WHO}<x:username>b<!-- not a -->o<?b?>b</x:username>",
        f"{WHO}<x:username><![CDATA[bob]]></x:username>",
        f"{WHO}<x:username xsi:type='xs:string'>bob</x:username>",
    ],
)
def test_comments_and_the_like_change_nothing(values: ValueObjects, content: str) -> None:
    made = account(content, 'xsi:schemaLocation="urn:x x.xsd"')
    values.types.catalog.validate(made)
    assert values.to_value(made)["value"] == {
        "source": None, "actUserName": "admin", "actIpAddr": "::1", "username": "bob",
    }  # fmt: skip


def test_members_that_an_xsi_type_adds_are_refused(values: ValueObjects) -> None:
    content = f"{WHO}<x:username>bob</x:username><x:newUsername>rob</x:newUsername>"
    made = account(content, 'xsi:type="x:AccountRenamed"')
    values.types.catalog.validate(made)
    with pytest.raises(InvalidEvent, match=r"^\$\.value\.newUsername: not a member of this type"):
        values.to_value(made)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (WHO, r"\$\.value\.username: is missing in the event"),
        (f"{WHO}<x:username>a<b/></x:username>", r"\$\.value\.username\.b: not a member"),
        (f"{WHO}<username>bob</username>", r"\$\.value\.username: not a member"),
    ],
)
def test_an_event_that_nobody_validated(values: ValueObjects, content: str, message: str) -> None:
    with pytest.raises(InvalidEvent, match=message):
        values.to_value(account(content))


def test_an_event_without_idl_name(values: ValueObjects) -> None:
    known = values.types.catalog
    with pytest.raises(UnknownEventType, match="PhoneStatus has no IDL name"):
        values.to_value(known.sample("PhoneStatus"))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T18:30:00.999-05:30", 0),
        ("1970-01-01T00:00:00", 0),
        ("1970-01-01T24:00:00Z", 86400),
        ("2024-02-29T23:59:59.5Z", 1709251199),
        ("9999-12-31T23:59:59Z", 253402300799),
        ("0001-01-01T00:00:00Z", -62135596800),
    ],
)
def test_times(values: ValueObjects, text: str, seconds: int) -> None:
    payload = values.from_value(kinds()).payload
    payload.find("{*}at").text = text  # type: ignore[union-attr]  # it is there
    values.types.catalog.validate(Event(payload))
    value: Any = values.to_value(Event(payload))["value"]
    assert value["at"] == seconds


@pytest.mark.parametrize(
    ("member", "text", "reason"),
    [
        ("at", "12026-01-01T00:00:00Z", "not a moment in the years 1 to 9999"),
        ("at", "-0044-03-15T00:00:00Z", "not a moment in the years 1 to 9999"),
        ("at", "9999-12-31T24:00:00Z", "years 1 to 9999 of UTC"),
        ("double", "NaN", "JSON-RPC has a number"),
        ("double", "INF", "JSON-RPC has a number"),
        ("single", "-INF", "JSON-RPC has a number"),
        ("whole", "2147483648", "of -2147483648 to 2147483647 here"),
    ],
)
def test_values_that_are_valid_and_not_for_json_rpc(
    values: ValueObjects, member: str, text: str, reason: str
) -> None:
    payload = values.from_value(kinds()).payload
    payload.find(f"{{*}}{member}").text = text  # type: ignore[union-attr]  # it is there
    values.types.catalog.validate(Event(payload))
    with pytest.raises(InvalidEvent, match=reason) as refused:
        values.to_value(Event(payload))
    assert refused.value.path == f"$.value.{member}"
    assert refused.value.value == text


def test_defaults_of_the_schema(values: ValueObjects) -> None:
    payload = values.from_value(kinds()).payload
    payload.find("{*}named").text = None  # type: ignore[union-attr]  # it is there
    values.types.catalog.validate(Event(payload))
    value: Any = values.to_value(Event(payload))["value"]
    assert value["named"] == "none"
