"""The event service with the real client, on every transport."""

from __future__ import annotations

from typing import Any

import pytest

from clacks_events.gateway import GatewayOptions, Limits, XerusOptions
from clacks_events.gateway.stream import Bounds
from tests.gateway.site import Site, open_gateway
from tests.gateway.xerus.devices import (
    Device,
    account_added,
    added,
    event,
    idl,
    outlet_state,
    pdumodel,
    post,
    reading,
    refused,
    rpc,
    sensors,
    usermgmt,
)


@pytest.fixture
def channel(device: Device) -> Any:
    return device.service.createChannel()


def names(answer: tuple[bool, list[Any]]) -> list[str]:
    return [each.username for each in answer[1]]


def all_names(channel: Any, number: int) -> list[str]:
    found: list[str] = []
    while len(found) < number:
        found += names(channel.pollEvents())
    return found


def test_an_event_of_the_bus_arrives_as_its_class(site: Site, channel: Any) -> None:
    assert isinstance(channel, event.Channel)
    assert channel.demandEventType(usermgmt.AccountAdded) is None
    site.bus.publish(account_added("eve", "/auth/user"))
    more, (found,) = channel.pollEvents()
    assert more is False
    assert type(found) is usermgmt.AccountAdded
    assert (found.username, found.actUserName, found.actIpAddr) == ("eve", "a", "::1")
    assert found.source.target == "/auth/user"
    assert found.source.idlType == usermgmt.UserManager.idlType


def test_what_the_client_pushes_is_a_valid_event_on_the_bus(site: Site, device: Device) -> None:
    sensor = device.sensor("/tfwopaque/1")
    with site.bus.subscribe(types=["SensorReadingChanged"]) as subscription:
        assert device.service.pushEvent(reading(sensor, 1.5)) is None
        found = subscription.get(10.0)
    site.bus.catalog.validate(found)
    assert found.source == site.agent.bus.source
    assert found.payload.findtext("{*}source/{*}rid") == "/tfwopaque/1"
    assert found.payload.findtext("{*}newReading/{*}value") == "1.5"


def test_events_come_back_as_they_were_pushed(device: Device, channel: Any) -> None:
    sensor = device.sensor("/s/1")
    sent = [reading(sensor, -0.25), outlet_state(None), added("a&b<c>ü")]
    channel.demandEventTypes([type(each) for each in sent])
    device.service.pushEvents(sent)
    found: list[Any] = []
    while len(found) < len(sent):
        found += channel.pollEvents()[1]
    assert found == sent
    assert found[0].newReading.timestamp == rpc.Time(2026, 1, 2)
    assert found[1].newState.powerState == pdumodel.Outlet.PowerState.PS_ON


def test_a_base_type_brings_what_derives_from_it(device: Device, channel: Any) -> None:
    channel.demandEventType(event.UserEvent)
    removed = usermgmt.AccountRemoved(username="b", actUserName="", actIpAddr="", source=None)
    device.service.pushEvents([added("a"), reading(None, 1.0), removed])
    found: list[Any] = []
    while len(found) < 2:
        found += channel.pollEvents()[1]
    assert [type(each) for each in found] == [usermgmt.AccountAdded, usermgmt.AccountRemoved]


def test_the_root_brings_everything(device: Device, channel: Any) -> None:
    channel.demandEventType(idl.Event)
    device.service.pushEvents([added("a"), reading(None, 1.0)])
    found: list[Any] = []
    while len(found) < 2:
        found += channel.pollEvents()[1]
    assert type(found[1]) is sensors.NumericSensor.ReadingChangedEvent


def test_events_of_one_object(device: Device, channel: Any) -> None:
    one, two = device.sensor("/s/1"), device.sensor("/s/2")
    channel.demandEvent(sensors.NumericSensor.ReadingChangedEvent, one)
    device.service.pushEvents([reading(two, 2.0), reading(None, 3.0), reading(one, 1.0)])
    assert [each.newReading.value for each in channel.pollEvents()[1]] == [1.0]


@pytest.mark.parametrize("rid", ['/a"b', "/a&amp;b'c", "/ü €", "/" + "x" * 1000])
def test_objects_with_any_name(device: Device, channel: Any, rid: str) -> None:
    channel.demandEvent(usermgmt.AccountEvent, device.sensor(rid))
    device.service.pushEvents(
        [added("no", device.sensor("/other")), added("yes", device.sensor(rid))]
    )
    assert names(channel.pollEvents()) == ["yes"]


def test_demands_add_up_and_each_event_comes_once(device: Device, channel: Any) -> None:
    one, two = device.sensor("/s/1"), device.sensor("/s/2")
    select = event.Channel.EventSelect
    channel.demandEvents([select(usermgmt.AccountEvent, one), select(event.UserEvent, one)])
    channel.demandEvent(usermgmt.AccountAdded, two)
    device.service.pushEvents([added("1", one), added("2", two), added("3"), added("4", one)])
    assert all_names(channel, 3) == ["1", "2", "4"]


