"""The bus, on every transport: publish, subscribe, and what happens to bad input."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lxml import etree

from clacks_events import (
    NAMESPACE,
    Bus,
    BusOptions,
    Catalog,
    ConfigError,
    ConnectionLost,
    Event,
    EventError,
    EventMaker,
    FilterSyntaxError,
    InvalidEvent,
    MalformedEvent,
    PublishFailed,
    UnknownEventType,
    connect,
)
from clacks_events.transport.base import Message, PublishOptions
from tests.harness.waiting import wait_until

e = EventMaker()
F = "declare namespace f='http://www.gonicus.de/Events'; "
PATIENT = BusOptions(publish_timeout=10.0)

Connect = Callable[..., Bus]


@pytest.fixture
def open_bus(url: str) -> Iterator[Connect]:
    opened: list[Bus] = []

    def open_one(**options: object) -> Bus:
        bus = connect(url, **{"options": PATIENT, "source": "node-7", **options})  # type: ignore[arg-type]
        opened.append(bus)
        return bus

    yield open_one
    for bus in opened:
        bus.close()


def status(text: str = "busy") -> etree._Element:
    return e.PhoneStatus(e.CallerId("012345"), e.ReceiverId("12343424"), e.Status(text))


def events() -> list[Event]:
    return []


def texts(events: list[Event]) -> list[str | None]:
    return [event.payload.findtext("{*}Status") for event in events]


def raw(bus: Bus, body: bytes, key: str = "Event.PhoneStatus.-") -> None:
    """Send bytes that no bus would send."""
    bus.transport.publish(Message(body, key), PublishOptions())


def test_an_event_reaches_whoever_asked_for_it(open_bus: Connect) -> None:
    publisher, consumer = open_bus(), open_bus(source="other")
    phones: list[Event] = []
    sessions: list[Event] = []
    query = F + "let $e := ./f:Event return $e/f:PhoneStatus"
    consumer.subscribe(query, phones.append)
    consumer.subscribe("./e:Event/e:UserSession", sessions.append)
    sent = publisher.publish(e.Event(status()), headers={"priority": 5})
    publisher.publish(e.UserSession(e.Id("x")))
    wait_until(lambda: phones and sessions)
    got = phones[0]
    assert (got.id, got.source, got.time) == (sent.id, "node-7", sent.time)
    assert (got.type, got.name) == (f"{{{NAMESPACE}}}PhoneStatus", "PhoneStatus")
    assert got.headers == {"priority": 5}
    assert got.xml == sent.xml
    assert got.json()["payload"] == {
        "CallerId": "012345",
        "ReceiverId": "12343424",
        "Status": "busy",
    }
    assert len(phones) == len(sessions) == 1


def test_ids_are_uuids_of_version_7_that_sort_by_time(open_bus: Connect) -> None:
    bus = open_bus()
    ids = [bus.publish(status()).id or "" for _ in range(50)]
    assert ids == sorted(set(ids))
    assert {(found[14], found[19] in "89ab") for found in ids} == {("7", True)}


def test_what_the_publisher_stamped_is_kept(open_bus: Connect) -> None:
    xml = (
        f"<Event xmlns='{NAMESPACE}' id='mine' source='me' time='2026-01-01T00:00:00Z'>"
        "<NodeLeave><Id>1</Id></NodeLeave></Event>"
    )
    bus = open_bus()
    with bus.subscribe("./e:Event[@source='me']") as subscription:
        sent = bus.publish(xml)
        assert (sent.id, sent.source) == ("mine", "me")
        assert subscription.get(10.0).id == "mine"


def test_an_iterator_gets_events_until_the_subscription_closes(open_bus: Connect) -> None:
    bus = open_bus()
    subscription = bus.subscribe(types=["PhoneStatus"])
    for number in range(3):
        bus.publish(status(str(number)))
    wait_until(lambda: bus.counters.received == 3)
    subscription.close()
    assert texts(list(subscription)) == ["0", "1", "2"]
    with pytest.raises(EOFError):
        subscription.get()


def test_waiting_for_an_event_has_an_end(open_bus: Connect) -> None:
    with open_bus().subscribe() as subscription, pytest.raises(TimeoutError, match=r"0\.05 s"):
        subscription.get(0.05)


def test_async_for_gets_the_same_events(open_bus: Connect) -> None:
    bus = open_bus()
    subscription = bus.subscribe(types=["PhoneStatus"])

    async def collect() -> list[Event]:
        events = []
        async for event in subscription:
            events.append(event)
            if len(events) < 3:
                await asyncio.to_thread(bus.publish, status(str(len(events))))
            else:
                subscription.close()
        return events

    bus.publish(status("0"))
    assert texts(asyncio.run(collect())) == ["0", "1", "2"]


def test_a_cancelled_async_wait_loses_nothing(open_bus: Connect) -> None:
    bus = open_bus()
    subscription = bus.subscribe(types=["PhoneStatus"])

    async def wait_in_vain_then_receive() -> Event:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(subscription), 0.05)
        bus.publish(status("later"))
        return await asyncio.wait_for(anext(subscription), 10.0)

    assert texts([asyncio.run(wait_in_vain_then_receive())]) == ["later"]


def test_many_threads_publish_on_one_bus(open_bus: Connect) -> None:
    bus, got = open_bus(), events()
    bus.subscribe(None, got.append, types=["PhoneStatus"])

    def publish(thread: int) -> None:
        for number in range(50):
            bus.publish(status(f"{thread} {number}"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(publish, range(8)))
    wait_until(lambda: len(got) == 400)
    pairs = [tuple(map(int, (text or "").split())) for text in texts(got)]
    for thread in range(8):
        assert [number for sender, number in pairs if sender == thread] == list(range(50))


def test_handlers_do_not_see_what_others_do_to_a_payload(open_bus: Connect) -> None:
    bus, seen = open_bus(), list[str | None]()

    def vandal(event: Event) -> None:
        event.payload.clear()
        seen.append(None)

    def reader(event: Event) -> None:
        wait_until(lambda: None in seen)
        seen.extend(texts([event]))

    bus.subscribe(None, vandal)
    bus.subscribe(None, reader)
    bus.publish(status("intact"))
    wait_until(lambda: len(seen) == 2)
    assert seen == [None, "intact"]


def test_a_handler_may_publish_and_unsubscribe(open_bus: Connect) -> None:
    bus, got = open_bus(), events()

    def answer(event: Event) -> None:
        bus.publish(e.NodeLeave(e.Id(event.id)))
        subscription.close()

    subscription = bus.subscribe("./e:Event/e:PhoneStatus", answer)
    bus.subscribe("./e:Event/e:NodeLeave", got.append)
    sent = bus.publish(status())
    wait_until(lambda: got)
    assert got[0].payload.findtext("{*}Id") == sent.id
    wait_until(lambda: subscription.is_closed)


def test_a_handler_that_fails_is_logged_and_goes_on(
    open_bus: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    bus, got = open_bus(), events()

    def handler(event: Event) -> None:
        got.append(event)
        raise RuntimeError("my mistake")

    bus.subscribe(None, handler)
    first = bus.publish(status("1"))
    bus.publish(status("2"))
    wait_until(lambda: len(got) == 2)
    wait_until(lambda: bus.counters.handler_errors == 2)
    assert first.id is not None
    assert first.id in caplog.text
    assert "my mistake" in caplog.text


def test_closing_a_subscription_ends_its_share_only(open_bus: Connect) -> None:
    bus, one, two = open_bus(), events(), events()
    first = bus.subscribe(None, one.append, types=["PhoneStatus"])
    bus.subscribe(None, two.append, types=["PhoneStatus"])
    bus.publish(status("1"))
    wait_until(lambda: one and two)
    first.close()
    first.close()
    bus.publish(status("2"))
    wait_until(lambda: len(two) == 2)
    assert texts(one) == ["1"]


def test_closing_the_bus_finishes_what_has_arrived(open_bus: Connect) -> None:
    bus, got = open_bus(), events()
    started, go_on = threading.Event(), threading.Event()

    def slow(event: Event) -> None:
        started.set()
        go_on.wait(10.0)
        got.append(event)

    bus.subscribe(None, slow)
    for number in range(3):
        bus.publish(status(str(number)))
    wait_until(lambda: started.is_set() and bus.counters.received == 3)
    closing = threading.Thread(target=bus.close)
    closing.start()
    go_on.set()
    closing.join(10.0)
    assert texts(got) == ["0", "1", "2"]
    with pytest.raises(ConnectionLost, match="closed"):
        bus.publish(status())
    with pytest.raises(ConnectionLost, match="closed"):
        bus.subscribe()


def test_a_slow_handler_loses_nothing(url: str) -> None:
    options = BusOptions(window=5, publish_timeout=10.0)
    got: list[Event] = []
    with connect(url, options=options) as bus:
        release = threading.Semaphore(0)

        def slow(event: Event) -> None:
            release.acquire()
            got.append(event)

        bus.subscribe(None, slow)
        for number in range(100):
            bus.publish(status(str(number)))
        for _ in range(100):
            release.release()
        wait_until(lambda: len(got) == 100)
    assert texts(got) == [str(number) for number in range(100)]


def test_confirm_tells_whether_anybody_listens(open_bus: Connect) -> None:
    bus = open_bus()
    with pytest.raises(PublishFailed, match="nobody takes"):
        bus.publish(status(), confirm=True)
    with bus.subscribe(types=["PhoneStatus"]) as subscription:
        bus.publish(status("heard"), confirm=True, persistent=True)
        assert texts([subscription.get(10.0)]) == ["heard"]


def test_a_durable_subscription_gets_what_it_missed(open_bus: Connect) -> None:
    publisher, consumer = open_bus(), open_bus()
    got: list[Event] = []
    consumer.subscribe(None, got.append, types=["PhoneStatus"], durable="archive")
    publisher.publish(status("1"))
    wait_until(lambda: len(got) == 1)
    consumer.close()
    publisher.publish(status("2"), confirm=True)
    publisher.publish(status("3"), confirm=True)
    open_bus().subscribe(None, got.append, types=["PhoneStatus"], durable="archive")
    wait_until(lambda: len(got) == 3)
    assert texts(got) == ["1", "2", "3"]


def test_a_source_may_be_asked_for(open_bus: Connect) -> None:
    one, two, got = open_bus(source="a.b"), open_bus(source="c"), events()
    one.subscribe(None, got.append, source="a.b")
    two.publish(status("c"))
    one.publish(status("a.b"))
    wait_until(lambda: got)
    assert texts(got) == ["a.b"]
    assert one.counters.received == 1


def test_a_bad_query_is_refused_at_once(open_bus: Connect) -> None:
    bus = open_bus()
    with pytest.raises(FilterSyntaxError) as caught:
        bus.subscribe("./e:Event[")
    assert "^" in str(caught.value)
    with pytest.raises(UnknownEventType, match="did you mean PhoneStatus"):
        bus.subscribe(types=["PhoneStatuss"])


BAD = {
    "malformed": [
        b"",
        b"{}",
        b"<Event",
        b"<Event xmlns='http://www.gonicus.de/Events'/>",
        b"<Event xmlns='http://www.gonicus.de/Events'><NodeLeave/><NodeLeave/></Event>",
        b"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        b"<?xml version='1.0' encoding='utf-8'?><a>\xe4</a>",
        b"<?xml version='1.0' encoding='utf-16'?><a/>",
        b"<?xml version='1.0' encoding='klingon'?><a/>",
        b"<a>" + b"x" * 20_000 + b"</a>",
    ],
    "unknown": [b"<Nobody/>", b"<PhoneStatus/>", b"<p:PhoneStatus xmlns:p='urn:x'/>"],
    "invalid": [
        b"<e:PhoneStatus xmlns:e='http://www.gonicus.de/Events'/>",
        b"<e:NodeStatus xmlns:e='http://www.gonicus.de/Events'><e:Load>x</e:Load></e:NodeStatus>",
    ],
}
KINDS = {"malformed": MalformedEvent, "unknown": UnknownEventType, "invalid": InvalidEvent}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_refused_and_not_published(open_bus: Connect, kind: str) -> None:
    bus, witness = open_bus(options=BusOptions(max_size=10_000)), open_bus()
    subscription = witness.subscribe()
    for data in BAD[kind]:
        with pytest.raises(KINDS[kind]) as caught:
            bus.publish(data)
        assert isinstance(caught.value, EventError)
        assert caught.value.reason
        with pytest.raises(EventError):
            bus.publish(data.decode("latin-1"))
    bus.publish(status("good"))
    assert texts([subscription.get(10.0)]) == ["good"]
    assert bus.counters.published == 1


def test_an_element_or_event_may_not_be_too_large_either(open_bus: Connect) -> None:
    bus = open_bus(options=BusOptions(max_size=10_000))
    for form in (status("x" * 10_000), Event(status("x" * 10_000))):
        with pytest.raises(MalformedEvent, match="more than the 10000 allowed"):
            bus.publish(form)
    assert bus.publish(Event(status())).json()["payload"]


def test_an_invalid_event_is_named_with_path_line_and_value(open_bus: Connect) -> None:
    text = (
        f"<?xml version='1.0' encoding='UTF-8'?>\n<Event xmlns='{NAMESPACE}'>\n<NodeStatus>\n"
        "<Load>high</Load><Latency>1</Latency><Workers>1</Workers><Id>a</Id></NodeStatus></Event>"
    )
    with pytest.raises(InvalidEvent) as caught:
        open_bus().publish(text)
    error = caught.value
    assert (error.path, error.line, error.value) == ("/Event/NodeStatus/Load", 4, "high")
    assert "'high' is not a valid value of the atomic type 'xs:float'" in error.reason


@pytest.mark.parametrize("kind", BAD)
def test_bad_events_from_the_broker_are_set_aside(
    open_bus: Connect, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    bus, got = open_bus(options=BusOptions(max_size=10_000)), events()
    bus.subscribe(None, got.append)
    with caplog.at_level(logging.ERROR):
        for data in BAD[kind]:
            raw(bus, data)
        bus.publish(status("good"))
        wait_until(lambda: got)
    assert texts(got) == ["good"]
    assert bus.counters.as_dict()[kind] == len(BAD[kind])
    # Logged once a kind and minute.
    assert len([r for r in caplog.records if "set aside" in r.message]) == 1


def test_a_type_unknown_here_is_delivered_to_whoever_names_it(open_bus: Connect) -> None:
    bus, named, every = open_bus(), events(), events()
    bus.subscribe("./e:Event/*:Foreign", named.append)
    bus.subscribe("./e:Event/x:Foreign", named.append, namespaces={"x": "urn:x"})
    bus.subscribe(".", every.append)
    raw(bus, b"<Foreign xmlns='urn:x'/>", "Event.Foreign.-")
    bus.publish(status())
    wait_until(lambda: every)
    wait_until(lambda: len(named) == 2)
    assert texts(every) == ["busy"]


def test_a_query_that_fails_on_an_event_is_counted(
    open_bus: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    bus, got = open_bus(), events()
    bus.subscribe("xs:integer(./e:Event/e:PhoneStatus/e:Status) = 1", got.append)
    bus.publish(status("busy"))
    bus.publish(status("1"))
    wait_until(lambda: got)
    assert texts(got) == ["1"]
    assert bus.counters.filter_errors == 1
    assert "no match" in caplog.text


WEATHER = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:weather"
    xmlns="urn:weather" elementFormDefault="qualified">
  <xs:element name="Report" type="xs:string"/>
  <xs:element name="Storm" type="xs:string" substitutionGroup="Report"/>
</xs:schema>"""
FLOOD = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:weather"
    xmlns="urn:weather">
  <xs:include schemaLocation="weather.xsd"/>
  <xs:element name="Flood" type="xs:string" substitutionGroup="Report"/>
