"""Channels that live in the broker: any gateway can serve them, and none is needed for long.

A channel is a mailbox, and its note says whose it is and what he asked for. Nothing is kept here
but what goes on at the moment, and how many channels a client has been seen with.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine
from typing import Final, TypeVar
from weakref import WeakValueDictionary

from clacks_events.agent.policy import OPEN, Action, lineages
from clacks_events.errors import (
    ClacksError,
    ConnectionLost,
    LimitReached,
    NobodyListens,
)
from clacks_events.gateway.access import Principal
from clacks_events.gateway.gate import Gate
from clacks_events.gateway.xerus.call import Call, Lease
from clacks_events.gateway.xerus.channel import new_id, no_channel
from clacks_events.gateway.xerus.jsonrpc import Fault
from clacks_events.gateway.xerus.reading import CHANGED, MailboxLease, MailboxPoll
from clacks_events.gateway.xerus.rendering import Reader
from clacks_events.gateway.xerus.selection import EventSelect, Note
from clacks_events.gateway.xerus.users import Users
from clacks_events.transport.base import Mailboxes, MailboxOptions, Message, PublishOptions

__all__ = ["BrokeredChannels", "Shelf"]

log = logging.getLogger(__name__)

T = TypeVar("T")

_PREFIX: Final = "clacks.xerus."
_READS, _CHANGES = 4, 2
"""How many threads of the bridge may wait for the broker; the others are for others."""
_CONFIRMED: Final = PublishOptions(confirm=True)


class Shelf:
    """The mailboxes of the broker, for the loop. Loop only."""

    def __init__(self, gate: Gate, mailboxes: Mailboxes, reader: Reader) -> None:
        self.gate = gate
        self.mailboxes = mailboxes
        self.reader = reader
        self._reads = asyncio.Semaphore(_READS)
        self._changes = asyncio.Semaphore(_CHANGES)
        self._tasks: set[asyncio.Task[None]] = set()
        self.polls: set[MailboxPoll] = set()
        """Those that wait."""

    async def read(self, function: Callable[[], T]) -> T:
        """Make a call that is part of reading on a thread."""
        async with self._reads:
            return await self.gate.bridge.run(function)

    async def change(self, function: Callable[[], T]) -> T:
        """Make a call that changes a mailbox, or looks at it, on a thread.

        Raises ConnectionLost at once while the broker is away.
        """
        if not self.gate.is_ready():
            raise ConnectionLost("the broker is away")
        async with self._changes:
            return await self.gate.bridge.run(function)

    async def look(self, name: str) -> bytes | None:
        """Return the note of a mailbox as it is now."""
        return await self.change(lambda: self.mailboxes.note(name))

    def owned(self, principal: Principal, data: bytes | None) -> Note:
        """Return a note that is the client's own. Raises Fault."""
        note = None if data is None else Note.read(data)
        if note is None or note.owner != principal.client:
            raise no_channel()
        return note

    def allowed(self, principal: Principal, data: bytes | None) -> Note:
        """Return a note that is the client's own, and that the policy still allows.

        Raises Fault or AccessDenied.
        """
        note = self.owned(principal, data)
        if self.gate.agent.policy is not OPEN:
            for names in self._lineages(note):
                self.gate.check(principal, Action.SUBSCRIBE, names)
        return note

    def _lineages(self, note: Note) -> Collection[tuple[str, ...]]:
        known = [each for each in note.patterns if self.gate.catalog.knows(each)]
        return lineages(self.gate.catalog, known) if known else ()

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Do something for which nobody waits."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, ClacksError):
            log.warning("a mailbox goes back when its connection ends: %s", error)
        elif error is not None:
            log.error("a mailbox could not be closed", exc_info=error)


