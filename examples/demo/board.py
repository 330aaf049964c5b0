"""Publishes events and shows where each of them arrives, and where not."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from clacks_events.topic import matches
from examples.demo.cast import CONSUMERS
from examples.demo.screen import Screen
from examples.demo.stage import PATIENCE, Actor

Found = TypeVar("Found")


def waited_for(find: Callable[[], Found]) -> Found:
    """Return what a function finds, as soon as that is anything."""
    deadline = time.monotonic() + PATIENCE
    while not (found := find()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


class Board:
    """Knows which events were published, and who was to get them."""

    def __init__(self, screen: Screen, consumers: Mapping[str, Actor]) -> None:
        self._screen = screen
        self._consumers = consumers
        self._bindings: dict[str, list[str]] = {name: [] for name in consumers}
        self._received = dict.fromkeys(consumers, 0)
        self._expected: dict[str, set[str]] = {}

    def subscribe(self, consumer: str, label: str, query: str) -> str:
        """Let a consumer subscribe; return who decides what of its query."""
        found = self._consumers[consumer].ask("subscribe", label, query)
        self._bindings[consumer] += found["bindings"]
        return str(found["decided"])

    def publish(self, wanted: Collection[str], publisher: Actor, *order: str) -> None:
        """Publish an event, and show who gets it: those subscriptions that want it."""
        id = f"event-{len(self._expected) + 1}"
        self._expected[id] = set(wanted)
        sent = publisher.ask("push", id, *order)
        self._screen.show("published", sent["text"], "1;33")
        self._screen.dim(f"routing key {sent['key']}; listening: {sent['count']}")
        comes = [name for name in self._consumers if self._is_bound(name, sent["key"])]
        self._screen.promise(sent["count"] == len(comes), f"{len(comes)} should be listening")
        for name in self._consumers:
            self._received[name] += name in comes
            self._show(name, name in comes, self._arrived(name, id))

    def _is_bound(self, consumer: str, key: str) -> bool:
        return any(matches(pattern, key) for pattern in self._bindings[consumer])

    def _arrived(self, consumer: str, id: str) -> list[str]:
        wanted = self._expected[id] & CONSUMERS[consumer].keys()

        def report() -> dict[str, Any] | None:
            found: dict[str, Any] = self._consumers[consumer].ask("report")
            has_come = found["received"] == self._received[consumer]
            return found if has_come and wanted <= set(found["got"].get(id, ())) else None

        found = waited_for(report)
        self._screen.promise(found is not None, f"it is not at the {consumer} as it should be")
        return sorted(found["got"].get(id, ())) if found else []

    def _show(self, consumer: str, comes: bool, got: list[str]) -> None:
        if got:
            self._screen.good(f"  {consumer}", f"gets it, as {' and '.join(got)}")
        elif comes:
            self._screen.quiet(f"  {consumer}", "has it come, and its query says no")
        else:
            self._screen.quiet(f"  {consumer}", "does not want it: the server does not send it")

    def check(self) -> None:
        """Close the consumers; who got too much is seen when nothing is on its way any more."""
        got: dict[str, set[str]] = {id: set() for id in self._expected}
        for name, consumer in self._consumers.items():
            report = consumer.ask("finish")
            for id, labels in report["got"].items():
                got.setdefault(id, set()).update(labels)
            received, due = report["received"], self._received[name]
            self._screen.promise(
                received == due, f"{received} events came to the {name}, not {due}"
            )
        for id, labels in got.items():
            wanted = self._expected.get(id, set())
            self._screen.promise(labels == wanted, f"{id} went to {labels}, not to {wanted}")
