"""Server-sent events, as a client sees them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from clacks_events import Event, EventMaker
from clacks_events.gateway import GatewayOptions, HistoryOptions, Limits
from tests.gateway.site import Site, open_gateway
from tests.gateway.sse import Message, open_stream
from tests.harness.waiting import wait_until
from tests.test_living_subscriptions import FLOOD, REPORT

e = EventMaker()

BUSY = "/e:Event/e:PhoneStatus[e:Status = 'busy']"


def phone(status: str, caller: str = "1") -> Event:
    return Event(e.PhoneStatus(e.CallerId(caller), e.ReceiverId("2"), e.Status(status)))


def status_of(message: Message) -> str:
    found = message.xml.payload.findtext("{*}Status")
    assert found is not None
    return found


@pytest.fixture
def site(url: str) -> Iterator[Site]:
    with open_gateway(url) as opened:
        yield opened


@pytest.fixture
def memory_site() -> Iterator[Site]:
    with open_gateway("memory://sse") as opened:
        yield opened


def refusal(site: Site, **parameters: str) -> httpx.Response:
    return httpx.get(f"{site.url}/events", params=parameters)


def test_events_that_match_arrive_in_order(site: Site) -> None:
    with open_stream(site.url, query=BUSY) as stream:
        sent = [site.bus.publish(phone(status)) for status in ("busy", "free", "busy")]
        site.bus.publish(e.UserSession(e.Id("x")))
        last = site.bus.publish(phone("busy", "last"))
        assert [each.id for each in stream.take(3)] == [sent[0].id, sent[2].id, last.id]


def test_a_message_is_the_event_as_it_is(site: Site) -> None:
    with open_stream(site.url, type="PhoneStatus") as stream:
        sent = site.bus.publish(phone("busy"))
        message = stream.next()
        assert (message.id, message.event, message.data) == (sent.id, "message", sent.xml.decode())


def test_json_is_typed(site: Site) -> None:
    with open_stream(site.url, type="PhoneStatus", format="json") as stream:
        sent = site.bus.publish(phone("busy"))
        assert stream.next().json == sent.json()


def test_type_stands_for_several_and_source_for_one(site: Site) -> None:
    with open_stream(
        site.url, type=["PhoneStatus", "UserSession"], source="tests", format="json"
    ) as stream:
        site.bus.publish(e.ClientPoll())
        site.agent.bus.publish(phone("elsewhere"))
        site.bus.publish(phone("here"))
        site.bus.publish(e.UserSession(e.Id("x")))
        found = [message.json["type"].rpartition("}")[2] for message in stream.take(2)]
        assert found == ["PhoneStatus", "UserSession"]


def test_lines_of_an_event_come_back_as_they_were(site: Site) -> None:
    text = "one\ntwo\n\nthree"
    with open_stream(site.url, type="PhoneStatus") as stream:
        site.bus.publish(phone(text))
        assert status_of(stream.next()) == text


def test_the_first_words_say_when_to_come_again(memory_site: Site) -> None:
    with open_stream(memory_site.url) as stream:
        assert next(iter(stream)).retry == "2000"
        assert stream.response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.response.headers["cache-control"] == "no-store"


def test_silence_is_filled_with_comments() -> None:
    with (
        open_gateway("memory://sse", GatewayOptions(heartbeat=0.2)) as site,
        open_stream(site.url, type="PhoneStatus") as stream,
    ):
        messages = iter(stream)
        assert [next(messages).event for _ in range(3)] == ["message", ":", ":"]


def test_who_comes_back_gets_what_came_meanwhile(site: Site) -> None:
    with open_stream(site.url, query=BUSY) as stream:
        site.bus.publish(phone("busy", "1"))
        seen = stream.next()
    assert seen.id is not None
    missed = [site.bus.publish(phone(status)).id for status in ("busy", "free", "busy")]
    with open_stream(site.url, headers={"Last-Event-ID": seen.id}, query=BUSY) as stream:
        later = site.bus.publish(phone("busy", "2"))
        assert [each.id for each in stream.take(3)] == [missed[0], missed[2], later.id]


def test_the_header_is_newer_than_the_parameter(memory_site: Site) -> None:
    site = memory_site
    with open_stream(site.url, type="PhoneStatus") as stream:
        sent = [site.bus.publish(phone(str(number))).id or "" for number in range(3)]
        stream.take(3)
    with open_stream(site.url, type="PhoneStatus", last_event_id=sent[0]) as stream:
        assert [each.id for each in stream.take(2)] == sent[1:]
    header = {"Last-Event-ID": sent[1]}
    with open_stream(site.url, header, type="PhoneStatus", last_event_id=sent[0]) as stream:
        assert stream.next().id == sent[2]


def test_an_id_that_is_gone_is_told_before_what_there_is() -> None:
    options = GatewayOptions(history=HistoryOptions(events=2))
    with open_gateway("memory://sse", options) as site:
        with open_stream(site.url, type="PhoneStatus") as stream:
            sent = [site.bus.publish(phone(str(number))).id or "" for number in range(5)]
            stream.take(5)
        with open_stream(site.url, type="PhoneStatus", last_event_id=sent[0]) as stream:
            told, *rest = stream.take(3)
            assert (told.event, told.id, told.json["last_event_id"]) == ("gap", None, sent[0])
            assert [each.id for each in rest] == sent[3:]


def test_an_id_that_was_never_seen_is_told(memory_site: Site) -> None:
    with open_stream(memory_site.url, last_event_id="never", type="PhoneStatus") as stream:
        assert stream.next().event == "gap"


def test_events_that_nobody_wanted_at_the_time_are_told_as_a_gap(memory_site: Site) -> None:
    site = memory_site
    with open_stream(site.url, type="PhoneStatus") as stream:
        seen = site.bus.publish(phone("busy")).id or ""
        stream.next()
    with open_stream(site.url, type="UserSession", last_event_id=seen) as stream:
        assert stream.next().event == "gap"


def test_events_are_kept_no_longer_than_the_linger_says() -> None:
    options = GatewayOptions(history=HistoryOptions(linger=0.05))
    with open_gateway("memory://sse", options) as site:
        with open_stream(site.url, type="PhoneStatus") as stream:
            seen = site.bus.publish(phone("busy")).id or ""
            stream.next()

        def is_forgotten() -> bool:
            with open_stream(site.url, type="PhoneStatus", last_event_id=seen) as stream:
                site.bus.publish(phone("free"))
                return stream.next().event == "gap"

        # Whoever looks wants it again: there has to be time in between.
        wait_until(is_forgotten, interval=0.3)


def test_earliest_is_all_that_is_kept(memory_site: Site) -> None:
    site = memory_site
    with open_stream(site.url, type="PhoneStatus") as stream:
        sent = [site.bus.publish(phone(status)).id for status in ("busy", "free", "busy")]
        stream.take(3)
    with open_stream(site.url, query=BUSY, earliest="1") as stream:
        assert [each.id for each in stream.take(2)] == [sent[0], sent[2]]


def test_a_stream_ends_with_its_client(memory_site: Site) -> None:
    with open_stream(memory_site.url, type="PhoneStatus"):
        assert 'clacks_streams{kind="sse"} 1.0' in httpx.get(f"{memory_site.url}/metrics").text
    wait_until(
        lambda: 'clacks_streams{kind="sse"} 0.0' in httpx.get(f"{memory_site.url}/metrics").text
    )


def test_a_client_of_http_1_0_is_told_that_this_is_too_old(memory_site: Site) -> None:
    host, port = memory_site.address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(f"GET /events HTTP/1.0\r\nHost: {memory_site.address}\r\n\r\n".encode())
        assert client.makefile("rb").readline().startswith(b"HTTP/1.1 505")


def test_the_end_of_the_gateway_is_said() -> None:
    with open_gateway("memory://sse") as site, open_stream(site.url) as stream:
        site.gateway.close()
        messages = list(stream)
        assert [each.retry for each in messages] == ["2000", "2000"]


@pytest.mark.parametrize(
    ("parameters", "status", "words"),
    [
        ({"query": "/e:Event["}, 422, "ends too early"),
        ({"query": "some $x in 1 to 1000000 satisfies $x = 7"}, 422, "range"),
        ({"type": "PhoneStatu"}, 422, "PhoneStatus"),
        ({"format": "yaml"}, 400, "xml or json"),
        ({"filter": "x"}, 400, "no parameter 'filter'"),
        ({"query": "1" * 10_000}, 429, "8192 characters"),
    ],
)
def test_what_cannot_be_subscribed_to_is_refused(
    memory_site: Site, parameters: dict[str, str], status: int, words: str
) -> None:
    response = refusal(memory_site, **parameters)
    assert (response.status_code, words in response.json()["detail"]) == (status, True)
    assert response.headers["content-type"].startswith("application/problem+json")


def test_a_client_has_so_many_streams() -> None:
    options = GatewayOptions(limits=Limits(streams_per_client=1))
    with open_gateway("memory://sse", options) as site:
        with open_stream(site.url):
            assert refusal(site).status_code == 429
        wait_until(lambda: _can_open(site))


def _can_open(site: Site) -> bool:
    try:
        with open_stream(site.url):
            return True
    except httpx.HTTPStatusError:
        return False


def test_a_schema_that_comes_is_in_force_for_open_streams(tmp_path: Path) -> None:
    (tmp_path / "report.xsd").write_text(REPORT)
    with (
        open_gateway("memory://sse", schemas=[tmp_path]) as site,
        open_stream(site.url, type="Report", format="json") as stream,
    ):
        site.bus.publish(site.bus.catalog.build("Storm", {"n": 1}))
        assert stream.next().json["type"] == "{urn:w}Storm"
        (tmp_path / "flood.xsd").write_text(FLOOD)
        for bus in (site.bus, site.agent.bus):
            wait_until(partial(bus.catalog.knows, "{urn:w}Flood"))
        # It is known a moment before it is in force everywhere.
        arrived: list[Message] = []
        reader = threading.Thread(target=lambda: arrived.append(stream.next()))
        reader.start()
        flood = site.bus.catalog.build("Flood", {"n": 2})
        wait_until(lambda: arrived or not site.bus.publish(flood), interval=0.05)
        reader.join()
        assert arrived[0].json["type"] == "{urn:w}Flood"