def test_what_is_canceled_comes_no_more_and_the_rest_does(device: Device, channel: Any) -> None:
    one = device.sensor("/s/1")
    channel.demandEventTypes([usermgmt.AccountAdded, sensors.NumericSensor.ReadingChangedEvent])
    channel.demandEvent(usermgmt.AccountAdded, one)
    channel.cancelEventType(usermgmt.AccountAdded)
    device.service.pushEvents([added("any"), added("one", one), reading(None, 1.0)])
    found: list[Any] = []
    while len(found) < 2:
        found += channel.pollEvents()[1]
    assert found[0].username == "one"
    assert found[1].newReading.value == 1.0


def test_only_what_was_demanded_can_be_canceled(device: Device, channel: Any) -> None:
    one = device.sensor("/s/1")
    channel.demandEventType(usermgmt.AccountAdded)
    channel.cancelEvent(usermgmt.AccountAdded, one)
    channel.cancelEventType(event.UserEvent)
    channel.cancelEvents([event.Channel.EventSelect(usermgmt.AccountRemoved, None)])
    device.service.pushEvent(added("still", one))
    assert names(channel.pollEvents()) == ["still"]


def test_an_event_of_no_object_in_particular_is_of_any(device: Device, channel: Any) -> None:
    channel.demandEvent(usermgmt.AccountAdded, None)
    device.service.pushEvents([added("1", device.sensor("/s/1")), added("2")])
    assert all_names(channel, 2) == ["1", "2"]
    channel.cancelEventType(usermgmt.AccountAdded)
    device.service.pushEvent(added("3"))
    assert channel.pollEventsNb() == (False, [])


def test_many_events_come_in_order_and_in_parts(device: Device, channel: Any) -> None:
    channel.demandEventType(event.UserEvent)
    sent = [f"user-{number}" for number in range(250)]
    device.service.pushEvents([added(each) for each in sent])
    found: list[str] = []
    while len(found) < len(sent):
        more, events = channel.pollEvents()
        assert 0 < len(events) <= 100
        found += [each.username for each in events]
    assert found == sent
    assert more is False


def test_all_events_are_published_or_none(site: Site, device: Device, channel: Any) -> None:
    channel.demandEventType(event.UserEvent)
    good = {"type": "usermgmt.AccountAdded:1.0.0", "value": _members("never")}
    bad = {"type": "usermgmt.AccountAdded:1.0.0", "value": {**_members("x"), "username": 7}}
    request = {"method": "pushEvents", "params": {"events": [good, good, bad]}, "id": 4}
    error = post(site.url, "/eventservice", request)["error"]
    assert error["code"] == -32602
    assert "events[2].value.username" in error["message"]
    device.service.pushEvent(added("then"))
    assert names(channel.pollEvents()) == ["then"]


def _members(name: str) -> dict[str, object]:
    return {"source": None, "actUserName": "", "actIpAddr": "", "username": name}


def test_a_channel_that_is_destroyed_is_gone(device: Device, channel: Any) -> None:
    assert device.service.destroyChannel(channel) == 0
    assert device.service.destroyChannel(channel) == event.Service.INVALID_CHANNEL
    assert device.service.destroyChannel(None) == event.Service.INVALID_CHANNEL
    for function in (channel.pollEvents, channel.pollEventsNb):
        assert "code = -32002, msg = No such event channel" in refused(function)
    assert "-32002" in refused(lambda: channel.demandEventType(event.UserEvent))
    assert "-32002" in refused(lambda: channel.cancelEventType(event.UserEvent))


def test_callbacks_are_not_for_json_rpc(channel: Any) -> None:
    assert "-32601" in refused(lambda: channel.subscribe(None))
    assert "-32601" in refused(lambda: channel.unsubscribe(None))


def test_a_client_has_a_bounded_number_of_channels(url: str) -> None:
    options = GatewayOptions(xerus=XerusOptions(channels_per_client=2))
    with open_gateway(url, options) as site, Device(site.address) as device:
        service = device.service
        first, second = service.createChannel(), service.createChannel()
        assert first.target != second.target
        assert service.createChannel() is None
        assert service.destroyChannel(first) == 0
        assert service.createChannel() is not None


def test_a_channel_has_a_bounded_number_of_demands(url: str) -> None:
    options = GatewayOptions(limits=Limits(stream=Bounds(filters=2)))
    with open_gateway(url, options) as site, Device(site.address) as device:
        channel = device.service.createChannel()
        types = [usermgmt.AccountAdded, usermgmt.AccountRemoved, usermgmt.AccountRenamed]
        assert "code = -32003" in refused(lambda: channel.demandEventTypes(types))
        channel.demandEventTypes(types[:2])
        channel.demandEventTypes(types[:2])
        assert "code = -32003" in refused(lambda: channel.demandEventType(types[2]))
        channel.cancelEventType(types[0])
        channel.demandEventType(types[2])
