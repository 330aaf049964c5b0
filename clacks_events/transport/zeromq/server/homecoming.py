"""The first seconds of a server that takes the place of one that died."""

from __future__ import annotations

from collections.abc import Iterable

from clacks_events.topic import TopicTable
from clacks_events.transport.zeromq.server.queues import Queue

__all__ = ["Homecoming"]

_LENGTH = 3.0  # seconds; clients try to connect each second at least
_MOST = 20_000
_LARGEST = 16 * 2**20  # bytes, of all together


class Homecoming:
    """Keeps what is published for inboxes that come back a moment after the publishers."""

    def __init__(self) -> None:
        self._kept: list[tuple[str, bytes]] = []
        self._size = 0
        self._end: float | None = None

    def keep(self, key: str, record: bytes) -> None:
        """Keep a message, as long as there is room."""
        if len(self._kept) < _MOST and self._size < _LARGEST:
            self._kept.append((key, record))
            self._size += len(record)

    def welcome(self, queue: Queue, patterns: Iterable[str]) -> None:
        """Put into a queue what it would have got so far."""
        table: TopicTable[Queue] = TopicTable()
        for pattern in patterns:
            table.add(str(pattern), queue)
        for key, record in self._kept:
            if table.route(key):
                queue.put(record)

    def is_over(self, now: float) -> bool:
        """Tell whether all are back who come; the first call starts the clock."""
        if self._end is None:
            self._end = now + _LENGTH
        return now >= self._end