</xs:schema>"""


def test_a_dropped_schema_takes_effect_while_the_bus_runs(
    open_bus: Connect, tmp_path: Path
) -> None:
    bus, got = open_bus(schemas=[tmp_path]), events()
    with pytest.raises(UnknownEventType):
        bus.publish("<Storm xmlns='urn:weather'>1</Storm>")
    (tmp_path / "weather.xsd").write_text(WEATHER)
    wait_until(lambda: bus.catalog.knows("{urn:weather}Storm"), 5.0)
    bus.subscribe(None, got.append, types=["Report"])
    bus.publish("<Storm xmlns='urn:weather'>1</Storm>")
    wait_until(lambda: len(got) == 1)
    # A living subscription to the base type hears of types that come later.
    (tmp_path / "more.xsd").write_text(FLOOD)
    wait_until(lambda: bus.catalog.knows("{urn:weather}Flood"), 5.0)

    def has_flood() -> bool:
        bus.publish("<Flood xmlns='urn:weather'>2</Flood>")
        return "Flood" in [event.name for event in got]

    wait_until(has_flood, interval=0.1)


def test_a_catalog_may_be_shared(url: str, tmp_path: Path) -> None:
    catalog = Catalog([tmp_path])
    with connect(url, catalog=catalog) as one, connect(url, catalog=catalog) as two:
        assert one.catalog is two.catalog
        (tmp_path / "weather.xsd").write_text(WEATHER.format("Storm"))
        assert catalog.refresh()
        with two.subscribe(types=["Report"]) as subscription:
            one.publish("<Storm xmlns='urn:weather'>1</Storm>")
            assert subscription.get(10.0).name == "Storm"


def test_a_source_must_fit_the_envelope(url: str) -> None:
    with pytest.raises(ConfigError, match="not a source"):
        connect(url, source="x" * 256)


def test_a_schema_directory_must_exist(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no schema directory"):
        connect(url, schemas=[tmp_path / "nowhere"])


def test_an_event_of_a_dict(open_bus: Connect) -> None:
    bus = open_bus()
    with bus.subscribe("./e:Event/e:PhoneStatus[e:Status='free']") as subscription:
        data = {"CallerId": "1", "ReceiverId": "2", "Status": "free"}
        bus.publish(bus.catalog.build("PhoneStatus", data))
        assert subscription.get(10.0).json()["payload"] == data


def test_long_names_travel_too(open_bus: Connect, tmp_path: Path) -> None:
    namespace, name = "urn:" + "n" * 300, "T" * 200
    (tmp_path / "long.xsd").write_text(
        "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'"
        f" targetNamespace='{namespace}'><xs:element name='{name}' type='xs:string'/></xs:schema>"
    )
    bus = open_bus(schemas=[tmp_path], source="ü" * 100)
    with bus.subscribe(types=[name], source="ü" * 100) as subscription:
        bus.publish(EventMaker(namespace)[name]("x"), headers={"ü": "ü" * 1000})
        assert subscription.get(10.0).name == name
        bus.publish(EventMaker(namespace)[name]("x"))
        assert subscription.get(10.0).type == f"{{{namespace}}}{name}"


def test_payloads_in_no_namespace_travel_unharmed(open_bus: Connect, tmp_path: Path) -> None:
    (tmp_path / "bare.xsd").write_text(
        "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element name='bare'>"
        "<xs:complexType><xs:sequence><xs:element name='x' type='xs:int'/></xs:sequence>"
        "</xs:complexType></xs:element></xs:schema>"
    )
    bus = open_bus(schemas=[tmp_path])
    with bus.subscribe("./e:Event/bare[x > 1]") as subscription:
        bare = EventMaker(None)
        bus.publish(e.Event(bare.bare(bare.x(2))))
        outer = etree.Element(f"{{{NAMESPACE}}}Event", nsmap={None: NAMESPACE})
        outer.append(bare.bare(bare.x(3)))
        bus.publish(outer)
        bus.publish("<bare><x>4</x></bare>")
        found = [subscription.get(10.0).payload.findtext("x") for _ in range(3)]
    assert found == ["2", "3", "4"]


def test_closing_keeps_what_durable_handlers_have_done(open_bus: Connect) -> None:
    publisher, first, again = open_bus(), events(), events()
    open_bus().subscribe(None, types=["PhoneStatus"], durable="jobs").close()
    for number in range(5):
        publisher.publish(status(str(number)), confirm=True)
    started, go_on = threading.Event(), threading.Event()

    def slow(event: Event) -> None:
        started.set()
        go_on.wait(10.0)
        first.append(event)

    consumer = open_bus()
    consumer.subscribe(None, slow, types=["PhoneStatus"], durable="jobs")
    wait_until(lambda: started.is_set() and consumer.counters.received == 5)
    closing = threading.Thread(target=consumer.close)
    closing.start()
    go_on.set()
    closing.join(10.0)
    assert texts(first) == ["0", "1", "2", "3", "4"]
    open_bus().subscribe(None, again.append, types=["PhoneStatus"], durable="jobs")
    publisher.publish(status("new"), confirm=True)
    wait_until(lambda: again)
    assert texts(again) == ["new"]


def test_a_durable_handler_may_close_its_own_subscription(open_bus: Connect) -> None:
    publisher, first, again = open_bus(), events(), events()

    def once(event: Event) -> None:
        first.append(event)
        subscription.close()

    consumer = open_bus()
    subscription = consumer.subscribe(None, once, types=["PhoneStatus"], durable="one")
    publisher.publish(status("1"))
    wait_until(lambda: first and subscription.is_closed)
    consumer.close()
    open_bus().subscribe(None, again.append, types=["PhoneStatus"], durable="one")
    publisher.publish(status("2"), confirm=True)
    wait_until(lambda: again)
    assert texts(again) == ["2"]


def test_what_cannot_be_a_query_or_a_handler_is_refused(open_bus: Connect) -> None:
    async def coroutine(event: Event) -> None:
        raise AssertionError(event)

    bus = open_bus()
    with pytest.raises(ConfigError, match="a query is text"):
        bus.subscribe(print)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="a handler is a function"):
        bus.subscribe(".", "handler")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="use async for"):
        bus.subscribe(".", coroutine)
    for name in ("", "x" * 256, "amq.mine"):
        with pytest.raises(ConfigError, match="a durable name has 1 to 255 bytes"):
            bus.subscribe(".", durable=name)
