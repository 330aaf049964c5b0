"""A tour of the bus in one process and without a broker: ``./dev demo``.

It checks itself: the exit code is 1 if anything did not happen as it should.
"""

import logging
import os
import sys
import tempfile
import textwrap
import threading
from collections import defaultdict
from collections.abc import Callable, Collection
from pathlib import Path

from lxml import etree

from clacks_events import (
    Bus,
    Event,
    EventMaker,
    InvalidEvent,
    PublishFailed,
    Subscription,
    UnknownEventType,
    connect,
)
from clacks_events.topic import matches, routing_key

URL = "memory://demo"
PATIENCE = 5.0  # seconds to wait for something that takes milliseconds

WEATHER = "urn:example:weather"
WEATHER_XSD = """\
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"
           targetNamespace="urn:example:weather" elementFormDefault="qualified">
  <xs:element name="Weather">
    <xs:complexType>
      <xs:sequence>
        <xs:element name="Station" type="xs:string"/>
        <xs:element name="Celsius" type="xs:decimal"/>
      </xs:sequence>
    </xs:complexType>
  </xs:element>
</xs:schema>
"""
NOT_A_NUMBER = """\
<Weather xmlns="urn:example:weather">
  <Station>roof</Station>
  <Celsius>chilly</Celsius>
</Weather>
"""

QUERIES = {
    "wall": "/e:Event/e:PhoneStatus",
    "desk": """\
let $call := /e:Event/e:PhoneStatus
where $call/e:Status = 'busy'
return $call""",
    "frost": """\
declare namespace w = 'urn:example:weather';
/e:Event/w:Weather[w:Celsius < 0]""",
    "roof": "/e:Event[@source = 'roof']",
}
PURPOSES = {
    "wall": "wants a type",
    "desk": "wants a type with a certain content",
    "frost": "wants a type that does not exist yet",
    "roof": "wants a source, whatever it says",
}


class Screen:
    """Prints the tour, coloured on a terminal, and remembers what went wrong."""

    def __init__(self) -> None:
        self._is_coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self.is_as_promised = True

    def paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._is_coloured else text

    def chapter(self, title: str) -> None:
        print(f"\n{self.paint('1;36', title)}")

    def show(self, label: str, text: str, code: str = "1") -> None:
        """Print a text of one or more lines behind a label."""
        first, *rest = text.splitlines() or [""]
        print(f"  {self.paint(code, f'{label:9}')} {first}")
        for line in rest:
            print(f"  {'':9} {line}")

    def dim(self, text: str) -> None:
        print(self.paint("2", textwrap.indent(text, " " * 12)))

    def promise(self, is_kept: bool, text: str) -> None:
        """Print what was to happen if it did not."""
        if not is_kept:
            self.is_as_promised = False
            print(f"  {self.paint('1;31', 'WRONG')}     {text}")


