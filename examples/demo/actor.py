"""The publishers and consumers of the demo: each is a process that runs this file.

It is told what to do in lines of JSON, ``[method, argument…]``, and answers each with one. It
ends when its standard input does.
"""

from __future__ import annotations

import json
import logging
import sys
from collections import defaultdict
from typing import Any

from lxml import etree

from clacks_events import NAMESPACE, Bus, BusOptions, ClacksError, Event, Filter, connect
from clacks_events.signals import Sender
from clacks_events.topic import routing_key

INTERVAL = 0.2  # seconds in which a sender says again that it is there


class Actor:
    """What publishers and consumers have in common."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus

    def knows(self, type: str) -> bool:
        """Tell whether a schema declares this type here, by its Clark name."""
        return self.bus.catalog.knows(type)


class Publisher(Actor):
    """A sender of the name that its bus has."""

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus)
        self._sender: Sender | None = None
        self._pushed = 0

    def announce(self, types: list[str]) -> None:
        """Come to the bus as a sender of these types, which may be asked how much it pushed."""
        methods = {"pushed": lambda: self._pushed}
        self._sender = self.bus.sender(self.bus.source, types, methods=methods)

    def push(self, id: str, payload: str, label: str | None = None) -> dict[str, Any]:
        """Push an event; tell what it says, its routing key, and how many listen."""
        assert self._sender is not None
        event = Event.from_xml(f'<e:Event xmlns:e="{NAMESPACE}" id="{id}">{payload}</e:Event>')
        signal = self._sender.signal(event.type, label=label)
        count = signal.push(event)
        self._pushed += 1
        fields = (f"{etree.QName(field).localname} {field.text}" for field in event.payload)
        return {
            "text": f"{event.name} of {signal.source}: {', '.join(fields)}",
            "key": routing_key(self.bus.catalog.lineage(event.type), signal.source),
            "count": count,
        }

    def leave(self) -> None:
        """Take leave."""
        assert self._sender is not None
        self._sender.close()


class Consumer(Actor):
    """Has subscriptions, and notes what they get."""

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus)
        self._got: dict[str, list[str]] = defaultdict(list)

    def subscribe(self, name: str, query: str) -> dict[str, Any]:
        """Subscribe by a query; tell who decides what of it."""

        def note(event: Event) -> None:
            self._got[str(event.id)].append(name)

        found = self.bus.subscribe(query, note)
        return {"decided": decided(found.filter), "bindings": found.filter.bindings}

    def report(self) -> dict[str, Any]:
        """Tell how many events came, and which subscriptions got which of them."""
        return {"received": self.bus.counters.received, "got": self._got}

    def finish(self) -> dict[str, Any]:
        """Leave the bus, after what has arrived, and report."""
        self.bus.close()
        return self.report()


def decided(filter: Filter) -> str:
    """Return of the explanation what the broker decides, and what the consumer."""
    lines = filter.explain().splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("bindings"))
    end = next((at for at, line in enumerate(lines) if line.startswith("engine")), len(lines))
    return "\n".join(lines[start:end])


def answer(actor: Actor, method: str, *arguments: object) -> dict[str, Any]:
    """Carry out what is asked for; an error of the bus is an answer as well."""
    try:
        return {"result": getattr(actor, method)(*arguments)}
    except ClacksError as error:
        return {"error": {**vars(error), "kind": type(error).__name__, "text": str(error)}}


def main(role: str, name: str, url: str, schemas: str) -> None:
    """Be a publisher or a consumer until nobody asks any more."""
    logging.basicConfig(level=logging.WARNING, format=f"{name}: %(message)s")
    make = {"publisher": Publisher, "consumer": Consumer}[role]
    # When the server is gone the demo is over.
    options = BusOptions(presence_interval=INTERVAL, publish_timeout=1.0)
    with connect(url, schemas=[schemas], source=name, options=options) as bus:
        actor = make(bus)
        print("ready", flush=True)
        for line in sys.stdin:
            print(json.dumps(answer(actor, *json.loads(line))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
