"""An inbox of a client: what the server sends for it, and what is settled of that."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from typing import Any

from clacks_events.errors import ConnectionLost
from clacks_events.transport.base import (
    PROBE,
    InboxOptions,
    Message,
    OnDeliveries,
    TransportCounters,
)
from clacks_events.transport.zeromq import wire
from clacks_events.transport.zeromq.link import Frames, Link
from clacks_events.transport.zeromq.wire import PAIR, pack

__all__ = ["ZeromqInbox"]

# A server has no more than so much on its way before some of it is settled: far below that.
_LARGEST_BATCH = 1000
_BATCH_SIZE = 2**20  # bytes


class _Delivery:
    __slots__ = ("_inbox", "_life", "_tag", "message")

    def __init__(self, message: Message, inbox: ZeromqInbox, life: int, tag: int) -> None:
        self.message = message
        self._inbox = inbox
        self._life = life
        self._tag = tag

    def ack(self) -> None:
        self._inbox.settle(self._life, self._tag, len(self.message.body))

    def reject(self) -> None:
        # Nobody else would fare better with it: as dealt with as it can be.
        self._inbox.settle(self._life, self._tag, len(self.message.body))


class ZeromqInbox:
    """A queue at the server: of this reader alone, or durable under a name."""

    def __init__(
        self,
        link: Link,
        number: int,
        on_deliveries: OnDeliveries,
        options: InboxOptions,
        counters: TransportCounters,
        timeout: float,
    ) -> None:
        self.name = pack(number)
        self._link = link
        self._number = number
        self._on_deliveries = on_deliveries
        self._options = options
        self._counters = counters
        self._timeout = timeout
        self._patterns: tuple[str, ...] = ()
        # Of a queue that goes with its reader only the number of those settled counts.
        self._batch = 1 if options.durable else min(max(1, options.window // 4), _LARGEST_BATCH)
        self._life = 0
        self._settled: list[int] = []
        self._size = 0
        self._lost = 0
        self._is_posted = self._is_stopped = self._is_closed = False
        self._lock = threading.Lock()
        self._handing = threading.RLock()

    def open(self, patterns: Collection[str]) -> None:
        """Open it at the server; returns when the patterns are in force."""
        self._patterns = tuple(patterns)
        self._link.add(self, self._timeout)
        self._link.beats.append(self._flush)

    def ask(self) -> Mapping[str, Any]:
        with self._lock:
            self._life += 1
            self._settled, self._size = [], 0
            self._lost = 0
        return {
            "verb": "open",
            "inbox": self._number,
            "window": 0 if self._is_stopped else self._options.window,
            "durable": self._options.durable,
            "again": self._life > 1,
            "patterns": self._patterns,
        }

    def end(self) -> Mapping[str, Any]:
        return {"verb": "close", "inbox": self._number}

    def lost(self) -> None:
        """Nothing to do: the next server is asked for the same."""

    def bind(self, patterns: Collection[str]) -> None:
        former, self._patterns = self._patterns, tuple(patterns)
        if set(self._patterns) <= set(former):
            # Nothing can be missed meanwhile: no reason to wait for a server that is away.
            self._link.tell(self._binding(), self._timeout)
            return
        try:
            self._link.ask(self._binding(), self._timeout)
        except ConnectionLost:
            # A server that returns is asked for what was in force; one that was only slow, too.
            self._patterns = former
            self._link.say(self._binding())
            raise

    def _binding(self) -> Mapping[str, Any]:
        return {"verb": "bind", "inbox": self._number, "patterns": self._patterns}

    def take(self, frames: Frames) -> None:
        """Hand on what has arrived. On the thread of the link."""
        lost, tag = PAIR.unpack(frames[1])
        self._counters.lost += lost - self._lost
        self._lost = lost
        deliveries = []
        for message in wire.messages(frames[2]):
            delivery = _Delivery(message, self, self._life, tag)
            tag += 1
            if message.content_type == PROBE:
                delivery.ack()
            else:
                deliveries.append(delivery)
        self._counters.received += len(deliveries)
        # Under the lock: once stop() has returned, nothing is handed over any more.
        with self._handing:
            if deliveries and not self._is_stopped:
                self._on_deliveries(deliveries)

    def settle(self, life: int, tag: int, size: int) -> None:
        """Note that a delivery is dealt with. From any thread."""
        with self._lock:
            if life != self._life:
                # It came from a server that is gone.
                return
            self._settled.append(tag)
            self._size += size
            if self._is_posted or (len(self._settled) < self._batch and self._size < _BATCH_SIZE):
                return
            self._is_posted = True
        self._link.post(self._flush)

    def _flush(self) -> None:
        with self._lock:
            self._is_posted = False
            settled, self._settled, self._size = self._settled, [], 0
        if not settled:
            return
        if self._options.durable is None:
            self._link.send(wire.SETTLED, self.name, pack(len(settled)))
        else:
            self._link.send(wire.SETTLED, self.name, b"".join(map(pack, settled)))

    def stop(self) -> None:
        with self._handing:
            self._is_stopped = True
        if not self._is_closed:
            self._link.tell({"verb": "stop", "inbox": self._number}, self._timeout)

    def close(self) -> None:
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        with self._handing:
            self._is_stopped = True
        self._link.beats.remove(self._flush)
        self._link.post(self._flush)
        self._link.end(self, self._timeout)
