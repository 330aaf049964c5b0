"""Subscriptions that live through changes of the schemas, on every transport."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clacks_events import Bus, BusOptions, Catalog, Event, Subscription, connect
from tests.harness.broker import Broker
from tests.harness.waiting import wait_until

W = "{urn:w}"
NAMESPACES = {"w": "urn:w"}
PATIENT = BusOptions(publish_timeout=10.0)

FRAME = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:w"
    xmlns="urn:w" elementFormDefault="qualified">{}</xs:schema>"""
INCLUDE = '<xs:include schemaLocation="{}"/>'
DERIVED = (
    '<xs:complexType name="{0}Type"><xs:complexContent><xs:extension base="ReportType"/>'
    '</xs:complexContent></xs:complexType><xs:element name="{0}" type="{0}Type" {1}/>'
)
REPORT = FRAME.format(
    '<xs:complexType name="ReportType"><xs:sequence>'
    '<xs:element name="n" type="xs:int" minOccurs="0"/></xs:sequence></xs:complexType>'
    '<xs:element name="Report" type="ReportType" abstract="true"/>'
    + DERIVED.format("Storm", 'substitutionGroup="Report"')
)
FLOOD = FRAME.format(
    INCLUDE.format("report.xsd") + DERIVED.format("Flood", 'substitutionGroup="Report"')
)
# Of a derived type, but in no substitution group.
QUAKE = FRAME.format(INCLUDE.format("report.xsd") + DERIVED.format("Quake", ""))
STEADY = FRAME.format('<xs:element name="Steady" type="xs:int"/>')
EVERYTHING = {"report.xsd": REPORT, "flood.xsd": FLOOD, "quake.xsd": QUAKE, "steady.xsd": STEADY}

Connect = Callable[..., Bus]


def put(directory: Path, *names: str) -> Path:
    directory.mkdir(exist_ok=True)
    for name in names:
        (directory / name).write_text(EVERYTHING[name])
    return directory


