"""One event on its way out, shared by all who get it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast, final

from clacks_events.event import Event, JsonValue

__all__ = ["Copy"]

T = TypeVar("T")


@final
class Copy:
    """An event and what was made of it so far. Nobody changes the event. Loop only."""

    __slots__ = ("_rendered", "event", "size")

    def __init__(self, event: Event) -> None:
        self.event = event
        self.size = len(event.xml)
        """In bytes, as XML."""
        self._rendered: dict[Hashable, Any] = {}

    @property
    def name(self) -> str:
        """``source/Type``, with the local name of the type."""
        return f"{self.event.source or ''}/{self.event.name}"

    @property
    def json(self) -> dict[str, JsonValue]:
        """The event as plain data; see Event.json."""
        return self.rendered("json", Event.json)

    def rendered(self, kind: Hashable, render: Callable[[Event], T]) -> T:
        """Return what ``render`` makes of the event, made once for each kind."""
        found = self._rendered.get(kind, self)
        if found is self:
            found = self._rendered[kind] = render(self.event)
        return cast("T", found)