class Board:
    """Notes which event arrived at whom."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._arrived: dict[str | None, set[str]] = defaultdict(set)

    def handler(self, name: str) -> Callable[[Event], None]:
        def note(event: Event) -> None:
            with self._changed:
                self._arrived[event.id].add(name)
                self._changed.notify_all()

        return note

    def receivers(self, event: Event) -> set[str]:
        with self._changed:
            return set(self._arrived[event.id])

    def wait(self, event: Event, names: Collection[str]) -> set[str]:
        """Return who has it, as soon as all of the names have."""
        with self._changed:
            self._changed.wait_for(lambda: self._arrived[event.id].issuperset(names), PATIENCE)
        return self.receivers(event)


class Tour:
    """Two publishers, four consumers, and what becomes of the events."""

    def __init__(self, screen: Screen, schemas: Path) -> None:
        self.screen = screen
        self.schemas = schemas
        self.board = Board()
        self.consumers = connect(URL, schemas=[schemas])
        self.phones = connect(URL, source="phones", catalog=self.consumers.catalog)
        self.roof = connect(URL, source="roof", catalog=self.consumers.catalog)
        self.subscriptions: dict[str, Subscription] = {}
        self.expected: list[tuple[Event, set[str]]] = []

    def run(self) -> None:
        self.subscribe()
        self.route()
        self.drop_schema()
        self.refuse()
        self.lose()
        for bus in (self.phones, self.roof, self.consumers):
            bus.close()
        # By now nothing is on its way: who got too much is seen here.
        for event, names in self.expected:
            got = self.board.receivers(event)
            self.screen.promise(got == names, f"{event!r} went to {got}, not to {names}")

    def subscribe(self) -> None:
        self.screen.chapter("Four consumers, each with a query")
        for name, query in QUERIES.items():
            subscription = self.consumers.subscribe(query, self.board.handler(name))
            self.subscriptions[name] = subscription
            self.screen.show(name, PURPOSES[name])
            self.screen.dim(subscription.filter.explain())

    def publish(self, bus: Bus, payload: etree._Element, wanted: set[str]) -> None:
        event = bus.publish(payload)
        got = self.board.wait(event, wanted)
        self.expected.append((event, wanted))
        text = ", ".join(f"{etree.QName(field).localname} {field.text}" for field in event.payload)
        self.screen.show("published", f"{event.name} of {event.source}: {text}", "1;33")
        key = routing_key(bus.catalog.lineage(event.type), event.source)
        self.screen.dim(f"routing key {key}")
        for name, subscription in self.subscriptions.items():
            if name in got:
                self.screen.show(f"  {name}", "gets it: binding and query match", "1;32")
            elif any(matches(pattern, key) for pattern in subscription.filter.bindings):
                self.screen.show(f"  {name}", "does not: the query says no", "2")
            else:
                self.screen.show(f"  {name}", "does not: no binding selects the key", "2")

    def route(self) -> None:
        self.screen.chapter("Two calls")
        self.publish(self.phones, _call("ringing"), {"wall"})
        self.publish(self.phones, _call("busy"), {"wall", "desk"})

    def drop_schema(self) -> None:
        self.screen.chapter("A new event type, while the bus runs")
        try:
            self.roof.publish(_weather("-4.5"))
            self.screen.promise(False, "a type without a schema was published")
        except UnknownEventType as error:
            self.screen.show("refused", str(error), "1;31")
        is_known = threading.Event()
        self.consumers.catalog.on_change(is_known.set)
        # Renamed into place, so that nobody reads half a file.
        draft = self.schemas / "Weather.draft"
        draft.write_text(WEATHER_XSD)
        draft.rename(self.schemas / "Weather.xsd")
        self.screen.promise(is_known.wait(PATIENCE), "the new schema was not seen")
        self.screen.show("dropped", "Weather.xsd; its event type exists from now on", "1;32")
        self.publish(self.roof, _weather("-4.5"), {"frost", "roof"})
        self.publish(self.roof, _weather("21.0"), {"roof"})

    def refuse(self) -> None:
        self.screen.chapter("An event that breaks its schema")
        self.screen.dim(NOT_A_NUMBER.rstrip())
        try:
            self.roof.publish(NOT_A_NUMBER)
            self.screen.promise(False, "an event that is not valid was published")
        except InvalidEvent as error:
            self._show_fault(error)
            found = (error.path, error.line, error.value)
            wanted = ("/Event/Weather/Celsius", 3, "chilly")
            self.screen.promise(found == wanted, f"the fault is at {found}, not at {wanted}")

    def _show_fault(self, error: InvalidEvent) -> None:
        self.screen.show("refused", "nothing was published", "1;31")
        self.screen.show("  path", error.path, "2")
        self.screen.show("  line", str(error.line), "2")
        self.screen.show("  reason", error.reason, "2")

    def lose(self) -> None:
        self.screen.chapter("An event that nobody listens to")
        nobodys = self.phones.catalog.sample("Notification").payload
        self.publish(self.phones, nobodys, set())
        self.screen.show("lost", "without a trace: this is fire and forget", "1;33")
        try:
            self.phones.publish(nobodys, confirm=True)
            self.screen.promise(False, "nobody listens, and yet it was confirmed")
        except PublishFailed as error:
            self.screen.show("confirm", f"says so: {error}", "1;33")


def _call(status: str) -> etree._Element:
    e = EventMaker()
    return e.PhoneStatus(e.CallerId("0123"), e.ReceiverId("4567"), e.Status(status))


def _weather(celsius: str) -> etree._Element:
    w = EventMaker(WEATHER, prefix="w")
    return w.Weather(w.Station("roof"), w.Celsius(celsius))


def main() -> int:
    """Run the tour and tell how it went."""
    logging.basicConfig(level=logging.WARNING)
    screen = Screen()
    with tempfile.TemporaryDirectory() as directory:
        Tour(screen, Path(directory)).run()
    print("\nAll as promised." if screen.is_as_promised else "\nNot as promised: see above.")
    return 0 if screen.is_as_promised else 1


if __name__ == "__main__":
    sys.exit(main())
