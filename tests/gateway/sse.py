"""A client of event streams that reads what is on the wire, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from clacks_events import Event

__all__ = ["EventStream", "Message", "open_stream"]


@dataclass(frozen=True)
class Message:
    """One message of a stream, or a comment, whose event is ``:``."""

    event: str
    data: str
    id: str | None = None
    retry: str | None = None

    @property
    def xml(self) -> Event:
        """The data as an event."""
        return Event.from_xml(self.data)

    @property
    def json(self) -> Any:
        """The data as plain data."""
        return json.loads(self.data)


class EventStream:
    """The messages of one response, in order."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()

    def __iter__(self) -> Iterator[Message]:
        fields: dict[str, list[str]] = {}
        for line in self._lines:
            if line.startswith(":"):
                yield Message(":", line[1:])
            elif line:
                name, _, value = line.partition(": ")
                fields.setdefault(name, []).append(value)
            elif fields:
                yield _message(fields)
                fields = {}

    def next(self) -> Message:
        """Return the next message that is neither a comment nor only a hint when to retry."""
        return next(each for each in self if each.event != ":" and each.data)

    def take(self, count: int) -> list[Message]:
        """Return so many messages."""
        return [self.next() for _ in range(count)]


def _message(fields: Mapping[str, list[str]]) -> Message:
    def last(name: str) -> str | None:
        return fields[name][-1] if name in fields else None

    return Message(
        last("event") or "message", "\n".join(fields.get("data", ())), last("id"), last("retry")
    )


@contextmanager
def open_stream(
    url: str, headers: Mapping[str, str] | None = None, **parameters: str | list[str]
) -> Iterator[EventStream]:
    """Open the event stream of a gateway; returns when events are delivered."""
    with httpx.stream(
        "GET", f"{url}/events", params=parameters, headers=headers, timeout=20.0
    ) as response:
        if response.status_code != 200:
            response.read()
        response.raise_for_status()
        stream = EventStream(response)
        yield stream