class _Channel:
    """A mailbox, as this gateway uses it at the moment."""

    __slots__ = ("__weakref__", "_changes", "_poll", "_shelf", "_turn", "_users", "id", "name")

    def __init__(self, id: str, shelf: Shelf, users: Users) -> None:
        self.id = id
        self.name = _PREFIX + id
        self._shelf = shelf
        self._users = users
        self._changes = asyncio.Lock()
        self._poll: MailboxPoll | None = None
        self._turn = 0

    async def select(
        self, principal: Principal, more: Collection[EventSelect], less: Collection[EventSelect]
    ) -> None:
        async with self._changes:
            former = self._shelf.owned(principal, await self._shelf.look(self.name))
            self._users.seen(principal, self.id)
            chosen = former.chosen.union(more).difference(less)
            if chosen == former.chosen:
                return
            note = await self._planned(principal, former, chosen)
            if not await self._shelf.change(lambda: self._store(note, former)):
                raise no_channel()

    async def _planned(
        self, principal: Principal, former: Note, chosen: frozenset[EventSelect]
    ) -> Note:
        gate = self._shelf.gate
        most = gate.options.limits.stream.filters
        if len(chosen) > max(most, len(former.chosen)):
            raise LimitReached(f"a channel may have {most} demands at a time")
        types = {each.type for each in chosen}
        patterns = {type: each for type, each in former.patterns.items() if type in types}
        for type in types.difference(patterns):
            patterns[type] = gate.compile(principal, types=(type,)).filter.bindings
            await asyncio.sleep(0)  # a list of them takes a while
        return Note(former.owner, chosen, patterns)

    def _store(self, note: Note, former: Note) -> bool:
        """Have the broker keep what is wanted, and tell whoever polls right now; on a thread."""
        own = {self.name}
        bindings, had = note.bindings | own, former.bindings | own
        if not self._shelf.mailboxes.change(self.name, note.written(), bindings, had):
            return False
        message = Message(b"", self.name, content_type=CHANGED)
        try:
            self._shelf.gate.bus.transport.publish(message, _CONFIRMED)
        except NobodyListens:
            return False
        return True

    async def poll(self, call: Call, deadline: float) -> Lease:
        for lease in call.leases:
            if isinstance(lease, MailboxLease) and lease.poll.name == self.name:
                # In one bulk request: what it brought is not yet with the client.
                return MailboxLease((), lease.more, 0, (), lease.poll)
        self._turn = turn = self._turn + 1
        with self._users.use(self.id):
            if self._poll is not None and not await _ended(self._poll, deadline):
                return _nothing(self._poll)
            poll = MailboxPoll(self._shelf, self, call.principal)
            if turn != self._turn:
                return _nothing(poll)
            lease = await self._take(call, poll, deadline)
        self._users.seen(call.principal, self.id)
        return lease

    async def _take(self, call: Call, poll: MailboxPoll, deadline: float) -> Lease:
        self._poll = poll
        call.watch()
        call.on_gone = poll.interrupt
        if call.is_gone:
            poll.interrupt()
        self._shelf.polls.add(poll)
        try:
            lease = await poll.take(deadline)
        except BaseException:
            poll.end()
            raise
        finally:
            call.on_gone = None
            self._shelf.polls.discard(poll)
        if not lease.events:
            # Whoever polls next, anywhere, is to find everything in its place.
            poll.end()
            await poll.closed
        return lease


def _nothing(poll: MailboxPoll) -> MailboxLease:
    return MailboxLease((), False, 0, (), poll)


async def _ended(poll: MailboxPoll, deadline: float) -> bool:
    """Have a former poll answered, and tell whether it is over in time."""
    poll.interrupt()
    remaining = max(1.0, deadline - asyncio.get_running_loop().time())
    await asyncio.wait({poll.closed}, timeout=remaining)
    return poll.closed.done()


class BrokeredChannels:
    """The channels of the broker, as far as they are used here."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._users = Users(shelf.gate)
        self._channels: WeakValueDictionary[str, _Channel] = WeakValueDictionary()

    async def create(self, principal: Principal) -> str:
        id = new_id()
        self._users.begin(principal, id)
        name, note = _PREFIX + id, Note(principal.client).written()
        options = MailboxOptions(expires=self._shelf.gate.options.xerus.channel_expiry)
        try:
            await self._shelf.change(
                lambda: self._shelf.mailboxes.open(name, note, (name,), options)
            )
        except BaseException:
            self._users.forget(id)
            raise
        return id

    async def find(self, principal: Principal, id: str) -> _Channel:
        del principal
        # Whose it is, and whether there is one, is found out by whatever is done with it.
        channel = self._channels.get(id)
        if channel is None:
            channel = self._channels[id] = _Channel(id, self._shelf, self._users)
        return channel

    async def destroy(self, principal: Principal, id: str) -> bool:
        name = _PREFIX + id
        try:
            self._shelf.owned(principal, await self._shelf.look(name))
        except Fault:
            return False
        self._users.forget(id)
        return await self._shelf.change(lambda: self._shelf.mailboxes.close(name))

    def end(self) -> None:
        """Have all polls answered."""
        for poll in tuple(self._shelf.polls):
            poll.interrupt()
