"""Event types of a car, events of them, and what a bus asks the broker for."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from xml.sax.saxutils import quoteattr

from clacks_events import NAMESPACE, Bus, BusOptions, Catalog, Event, connect

__all__ = ["FUEL", "C", "bindings", "car", "numbers", "opener", "put_schema", "steady_flow"]

C = "{urn:car}"

CAR = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:car"
    xmlns="urn:car">
  <xs:element name="Speed" type="xs:int"/>
  <xs:element name="Door" type="xs:int"/>
  <xs:element name="Done" type="xs:int"/>
  <xs:element name="Reading" type="xs:int"/>
  <xs:element name="Heat" type="xs:int" substitutionGroup="Reading"/>
</xs:schema>"""
FUEL = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:car"
    xmlns="urn:car">
  <xs:include schemaLocation="car.xsd"/>
  <xs:element name="Fuel" type="xs:int" substitutionGroup="Reading"/>
</xs:schema>"""


def put_schema(directory: Path) -> Path:
    """Write the schema into a directory and return that."""
    directory.mkdir(exist_ok=True)
    (directory / "car.xsd").write_text(CAR)
    return directory


@contextmanager
def opener(url: str, directory: Path) -> Iterator[Callable[..., Bus]]:
    """Yield what opens buses, by default with the schema in a directory; they are closed here."""
    known = Catalog([put_schema(directory)])
    options = BusOptions(publish_timeout=10.0)
    with ExitStack() as stack:

        def open_one(catalog: Catalog = known) -> Bus:
            bus = connect(url, catalog=catalog, options=options, source="node-7")
            return stack.enter_context(bus)

        yield open_one


def car(name: str, number: int = 1, source: str | None = "gps") -> str:
    """Return an event of a type, with a number in it."""
    attribute = "" if source is None else f" source={quoteattr(source)}"
    payload = f"<{name} xmlns='urn:car'>{number}</{name}>"
    return f"<e:Event xmlns:e='{NAMESPACE}'{attribute}>{payload}</e:Event>"


def bindings(bus: Bus) -> list[str]:
    """Return the topic patterns of what the bus subscribes to."""
    return [pattern for each in bus.subscribing for pattern in each.filter.bindings]


def numbers(events: list[Event]) -> list[int]:
    """Return the numbers of events."""
    return [int(event.payload.text or 0) for event in events]


@contextmanager
def steady_flow(bus: Bus) -> Iterator[Callable[[], int]]:
    """Publish speeds, 0, 1, 2 and so on; yields a function that tells how many so far."""
    stop, sent = threading.Event(), itertools.count()
    count = 0

    def run() -> None:
        nonlocal count
        while not stop.wait(0.001):
            bus.publish(car("Speed", next(sent)))
            count += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield lambda: count
    finally:
        stop.set()
        thread.join()
