"""What the demo shows, chapter by chapter."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path

from clacks_events import UnknownSender, connect
from clacks_events.presence import Announcement, Change
from examples.demo.board import Board, waited_for
from examples.demo.cast import (
    CONSUMERS,
    NOTIFICATION,
    PUBLISHERS,
    PURPOSES,
    THERMOMETER,
    WEATHER,
    WEATHER_XSD,
    call,
    weather,
)
from examples.demo.screen import Screen
from examples.demo.stage import PATIENCE, Actor, Refused


class Tour:
    """Two publishers and two consumers, each in a process, at a server that runs here."""

    def __init__(self, screen: Screen, url: str, schemas: Path, stack: ExitStack) -> None:
        """Start the processes; the stack ends them."""
        self.screen = screen
        self.schemas = schemas
        publishers, consumers = (
            {name: stack.enter_context(Actor(role, name, url, schemas)) for name in names}
            for role, names in (("publisher", PUBLISHERS), ("consumer", CONSUMERS))
        )
        self.actors = [*publishers.values(), *consumers.values()]
        self.phones, self.roof = publishers.values()
        self.board = Board(screen, consumers)
        self.bus = stack.enter_context(connect(url, schemas=[schemas]))
        self.changes: list[Change] = []

    def run(self) -> None:
        self.start()
        self.subscribe()
        self.announce()
        self.route()
        self.drop_schema()
        self.refuse()
        self.lose()
        self.request()
        self.leave()
        self.board.check()

    def start(self) -> None:
        self.screen.chapter("A server, two publishers, two consumers: five processes, no broker")
        self.screen.show("server", f"{self.bus.transport.url}, in the process of this tour")
        for actor in self.actors:
            actor.wait_until_ready()
            self.screen.show(actor.name, f"{actor.role}, process {actor.number}")

    def subscribe(self) -> None:
        for name, queries in CONSUMERS.items():
            self.screen.chapter(f"What the {name} wants")
            for label, query in queries.items():
                decided = self.board.subscribe(name, label, query)
                self.screen.show(label, PURPOSES[label])
                self.screen.dim(f"{query}\n{decided}")

    def announce(self) -> None:
        self.screen.chapter("A publisher says that it is there")
        self.phones.ask("announce", ["PhoneStatus", "Notification"])
        roster = self.bus.roster()
        roster.on_change(self.changes.append)
        self.show_sender(roster.wait_for("phones", PATIENCE))

    def show_sender(self, sender: Announcement) -> None:
        types = ", ".join(type.rpartition("}")[2] for type in sender.types)
        self.screen.good(sender.name, f"sends {types}; takes requests: {', '.join(sender.methods)}")

    def route(self) -> None:
        self.screen.chapter("Two calls")
        self.board.publish({"calls"}, self.phones, call("ringing"))
        self.board.publish({"calls", "busy"}, self.phones, call("busy"))

    def drop_schema(self) -> None:
        self.screen.chapter("A new event type, while all run")
        self.refused("UnknownEventType", "announce", [WEATHER])
        # Renamed into place, so that nobody reads half a file.
        draft = self.schemas / "Weather.draft"
        draft.write_text(WEATHER_XSD)
        draft.rename(self.schemas / "Weather.xsd")
        self.screen.good("dropped", "Weather.xsd, into the directory that all of them watch")
        for actor in self.actors:
            is_known = waited_for(partial(actor.ask, "knows", WEATHER))
            self.screen.promise(is_known, f"the {actor.name} has not seen it")
        self.screen.good("known", f"to {', '.join(actor.name for actor in self.actors)}")
        self.roof.ask("announce", [WEATHER])
        self.show_sender(self.bus.roster().wait_for("roof", PATIENCE))
        self.board.publish({"outside", "frost"}, self.roof, weather("-4.5"), THERMOMETER)
        self.board.publish({"outside"}, self.roof, weather("21.0"), THERMOMETER)

    def refuse(self) -> None:
        self.screen.chapter("An event that breaks its schema")
        payload = weather("chilly")
        self.screen.dim(payload)
        details = self.refused("InvalidEvent", "push", "invalid", payload)
        for name in ("path", "line"):
            self.screen.quiet(f"  {name}", str(details.get(name)))
        found = tuple(details.get(name) for name in ("path", "line", "value"))
        wanted = ("/Event/Weather/Celsius", 3, "chilly")
        self.screen.promise(found == wanted, f"the fault is at {found}, not at {wanted}")

    def refused(self, kind: str, method: str, *arguments: object) -> dict[str, object]:
        """Ask the roof for what cannot be done, and return what the bus says of it."""
        try:
            self.roof.ask(method, *arguments)
        except Refused as error:
            self.screen.bad("refused", str(error))
            self.screen.promise(error.kind == kind, f"this is {error.kind}, not {kind}")
            return error.details
        self.screen.promise(False, f"the roof could {method}: {kind} was to be raised")
        return {}

    def lose(self) -> None:
        self.screen.chapter("An event that nobody listens to")
        self.board.publish((), self.phones, NOTIFICATION)
        self.screen.bad("lost", "and the publisher knows: it could stop until somebody listens")

    def request(self) -> None:
        self.screen.chapter("Requests")
        pushed = self.bus.request("phones", "pushed", timeout=PATIENCE)
        self.screen.good("phones", f"says when asked: {pushed} events pushed")
        self.screen.promise(pushed == 3, "it should be 3")
        try:
            self.bus.request("cellar", "pushed", timeout=PATIENCE)
            self.screen.promise(False, "a sender that does not exist has answered")
        except UnknownSender as error:
            self.screen.bad("cellar", f"is not there: {error}")

    def leave(self) -> None:
        self.screen.chapter("One publisher leaves, the other one is killed")
        self.phones.ask("leave")
        self.roof.kill()
        wanted = {"phones": "closed", "roof": "expired"}
        waited_for(lambda: self.gone() == wanted)
        for name, reason in sorted(self.gone().items()):
            self.screen.bad(name, f"is gone: {reason}")
        self.screen.promise(self.gone() == wanted, f"{wanted} should be gone")

    def gone(self) -> dict[str, str]:
        """Return who has left, and why."""
        return {each.announcement.name: each.reason for each in self.changes if each.reason}
