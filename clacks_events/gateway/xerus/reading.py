"""One poll of a mailbox: what it brings belongs to the mailbox until the client has it."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from clacks_events.errors import ConnectionLost
from clacks_events.event import JsonValue
from clacks_events.gateway.access import Principal
from clacks_events.gateway.xerus.channel import MOST_EVENTS, no_channel
from clacks_events.gateway.xerus.rendering import Incoming
from clacks_events.gateway.xerus.selection import Note, selects
from clacks_events.transport.base import Delivery, Reading

if TYPE_CHECKING:
    from clacks_events.gateway.xerus.brokered import Shelf

__all__ = ["CHANGED", "MailboxLease", "MailboxPoll"]

CHANGED: Final = "application/x-clacks-xerus-changed"
"""The content type of the message that says that what follows it is to be judged anew."""

_LARGEST: Final = 4 * 1024 * 1024  # bytes of events that one poll brings
_GRACE: Final = 0.05  # seconds in which what waits in a mailbox has arrived
_LINGER: Final = 0.003  # seconds
_RETRY: Final = 1.0  # seconds after which a broker that was away is looked for again


class Named(Protocol):
    """A channel, as far as a poll knows it."""

    @property
    def name(self) -> str:
        """Of its mailbox."""


@dataclass(slots=True)
class MailboxLease:
    """Events that were read and not acknowledged; see Lease."""

    events: Sequence[JsonValue]
    more: bool
    size: int
    deliveries: Sequence[Delivery]
    poll: MailboxPoll

    async def settle(self) -> None:
        self.poll.end(self.deliveries)
        # Whoever polls next, anywhere, is to find everything else in its place.
        await self.poll.closed

    def confirm(self) -> None:
        for delivery in self.deliveries:
            delivery.ack()
        self.poll.shelf.gate.metrics.delivered("xerus", len(self.events))

    def give_back(self) -> None:
        self.poll.end()


class MailboxPoll:
    """Reads a mailbox until there is anything for the client. Loop only."""

    __slots__ = (
        "_arrived", "_channel", "_is_gone", "_is_interrupted", "_is_over", "_lock", "_note",
        "_reading", "_wake", "closed", "name", "principal", "shelf",
    )  # fmt: skip

    def __init__(self, shelf: Shelf, channel: Named, principal: Principal) -> None:
        self.shelf = shelf
        self.name = channel.name
        # Kept until this is closed: whoever polls next has to wait for that.
        self._channel: Named | None = channel
        self.principal = principal
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the broker knows that it is over."""
        self._arrived: deque[tuple[Delivery, Incoming | None]] = deque()
        self._note: Note | None = None
        self._reading: Reading | None = None
        self._lock = threading.Lock()
        self._is_over = False
        self._is_gone = False
        self._is_interrupted = shelf.gate.closing.is_set()
        self._wake: asyncio.Future[None] | None = None

    def interrupt(self) -> None:
        """Have it answered with what there is."""
        self._is_interrupted = True
        self._awake()

    def _awake(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def take(self, deadline: float) -> MailboxLease:
        """Return what there is, as soon as there is anything; nothing at the deadline.

        Raises Fault when there is no such mailbox, or when it is another client's.
        """
        loop = asyncio.get_running_loop()
        note = await self._begin(deadline)
        if note is not None:
            until = max(deadline, loop.time() + _GRACE)
            while True:
                await self._linger()
                lease = await self._sorted(note)
                if lease.events or self._is_interrupted or loop.time() >= until:
                    return lease
                if self._is_gone:
                    raise no_channel()
                await self._pause(until)
        return MailboxLease((), False, 0, (), self)

    async def _begin(self, deadline: float) -> Note | None:
        """Begin to read, as soon as the broker is there; None if that is not to be."""
        loop = asyncio.get_running_loop()
        while not self._is_interrupted:
            if self.shelf.gate.is_ready():
                try:
                    async with asyncio.timeout_at(max(deadline, loop.time() + _RETRY)):
                        return self.shelf.allowed(self.principal, await self._open())
                except (ConnectionLost, TimeoutError):
                    pass
            if loop.time() >= deadline:
                return None
            # Not all at the same time: there may be thousands.
            await self._pause(min(deadline, loop.time() + _RETRY * random.uniform(0.5, 1.5)))
        return None

    async def _open(self) -> bytes | None:
        return await self.shelf.read(self._read)

    def _read(self) -> bytes | None:
        """Open the reading, on a thread, and close it if nobody waits for it any more."""
        reading = self.shelf.mailboxes.read(
            self.name, self._on_deliveries, MOST_EVENTS + 1, self._on_gone
        )
        if reading is None:
            return None
        with self._lock:
            self._reading = reading
            is_over = self._is_over
        if is_over:
            reading.close()
        return reading.note

    def _on_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        """Take what arrives, on the thread of the transport."""
        read = self.shelf.reader.read
        found = [
            (each, None if each.message.content_type == CHANGED else read(each.message))
            for each in deliveries
        ]
        self.shelf.gate.bridge.post(self._add, found)

    def _on_gone(self) -> None:
        self.shelf.gate.bridge.post(self._end_gone)

    def _add(self, found: list[tuple[Delivery, Incoming | None]]) -> None:
        self._arrived.extend(found)
        self._awake()

    def _end_gone(self) -> None:
        self._is_gone = True
        self._awake()

    async def _pause(self, until: float) -> None:
        if self._arrived or self._is_gone or self._is_interrupted:
            return
        loop = asyncio.get_running_loop()
        self._wake = loop.create_future()
        timer = loop.call_at(until, self._awake)
        try:
            await self._wake
        finally:
            timer.cancel()
            self._wake = None

    async def _linger(self) -> None:
        # Where there are several there may be many, and they come in parts.
        seen = 1
        while seen < len(self._arrived) <= MOST_EVENTS:
            seen = len(self._arrived)
            await asyncio.sleep(_LINGER)

    async def _sorted(self, note: Note) -> MailboxLease:
        """Return what the client wants of what has arrived; settle the rest."""
        note = self._note or note
        events: list[JsonValue] = []
        deliveries: list[Delivery] = []
        size = 0
        while self._arrived and len(events) < MOST_EVENTS and size < _LARGEST:
            delivery, incoming = self._arrived.popleft()
            if delivery.message.content_type == CHANGED:
                data = await self.shelf.look(self.name)
                note = self._note = self.shelf.allowed(self.principal, data)
                delivery.ack()
            elif incoming is None:
                delivery.reject()
            elif selects(note.chosen, incoming.lineage, incoming.rid):
                events.append(incoming.value)
                deliveries.append(delivery)
                size += incoming.size
            else:
                delivery.ack()
        return MailboxLease(events, bool(self._arrived), size, deliveries, self)

    def end(self, keep: Sequence[Delivery] = ()) -> None:
        """Stop to read; what was neither acknowledged nor is to be kept goes back to its place."""
        with self._lock:
            if self._is_over:
                return
            self._is_over = True
            reading = self._reading
        if reading is None:
            self._closed()
        else:
            self.shelf.spawn(self._close(reading, keep))

    async def _close(self, reading: Reading, keep: Sequence[Delivery]) -> None:
        try:
            await self.shelf.read(partial(reading.close, keep))
        finally:
            self._closed()

    def _closed(self) -> None:
        self._channel = None
        if not self.closed.done():
            self.closed.set_result(None)
