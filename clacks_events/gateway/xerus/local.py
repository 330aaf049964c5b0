"""Channels that live in this process, for brokers that keep no mailboxes."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from heapq import merge
from typing import Final, TypeAlias

from clacks_events.errors import LimitReached
from clacks_events.event import JsonValue
from clacks_events.gateway.access import Principal
from clacks_events.gateway.gate import Gate
from clacks_events.gateway.stream import Stream
from clacks_events.gateway.wanted import Question, Wanted
from clacks_events.gateway.xerus.call import Call, Lease
from clacks_events.gateway.xerus.channel import MOST_EVENTS, new_id, no_channel
from clacks_events.gateway.xerus.expiry import Expiry
from clacks_events.gateway.xerus.rendering import Render
from clacks_events.gateway.xerus.selection import EventSelect, literal

__all__ = ["LocalChannels"]

NAMESPACE: Final = "urn:clacks-events:xerus"
_ROOT: Final = f"{{{NAMESPACE}}}IdlEvent"

_Numbered: TypeAlias = tuple[int, JsonValue]


@dataclass(frozen=True, slots=True)
class _Lease:
    taken: Sequence[_Numbered] = ()
    more: bool = False
    size: int = 0
    return_: Callable[[Sequence[_Numbered]], None] = field(default=lambda _: None)

    @property
    def events(self) -> Sequence[JsonValue]:
        return [value for _, value in self.taken]

    async def settle(self) -> None:
        pass

    def confirm(self) -> None:
        pass

    def give_back(self) -> None:
        self.return_(self.taken)


_NOTHING = _Lease()


class _Channel:
    """A stream, and the events that came back from clients that went."""

    __slots__ = (
        "_changes", "_gate", "_next", "_render", "_returned", "_turn", "_waiting",
        "expiry", "id", "principal", "stream",
    )  # fmt: skip

    def __init__(self, id: str, principal: Principal, stream: Stream, store: LocalChannels) -> None:
        self.id = id
        self.principal = principal
        self.stream = stream
        self.expiry = store.expiry
        self._gate = store.gate
        self._render = store.render
        self._changes = asyncio.Lock()
        self._returned: deque[_Numbered] = deque()
        self._next = 0
        self._turn = 0
        self._waiting: int | None = None

    async def select(
        self, principal: Principal, more: Collection[EventSelect], less: Collection[EventSelect]
    ) -> None:
        async with self._changes:
            wanted: dict[EventSelect, Wanted] = {}
            for each in more:
                if each not in self.stream and each not in wanted:
                    asked = question(each)
                    wanted[each] = self._gate.compile(
                        principal,
                        query=asked.query,
                        types=asked.types,
                        namespaces=asked.namespaces,
                    )
                    await asyncio.sleep(0)  # a list of them takes a while
            await self._add(wanted)
            for each in less:
                await self.stream.remove(each)

    async def _add(self, wanted: dict[EventSelect, Wanted]) -> None:
        room = self.stream.bounds.filters - len(self.stream)
        if len(wanted) > room:
            most = self.stream.bounds.filters
            raise LimitReached(f"a channel may have {most} demands at a time")
        added: list[EventSelect] = []
        try:
            for each, filter in wanted.items():
                await self.stream.add(each, filter)
                added.append(each)
        except BaseException:
            for each in added:
                await self.stream.remove(each)
            raise

    async def poll(self, call: Call, deadline: float) -> Lease:
        loop = asyncio.get_running_loop()
        self._turn = turn = self._turn + 1
        self._poke()
        self.expiry.hold(self.id)
        try:
            while turn == self._turn:
                lease = self._take()
                remaining = deadline - loop.time()
                if lease.taken or remaining <= 0 or call.is_gone or self.stream.is_closed:
                    return self._open(lease)
                await self._wait(call, turn, remaining)
            return _NOTHING
        finally:
            self.expiry.release(self.id)

    def _open(self, lease: _Lease) -> _Lease:
        # The policy may have changed, and then the stream is closed.
        if not lease.taken and self.stream.is_closed and not self._gate.closing.is_set():
            raise no_channel()
        return lease

    async def _wait(self, call: Call, turn: int, seconds: float) -> None:
        call.watch()
        call.on_gone = self._poke
        self._waiting = turn
        try:
            # It takes nothing, so that nothing is lost when it is given up.
            await self.stream.next(seconds, most=0)
        finally:
            call.on_gone = None
            if self._waiting == turn:
                self._waiting = None

    def _poke(self) -> None:
        """Let the poll that waits look again."""
        if self._waiting is not None:
            self.stream.nudge()

    def _take(self) -> _Lease:
        taken: list[_Numbered] = []
        while self._returned and len(taken) < MOST_EVENTS:
            taken.append(self._returned.popleft())
        batch = self.stream.take(MOST_EVENTS - len(taken))
        size = sum(copy.size for copy in batch.copies)
        for copy in batch.copies:
            value = copy.rendered("xerus", self._render)
            if value is not None:
                taken.append((self._next, value))
                self._next += 1
        if not taken:
            return _NOTHING
        return _Lease(taken, bool(self._returned) or batch.more, size, self._return)

    def _return(self, taken: Sequence[_Numbered]) -> None:
        self._returned = deque(merge(self._returned, taken, key=lambda each: each[0]))
        self._poke()


def question(chosen: EventSelect) -> Question:
    """Return what a demand asks of the bus."""
    if chosen.rid is None:
        return Question(types=(chosen.type,))
    # The index of all filters decides it: an event costs the same however many objects are named.
    query = f"/e:Event/*/x:source/x:rid = {literal(chosen.rid)}"
    return Question(query, (chosen.type,), namespaces={"x": NAMESPACE})


class LocalChannels:
    """The channels of this process."""

    def __init__(self, gate: Gate, render: Render) -> None:
        self.gate = gate
        self.render = render
        self._options = gate.options.xerus
        self.expiry = Expiry(self._options.channel_expiry, self._drop)
        self._channels: dict[str, _Channel] = {}
        self._owned: Counter[str] = Counter()
        # The first query loads what compiles them, which holds up the loop: now it is idle.
        Wanted(question(EventSelect(_ROOT, "/")), gate.catalog)

    async def create(self, principal: Principal) -> str:
        most = self._options.channels_per_client
        if self._owned[principal.client] >= most:
            raise LimitReached(f"a client may have {most} channels at a time")
        self._owned[principal.client] += 1
        try:
            stream = await self.gate.open_stream(principal, "xerus")
        except BaseException:
            self._disown(principal)
            raise
        channel = _Channel(new_id(), principal, stream, self)
        self._channels[channel.id] = channel
        self.expiry.touch(channel.id)
        self.gate.metrics.channel_opened()
        return channel.id

    def close(self) -> None:
        """Let polls that wait be answered, and go."""
        for id in tuple(self._channels):
            self._channels[id].stream.close()

    async def find(self, principal: Principal, id: str) -> _Channel:
        channel = self._channels.get(id)
        if channel is None or channel.principal.client != principal.client:
            raise no_channel()
        if channel.stream.is_closed and not self.gate.closing.is_set():
            self._drop(id)
            raise no_channel()
        self.expiry.touch(id)
        return channel

    async def destroy(self, principal: Principal, id: str) -> bool:
        channel = self._channels.get(id)
        if channel is None or channel.principal.client != principal.client:
            return False
        self._drop(id)
        return True

    def _drop(self, id: str) -> None:
        channel = self._channels.pop(id)
        channel.stream.close()
        self.expiry.forget(id)
        self._disown(channel.principal)
        self.gate.metrics.channel_closed()

    def _disown(self, principal: Principal) -> None:
        self._owned[principal.client] -= 1
        if self._owned[principal.client] <= 0:
            del self._owned[principal.client]
