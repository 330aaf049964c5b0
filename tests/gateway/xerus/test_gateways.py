"""Several gateways on one RabbitMQ: any of them serves a channel, and none is needed for long."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.conftest import OpenBroker
from tests.gateway.site import Site, open_gateway
from tests.gateway.xerus.devices import (
    SHORT,
    Device,
    account_added,
    added,
    event,
    figure,
    refused,
    rpc,
    usermgmt,
    waiting_poll,
)
from tests.harness.program import Program
from tests.harness.waiting import wait_until


@pytest.fixture
def sites(amqp_url: str) -> Iterator[tuple[Site, Site]]:
    with open_gateway(amqp_url) as one, open_gateway(amqp_url) as other:
        yield one, other


def names(answer: tuple[bool, list[Any]]) -> list[str]:
    return [each.username for each in answer[1]]


def test_a_channel_is_made_at_one_gateway_and_used_at_another(sites: tuple[Site, Site]) -> None:
    with Device(sites[0].address) as one, Device(sites[1].address) as other:
        channel = one.service.createChannel()
        there = other.channel(channel.target)
        there.demandEventType(usermgmt.AccountEvent)
        one.service.pushEvent(added("1"))
        assert names(there.pollEvents()) == ["1"]
        there.cancelEventType(usermgmt.AccountEvent)
        channel.demandEvent(event.UserEvent, one.sensor("/s/1"))
        other.service.pushEvents([added("2"), added("3", one.sensor("/s/1"))])
        assert names(channel.pollEvents()) == ["3"]
        assert other.service.destroyChannel(channel) == 0
        assert "code = -32002" in refused(channel.pollEvents)


def test_polls_at_gateways_by_turns_get_all_in_order(sites: tuple[Site, Site]) -> None:
    with Device(sites[0].address) as one, Device(sites[1].address) as other:
        channel = one.service.createChannel()
        channel.demandEventType(event.UserEvent)
        sent = [str(number) for number in range(600)]
        found: list[str] = []
        both = channel, other.channel(channel.target)
        for number, name in enumerate(sent):
            sites[0].bus.publish(account_added(name))
            if number % 20 == 0:
                found += names(both[number // 20 % 2].pollEvents())
        for turn in range(600):
            if len(found) >= len(sent):
                break
            found += names(both[turn % 2].pollEvents())
    assert sorted(found, key=int) == sent
    assert found == sent


def test_a_demand_at_one_gateway_counts_for_a_poll_at_another(sites: tuple[Site, Site]) -> None:
    with Device(sites[0].address) as device:
        channel = device.service.createChannel()
        channel.demandEvent(usermgmt.AccountAdded, device.sensor("/s/1"))
        with waiting_poll(sites[1].address, channel) as poll:
            wait_until(lambda: figure(sites[1].url, "clacks_polls_waiting") == 1)
            channel.demandEvent(usermgmt.AccountAdded, device.sensor("/s/2"))
            sites[0].bus.publish(account_added("no", "/s/3"))
            sites[0].bus.publish(account_added("yes", "/s/2"))
            assert names(poll.result()) == ["yes"]


@contextmanager
def gateway_process(url: str) -> Iterator[tuple[Program, str]]:
    """Run a gateway as users do, and yield it with its address."""
    with Program("serve", "--url", url, "--http", "127.0.0.1:0") as program:
        program.wait_for("gateway at http://")
        found = re.search(r"gateway at http://(\S+)", program.output)
        assert found is not None
        yield program, found[1]


def test_a_gateway_that_is_killed_loses_nothing(amqp_url: str) -> None:
    with open_gateway(amqp_url) as site, Device(site.address) as device:
        with gateway_process(amqp_url) as (program, address):
            with Device(address) as there:
                channel = there.service.createChannel()
                channel.demandEventType(event.UserEvent)
            site.bus.publish(account_added("before"))
            assert names(device.channel(channel.target).pollEvents()) == ["before"]
            with waiting_poll(address, channel) as poll:
                wait_until(lambda: figure(f"http://{address}", "clacks_polls_waiting") == 1)
                # The broker gives it the events, and it does not get to deal with them.
                program.process.send_signal(signal.SIGSTOP)
                sent = [str(number) for number in range(30)]
                for name in sent:
                    site.bus.publish(account_added(name))
                program.process.send_signal(signal.SIGKILL)
                program.wait()
                with pytest.raises(rpc.HttpException, match="HTTP request failed"):
                    poll.result()
        found: list[str] = []
        own = device.channel(channel.target)
        while len(found) < len(sent):
            found += names(own.pollEvents())
        assert found == sent


def test_polls_wait_for_a_broker_that_is_away(open_broker: OpenBroker) -> None:
    broker = open_broker()
    with open_gateway(broker.url_for(broker.fresh_vhost())) as site, Device(site.address) as device:
        channel = device.service.createChannel()
        channel.demandEventType(event.UserEvent)
        with waiting_poll(site.address, channel) as poll:
            wait_until(lambda: figure(site.url, "clacks_polls_waiting") == 1)
            broker.stop()
            wait_until(lambda: not site.agent.bus.transport.is_connected)
            assert "code = -32004" in refused(device.service.createChannel)
            assert "code = -32004" in refused(
                lambda: channel.demandEventType(usermgmt.AccountEvent)
            )
            broker.start()
            wait_until(lambda: site.agent.bus.transport.is_connected, 30.0)
            device.service.pushEvent(added("again"))
            assert names(poll.result()) in (["again"], [])
            if not poll.result()[1]:
                assert names(channel.pollEvents()) == ["again"]


def test_a_poll_that_begins_without_a_broker_is_answered_in_time(open_broker: OpenBroker) -> None:
    broker = open_broker()
    url = broker.url_for(broker.fresh_vhost())
    with open_gateway(url, SHORT) as site, Device(site.address) as device:
        channel = device.service.createChannel()
        broker.stop()
        wait_until(lambda: not site.agent.bus.transport.is_connected)
        assert channel.pollEvents() == (False, [])
        assert channel.pollEventsNb() == (False, [])
