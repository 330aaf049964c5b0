"""What waits for the readers of an inbox, and how much of it is on its way to them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from clacks_events.transport.zeromq.wire import EVENTS, LARGEST, PAIR

__all__ = ["Limits", "Queue", "Reader", "Send"]

Send: TypeAlias = Callable[[bytes, Sequence[bytes]], None]
"""Sends frames to a peer, which may be gone."""

_MOST_AT_ONCE = 256
_LARGEST_WINDOW = 100_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an embedded server keeps; sizes are in bytes."""

    backlog: int = 100_000
    """Messages that wait for one inbox; what comes then is lost to it, and counted."""
    backlog_size: int = 64 * 2**20
    in_flight_size: int = 8 * 2**20
    """What may be on its way to one inbox beside what waits."""
    message_size: int = LARGEST + 1024
    """A larger message ends the connection that it comes from."""
    frames: int = 100_000
    """What may be on its way to one connection; one that lets more pile up is ended."""
    calls: int = 10_000
    """Calls that wait for one work queue; more are refused."""
    silence: float = 30.0
    """Seconds after which a client that says nothing is gone."""


class Reader:
    """One inbox of a client, open on a queue."""

    __slots__ = ("in_flight", "lost", "name", "peer", "queue", "size", "window")

    def __init__(self, peer: bytes, name: bytes, window: int, queue: Queue) -> None:
        self.peer = peer
        self.name = name
        self.window = min(max(1, window), _LARGEST_WINDOW)
        self.queue = queue
        self.lost = 0
        self.in_flight: dict[int, bytes | int] = {}
        """What has not been settled, by tag: the message, or only its size if it is not kept."""
        self.size = 0

    def settle(self, tags: Sequence[int]) -> None:
        """Forget what the client is done with."""
        for tag in tags:
            self._forget(tag)

    def settle_first(self, count: int) -> None:
        """Forget as many as the client is done with, the oldest first."""
        for tag in [tag for tag, _ in zip(self.in_flight, range(count), strict=False)]:
            self._forget(tag)

    def _forget(self, tag: int) -> None:
        found = self.in_flight.pop(tag, 0)
        self.size -= found if isinstance(found, int) else len(found)


class Queue:
    """The messages of one inbox; a durable one has a name, and keeps them without a reader."""

    def __init__(self, limits: Limits, durable: str | None = None) -> None:
        self.durable = durable
        self.patterns: frozenset[str] = frozenset()
        self.readers: list[Reader] = []
        self.lost = 0
        """What was lost since a reader was last told."""
        self._limits = limits
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._tag = 0

    def put(self, record: bytes) -> bool:
        """Keep a message for the next flush, and tell whether there was room for it."""
        if (
            len(self._waiting) >= self._limits.backlog
            or self._size + len(record) > self._limits.backlog_size
        ) and self._waiting:
            self.lost += 1
            return False
        self._waiting.append(record)
        self._size += len(record)
        return True

    def flush(self, send: Send) -> None:
        """Send what readers may have."""
        while self._waiting:
            reader = self._next_reader()
            if reader is None:
                return
            self._send_some(reader, send)

    def _next_reader(self) -> Reader | None:
        for place, reader in enumerate(self.readers):
            if len(reader.in_flight) < reader.window and reader.size < self._limits.in_flight_size:
                if len(self.readers) > 1:
                    # In turns: who was served goes to the end.
                    self.readers.append(self.readers.pop(place))
                return reader
        return None

    def _send_some(self, reader: Reader, send: Send) -> None:
        records: list[bytes] = []
        first, most = self._tag, min(_MOST_AT_ONCE, reader.window - len(reader.in_flight))
        if len(self.readers) > 1:
            most = 1
        waiting, in_flight, size = self._waiting, reader.in_flight, reader.size
        while waiting and len(records) < most and size < self._limits.in_flight_size:
            record = waiting.popleft()
            records.append(record)
            size += len(record)
            in_flight[self._tag] = record if self.durable else len(record)
            self._tag += 1
        self._size -= size - reader.size
        reader.size = size
        self._send(reader, first, records, send)

    def _send(self, reader: Reader, first: int, records: Sequence[bytes], send: Send) -> None:
        # One of several readers is told, so that no loss counts twice.
        reader.lost += self.lost
        self.lost = 0
        send(reader.peer, (EVENTS, reader.name, PAIR.pack(reader.lost, first), b"".join(records)))

    def tell_loss(self, send: Send) -> None:
        """Tell a reader that does not keep up what it has lost meanwhile."""
        if self.lost and self.readers:
            self._send(self.readers[0], self._tag, (), send)

    def remove(self, reader: Reader) -> None:
        """Let a reader go; what a durable queue had sent to it waits for the next."""
        if reader not in self.readers:
            return
        self.readers.remove(reader)
        kept = [record for record in reader.in_flight.values() if isinstance(record, bytes)]
        self._waiting.extendleft(reversed(kept))
        self._size += sum(map(len, kept))
