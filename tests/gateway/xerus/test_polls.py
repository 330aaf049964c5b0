"""How long polls wait and channels live, and who gets what when somebody goes."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

import httpx
import pytest

from clacks_events.agent.policy import Effect, Policy, Rule
from clacks_events.gateway import GatewayOptions, XerusOptions
from tests.gateway.site import Site, open_gateway
from tests.gateway.xerus.devices import (
    NO_CHANNEL,
    SHORT,
    Device,
    account_added,
    added,
    event,
    figure,
    post,
    refused,
    usermgmt,
    waiting_poll,
)
from tests.harness.waiting import wait_until

POLL = {"method": "pollEvents", "params": {}, "id": 1}


@pytest.fixture
def channel(device: Device) -> Any:
    made = device.service.createChannel()
    made.demandEventType(event.UserEvent)
    return made


def waiting(site: Site, number: int = 1) -> None:
    """Return when so many polls wait."""
    wait_until(lambda: figure(site.url, "clacks_polls_waiting") == number)


def names(answer: tuple[bool, list[Any]]) -> list[str]:
    return [each.username for each in answer[1]]


def begin_poll(site: Site, channel: Any) -> socket.socket:
    """Send a poll, and return the connection that the answer is to come on."""
    host, _, port = site.address.partition(":")
    made = socket.create_connection((host, int(port)), timeout=10.0)
    body = json.dumps(POLL).encode()
    made.sendall(
        b"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s"
        % (channel.target.encode(), site.address.encode(), len(body), body)
    )
    return made


def test_a_poll_that_waits_is_answered_when_an_event_comes(site: Site, channel: Any) -> None:
    with waiting_poll(site.address, channel) as poll:
        waiting(site)
        site.bus.publish(account_added("late"))
        assert names(poll.result()) == ["late"]
    assert channel.pollEventsNb() == (False, [])


def test_demands_count_for_a_poll_that_waits_already(site: Site, device: Device) -> None:
    channel = device.service.createChannel()
    with waiting_poll(site.address, channel) as poll:
        waiting(site)
        channel.demandEventType(usermgmt.AccountRemoved)
        channel.demandEvent(usermgmt.AccountAdded, device.sensor("/s/1"))
        channel.demandEvent(usermgmt.AccountAdded, device.sensor("/s/2"))
        site.bus.publish(account_added("other", "/s/3"))
        site.bus.publish(account_added("this", "/s/2"))
        assert names(poll.result()) == ["this"]


def test_what_is_canceled_does_not_end_a_poll(site: Site, device: Device, channel: Any) -> None:
    with waiting_poll(site.address, channel) as poll:
        waiting(site)
        channel.demandEventType(usermgmt.AccountRemoved)
        channel.cancelEventType(event.UserEvent)
        device.service.pushEvent(added("no"))
        removed = usermgmt.AccountRemoved(username="yes", actUserName="", actIpAddr="", source=None)
        device.service.pushEvent(removed)
        assert names(poll.result()) == ["yes"]


def test_whoever_polls_last_gets_what_comes(site: Site, channel: Any) -> None:
    with waiting_poll(site.address, channel) as first:
        waiting(site)
        with waiting_poll(site.address, channel) as second:
            assert first.result() == (False, [])
            waiting(site)
            site.bus.publish(account_added("one"))
            assert names(second.result()) == ["one"]


def test_looking_in_between_ends_a_poll_that_waits(site: Site, channel: Any) -> None:
    with waiting_poll(site.address, channel) as poll:
        waiting(site)
        assert channel.pollEventsNb() == (False, [])
        assert poll.result() == (False, [])


def test_a_channel_that_is_destroyed_ends_its_poll(
    site: Site, device: Device, channel: Any
) -> None:
    with waiting_poll(site.address, channel) as poll:
        waiting(site)
        assert device.service.destroyChannel(channel) == 0
        assert "code = -32002" in refused(poll.result)


def test_a_client_that_goes_leaves_the_events_to_the_next(site: Site, channel: Any) -> None:
    begin_poll(site, channel).close()
    waiting(site, 0)
    connection = begin_poll(site, channel)
    waiting(site)
    connection.close()
    waiting(site, 0)
    site.bus.publish(account_added("kept"))
    assert names(channel.pollEvents()) == ["kept"]


def test_a_client_that_goes_while_an_event_comes_loses_nothing(site: Site, channel: Any) -> None:
    for number in range(20):
        connection = begin_poll(site, channel)
        waiting(site)
        sender = threading.Thread(target=site.bus.publish, args=(account_added(str(number)),))
        sender.start()
        if number % 2:
            sender.join()
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()
        connection.close()
        sender.join()
        waiting(site, 0)
        if b'"username":"%d"' % number not in answer:
            assert names(channel.pollEvents()) == [str(number)]
        # It may have come and be there again, if the gateway did not see that it came.
        channel.pollEventsNb()


def test_a_poll_without_events_is_empty_after_a_while(url: str) -> None:
    with open_gateway(url, SHORT) as site, Device(site.address) as device:
        channel = device.service.createChannel()
        assert channel.pollEvents() == (False, [])
        channel.demandEventType(event.UserEvent)
        assert channel.pollEvents() == (False, [])
        assert figure(site.url, "clacks_poll_wait_seconds_count") == 2


def test_a_channel_that_nobody_uses_is_gone_and_one_in_use_is_not(url: str) -> None:
    options = GatewayOptions(xerus=XerusOptions(channel_expiry=2.0, poll_timeout=3.5))
    with open_gateway(url, options) as site, Device(site.address) as device:
        idle, used = device.service.createChannel(), device.service.createChannel()
        used.demandEventType(event.UserEvent)
        # It waits for longer than channels live that nobody uses.
        assert used.pollEvents() == (False, [])
        assert "No such event channel" in refused(idle.pollEvents)
        device.service.pushEvent(added("x"))
        assert names(used.pollEvents()) == ["x"]
        wait_until(lambda: figure(site.url, "clacks_channels") == 0)
        wait_until(lambda: post(site.url, idle.target, POLL)["error"]["code"] == NO_CHANNEL)
        assert "-32002" in refused(used.pollEvents)


def test_the_end_of_the_gateway_answers_polls(url: str) -> None:
    with open_gateway(url) as site, Device(site.address) as device:
        channel = device.service.createChannel()
        channel.demandEventType(event.UserEvent)
        with waiting_poll(site.address, channel) as poll:
            waiting(site)
            site.gateway.close()
            assert poll.result() == (False, [])


def test_a_channel_is_of_the_client_who_made_it(site: Site, device: Device, channel: Any) -> None:
    device.service.pushEvent(added("mine"))
    transport = httpx.HTTPTransport(local_address="127.0.0.2")
    with httpx.Client(transport=transport, base_url=site.url) as other:
        for method in ("pollEvents", "pollEventsNb"):
            request: dict[str, object] = {"method": method, "params": {}, "id": 1}
            answer = other.post(channel.target, json=request).json()
            unknown = other.post("/event/channel/" + "0" * 32, json=request).json()
            assert answer == unknown
            assert answer["error"]["code"] == NO_CHANNEL
        reference = {"rid": channel.target, "type": "event.Channel:1.0.1"}
        destroy = {"method": "destroyChannel", "params": {"channel": reference}, "id": 1}
        assert other.post("/eventservice", json=destroy).json()["result"] == {"_ret_": 1}
    assert names(channel.pollEvents()) == ["mine"]


def test_the_policy_decides_what_may_be_demanded_and_pushed(url: str) -> None:
    rule = Rule("r", Effect.ALLOW, None, subscribe=("AccountEvent",), publish=("AccountRenamed",))
    with open_gateway(url, policy=Policy((rule,))) as site, Device(site.address) as device:
        channel = device.service.createChannel()
        denied = "code = -32001, msg = Insufficient privileges to perform request."
        assert denied in refused(lambda: channel.demandEventType(event.UserEvent))
        assert denied in refused(lambda: device.service.pushEvent(added("x")))
        renamed = usermgmt.AccountRenamed(
            username="a", newUsername="b", actUserName="", actIpAddr="", source=None
        )
        assert denied in refused(lambda: device.service.pushEvents([renamed, added("x")]))
        channel.demandEventType(usermgmt.AccountEvent)
        device.service.pushEvent(renamed)
        assert [each.newUsername for each in channel.pollEvents()[1]] == ["b"]
