"""Event streams at several gateways on one RabbitMQ, as behind a balancer."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from itertools import cycle

import httpx
import pytest

from clacks_events import Bus, connect
from tests.gateway.process import HERE, serving
from tests.gateway.sse import EventStream, open_stream
from tests.harness.program import Program

XML = (
    '<PhoneStatus xmlns="http://www.gonicus.de/Events"><CallerId>1</CallerId>'
    "<ReceiverId>2</ReceiverId><Status>busy</Status></PhoneStatus>"
)


@pytest.fixture
def gateways(amqp_url: str) -> Iterator[list[tuple[Program, str]]]:
    """Two gateways, as processes."""
    with ExitStack() as stack:
        yield [stack.enter_context(serving("--url", amqp_url, "--http", HERE)) for _ in range(2)]


@pytest.fixture
def bus(amqp_url: str) -> Iterator[Bus]:
    with connect(amqp_url) as opened:
        yield opened


def publish(bus: Bus, count: int) -> list[str]:
    return [bus.publish(XML).id or "" for _ in range(count)]


def ids(stream: EventStream, count: int) -> list[str]:
    found = stream.take(count)
    assert {message.event for message in found} == {"message"}
    return [message.id or "" for message in found]


def phones(url: str, after: str | None = None) -> AbstractContextManager[EventStream]:
    """Open a stream, as a client that has had an event before."""
    headers = None if after is None else {"Last-Event-ID": after}
    return open_stream(url, headers, type="PhoneStatus")


def test_what_is_published_at_one_arrives_at_the_other(
    gateways: list[tuple[Program, str]],
) -> None:
    (_, one), (_, other) = gateways
    with phones(one) as here, phones(other) as there:
        headers = {"Content-Type": "application/xml"}
        for url in (one, other):
            answer = httpx.post(f"{url}/events", content=XML, headers=headers)
            assert answer.status_code == 202
            assert ids(here, 1) == ids(there, 1) == [answer.json()["id"]]


@pytest.mark.parametrize("wider", [["PhoneStatus"], []], ids=["the same", "all"])
def test_a_stream_goes_on_where_somebody_wanted_the_same(
    gateways: list[tuple[Program, str]], bus: Bus, wider: list[str]
) -> None:
    (program, one), (_, other) = gateways
    with open_stream(other, type=wider) as there:
        with phones(one) as here:
            before = publish(bus, 3)
            assert ids(here, 3) == before
            program.process.send_signal(signal.SIGKILL)
        after = publish(bus, 2)
        # Also those of the nodes, which tell of themselves.
        assert next(message for message in there if message.id == after[-1])
        with phones(other, before[-1]) as again:
            after += publish(bus, 1)
            assert ids(again, 3) == after


def test_a_stream_that_goes_on_elsewhere_is_told_of_the_gap(
    gateways: list[tuple[Program, str]], bus: Bus
) -> None:
    (program, one), (_, other) = gateways
    with open_stream(other, type="UserSession"):
        with phones(one) as here:
            before = publish(bus, 3)
            assert ids(here, 3) == before
            program.process.send_signal(signal.SIGKILL)
        publish(bus, 2)
        with phones(other, before[-1]) as again:
            gap = again.next()
            assert (gap.event, gap.json["last_event_id"]) == ("gap", before[-1])
            live = publish(bus, 1)
            assert ids(again, 1) == live


def test_a_client_that_is_sent_from_one_to_the_other(
    gateways: list[tuple[Program, str]], bus: Bus
) -> None:
    urls = [url for _, url in gateways]
    with ExitStack() as stack:
        # These see that an event has arrived everywhere.
        watchers = [stack.enter_context(phones(url)) for url in urls]
        sent = publish(bus, 1)
        assert [ids(watcher, 1) for watcher in watchers] == [sent, sent]
        found = list(sent)
        for url, _ in zip(cycle(urls), range(10), strict=False):
            missed = publish(bus, 5)
            assert [ids(watcher, 5) for watcher in watchers] == [missed, missed]
            with phones(url, found[-1]) as stream:
                live = publish(bus, 5)
                assert [ids(watcher, 5) for watcher in watchers] == [live, live]
                found += ids(stream, 10)
            sent += missed + live
        assert found == sent