def take(directory: Path, *names: str) -> None:
    for name in names:
        (directory / name).unlink()


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


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The schemas of the consumer; at first without Flood and Quake."""
    return put(tmp_path / "mine", "report.xsd", "steady.xsd")


@pytest.fixture
def publisher(open_bus: Connect, tmp_path: Path) -> Bus:
    """A bus that knows all types from the beginning."""
    return open_bus(catalog=Catalog([put(tmp_path / "all", *EVERYTHING)]))


def publish(bus: Bus, name: str, content: str = "") -> None:
    bus.publish(f"<{name} xmlns='urn:w'>{content}</{name}>")


_SETTLED = itertools.count(1)


class Inbox:
    """A subscription and the names of what it got."""

    def __init__(self, bus: Bus, query: str | None, **more: object) -> None:
        self.events: list[Event] = []
        self.subscription: Subscription = bus.subscribe(
            query,
            self.events.append,
            namespaces=NAMESPACES,
            **more,  # type: ignore[arg-type]
        )

    @property
    def names(self) -> list[str]:
        return [event.name for event in self.events]

    @property
    def bindings(self) -> list[str]:
        return [pattern.split(".")[2] for pattern in self.subscription.filter.bindings]

    def numbers(self) -> list[int]:
        """The numbers of the steady events, in the order of their arrival."""
        return [number for number in self.all_numbers() if number >= 0]

    def all_numbers(self) -> list[int]:
        """The same with those that were only to settle something, which are negative."""
        return [int(event.payload.text or 0) for event in self.events if event.name == "Steady"]

    def settle(self, publisher: Bus) -> list[str]:
        """Return what there was until an event came that was published now."""
        # A number of its own: what others settled with may still be on its way to this one.
        last = -next(_SETTLED)
        publish(publisher, "Steady", str(last))
        wait_until(lambda: last in self.all_numbers())
        return [name for name in self.names if name != "Steady"]


@contextmanager
def steady_flow(bus: Bus) -> Iterator[Callable[[], int]]:
    """Publish steady events, 0, 1, 2 and so on; yields a function that tells how many so far."""
    stop, sent = threading.Event(), itertools.count()
    count = 0

    def run() -> None:
        nonlocal count
        while not stop.wait(0.001):
            publish(bus, "Steady", str(next(sent)))
            count += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield lambda: count
    finally:
        stop.set()
        thread.join()


EITHER = "/e:Event/w:Steady or "
QUERIES = {
    "schema-element": EITHER + "/e:Event/schema-element(w:Report)",
    "type": EITHER + "/e:Event/element(*, w:ReportType)",
    "content": EITHER + "/e:Event/schema-element(w:Report)[not(w:n = 99)]",
    "typeswitch": EITHER + "(typeswitch (/e:Event/*) case element(*, w:ReportType) return true()"
    " default return false())",
}


@pytest.mark.parametrize("durable", [None, "living"])
def test_no_event_of_an_unchanged_type_is_lost_or_doubled(
    open_bus: Connect, publisher: Bus, directory: Path, durable: str | None
) -> None:
    consumer = open_bus(catalog=Catalog([directory]))
    inboxes = [
        Inbox(consumer, query, durable=durable and f"{durable}-{name}")
        for name, query in (*QUERIES.items(), ("steady", "/e:Event/w:Steady"))
    ]
    with steady_flow(publisher) as count:
        for _ in range(4):
            for change in (
                lambda: put(directory, "flood.xsd", "quake.xsd"),
                lambda: (directory / "flood.xsd").write_text(FLOOD.replace("Flood", "Spate")),
                lambda: (directory / "quake.xsd").write_text("<broken"),
                lambda: take(directory, "flood.xsd", "quake.xsd"),
            ):
                change()
                consumer.catalog.refresh()
                seen = count()
                # Some events in each of the states.
                wait_until(lambda seen=seen: count() > seen + 5)  # type: ignore[misc]
    total = list(range(count()))
    for inbox in inboxes:
        wait_until(lambda inbox=inbox: len(inbox.numbers()) >= len(total))  # type: ignore[misc]
        assert inbox.numbers() == total
    # The broker has nothing more for them.
    for inbox in inboxes:
        inbox.settle(publisher)
        assert inbox.numbers() == [*total, *[0] * (len(inbox.numbers()) - len(total))]
    assert consumer.counters.lost == 0


@pytest.mark.parametrize(
    ("query", "named"),
    [
        (QUERIES["schema-element"], "Flood"),
        (QUERIES["content"], "Flood"),
        (QUERIES["type"], "Flood"),
        (QUERIES["type"], "Quake"),
        (QUERIES["typeswitch"], "Quake"),
    ],
    ids=["schema-element", "content", "type", "derived-only", "typeswitch"],
)
def test_a_derived_type_comes_and_goes(
    open_bus: Connect, publisher: Bus, directory: Path, query: str, named: str
) -> None:
    consumer = open_bus(catalog=Catalog([directory]))
    inbox = Inbox(consumer, query)
    before = inbox.bindings
    publish(publisher, named)
    assert inbox.settle(publisher) == []
    put(directory, f"{named.lower()}.xsd")
    assert consumer.catalog.refresh()
    assert sorted(inbox.bindings) == sorted([*before, named])
    publish(publisher, named)
    assert inbox.settle(publisher) == [named]
    (directory / f"{named.lower()}.xsd").unlink()
    assert consumer.catalog.refresh()
    assert inbox.bindings == before
    received = consumer.counters.received
    publish(publisher, named)
    assert inbox.settle(publisher) == [named]
    # What is in the substitution group comes to the base type's binding, as the publisher knows it.
    assert consumer.counters.received == received + (1 if named == "Quake" else 2)
    publish(publisher, "Storm")
    assert inbox.settle(publisher) == [named, "Storm"]


def test_types_given_by_name_live_as_well(
    open_bus: Connect, publisher: Bus, directory: Path
) -> None:
    consumer = open_bus(catalog=Catalog([directory]))
    inbox = Inbox(consumer, None, types=["Report", "Steady"])
    put(directory, "flood.xsd")
    consumer.catalog.refresh()
    publish(publisher, "Flood")
    assert inbox.settle(publisher) == ["Flood"]
    (directory / "flood.xsd").unlink()
    consumer.catalog.refresh()
    publish(publisher, "Flood")
    assert inbox.settle(publisher) == ["Flood"]


def test_a_broken_schema_keeps_its_last_good_version(
    open_bus: Connect, publisher: Bus, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(directory, "flood.xsd", "quake.xsd")
    consumer = open_bus(catalog=Catalog([directory]))
    inbox = Inbox(consumer, QUERIES["type"])
    before = inbox.bindings
    for name in ("flood.xsd", "report.xsd"):
        (directory / name).write_text("<broken")
        consumer.catalog.refresh()
        assert f"{name}" in caplog.text
    for name in ("Flood", "Quake", "Storm"):
        publish(publisher, name)
    assert inbox.settle(publisher) == ["Flood", "Quake", "Storm"]
    assert inbox.bindings == before


def test_a_query_whose_base_is_gone_keeps_its_former_meaning_and_says_so(
    open_bus: Connect, publisher: Bus, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    consumer = open_bus(catalog=Catalog([directory]))
    by_name = Inbox(consumer, QUERIES["schema-element"])
    by_type = Inbox(consumer, QUERIES["type"])
    other = Inbox(consumer, EITHER + "/e:Event/w:Flood")
    (directory / "report.xsd").unlink()
    with caplog.at_level(logging.ERROR):
        assert consumer.catalog.refresh()
    assert f"{QUERIES['schema-element']!r} keeps its former meaning" in caplog.text
    assert f"{QUERIES['type']!r} keeps its former meaning" in caplog.text
    assert "No schema declares the element" in caplog.text
    assert repr(other.subscription.filter.text) not in caplog.text
    publish(publisher, "Storm")
    assert by_name.settle(publisher) == by_type.settle(publisher) == ["Storm"]
    # When the base comes back, so does the meaning.
    put(directory, "report.xsd", "flood.xsd")
    assert consumer.catalog.refresh()
    publish(publisher, "Flood")
    assert by_name.settle(publisher) == by_type.settle(publisher) == ["Storm", "Flood"]


def test_dropped_files_are_seen_by_a_running_bus(
    open_bus: Connect, publisher: Bus, directory: Path
) -> None:
    consumer = open_bus(schemas=[directory])
    inbox = Inbox(consumer, QUERIES["type"])
    before = inbox.bindings
    put(directory, "quake.xsd")
    wait_until(lambda: "Quake" in inbox.bindings)
    publish_until(publisher, "Quake", inbox)
    (directory / "quake.xsd").unlink()
    wait_until(lambda: inbox.bindings == before)


def publish_until(publisher: Bus, name: str, inbox: Inbox) -> None:
    """Publish until it arrives: the filter is renewed before the bindings are."""

    def arrives() -> bool:
        publish(publisher, name)
        return name in inbox.names

    wait_until(arrives, interval=0.05)


class Slow(Catalog):
    """A catalog that changes right after it has answered what derives from a type."""

    def __init__(self, directory: Path) -> None:
        super().__init__([directory])
        self.change: Callable[[], None] | None = None

    def derived(self, name: str) -> frozenset[str]:
        found = super().derived(name)
        change, self.change = self.change, None
        if change is not None:
            change()
        return found


def test_a_change_while_subscribing_is_not_missed(
    open_bus: Connect, publisher: Bus, directory: Path
) -> None:
    catalog = Slow(directory)
    consumer = open_bus(catalog=catalog)
    refreshing = threading.Thread(target=catalog.refresh)

    def change() -> None:
        put(directory, "flood.xsd")
        refreshing.start()
        wait_until(lambda: catalog.knows(f"{W}Flood"))

    catalog.change = change
    inbox = Inbox(consumer, QUERIES["schema-element"])
    refreshing.join()
    assert "Flood" in inbox.bindings
    publish(publisher, "Flood")
    assert inbox.settle(publisher) == ["Flood"]


def test_a_change_while_the_broker_is_away(
    private_broker: Broker, directory: Path, tmp_path: Path
) -> None:
    url = private_broker.url
    everything = Catalog([put(tmp_path / "all", *EVERYTHING)])
    options = BusOptions(publish_timeout=0.5)
    catalog = Catalog([directory])
    with (
        connect(url, catalog=everything, options=BusOptions(publish_timeout=30.0)) as publisher,
        connect(url, catalog=catalog, options=options) as consumer,
    ):
        shared = Inbox(consumer, QUERIES["typeswitch"])
        durable = Inbox(consumer, QUERIES["type"], durable="living")
        private_broker.stop()
        put(directory, "quake.xsd")
        assert catalog.refresh()
        assert "Quake" in shared.bindings
        private_broker.start()
        wait_until(lambda: consumer.counters.reconnects > 0, 30.0)
        publish_until(publisher, "Quake", shared)
        publish_until(publisher, "Quake", durable)
