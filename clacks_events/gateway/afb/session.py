"""One connection: calls in, replies and events out."""

from __future__ import annotations

import asyncio
import logging

from clacks_events.errors import ClacksError, LimitReached
from clacks_events.event import Event
from clacks_events.gateway.afb.frames import (
    FAULTS,
    GOING_AWAY,
    TRY_LATER,
    VIOLATION,
    Call,
    Hangup,
    event_frame,
    read_frame,
)
from clacks_events.gateway.afb.line import Line
from clacks_events.gateway.afb.verbs import Verbs
from clacks_events.gateway.copy import Copy
from clacks_events.gateway.gate import Gate
from clacks_events.gateway.stream import Batch, Stream

__all__ = ["LOST", "MOST_CALLS", "Session"]

log = logging.getLogger(__name__)

LOST = "event/lost"
"""The name of the event that tells how many the client did not take in time."""
GAP = "event/gap"
"""The name of the event that tells that others may be missing."""
MOST_CALLS = 16
"""How many calls of a connection are carried out at a time."""
_SHORT = 32_768  # characters of a frame that is read on the loop
_BATCH = 10  # events that are taken out of the queue at once


class Session:
    """Serves a connection until it ends; its stream is the caller's to close.

    Calls are carried out side by side and answered as they are done. While as many as may be are
    running nothing more is read, but for one message, which may say that the client is gone.
    """

    def __init__(self, gate: Gate, verbs: Verbs, line: Line, stream: Stream) -> None:
        self._gate = gate
        self._verbs = verbs
        self._line = line
        self._stream = stream
        self._room = asyncio.Semaphore(MOST_CALLS)
        self._calls: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve, and close the connection in the end."""
        ending = Hangup()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read(group))
                group.create_task(self._pump())
        except* Hangup as found:
            ending = _first(found)
        self._stream.close()
        log.debug("connection ends: %s %s", ending.code, ending.reason)
        await self._line.close(ending)

    async def _read(self, group: asyncio.TaskGroup) -> None:
        ahead = group.create_task(self._line.receive())
        while True:
            text = await ahead
            # A task of the group: when the client goes, all ends, also while this one waits.
            ahead = group.create_task(self._line.receive())
            call = await self._call(text)
            if call is not None:
                await self._room.acquire()
                task = group.create_task(self._answer(call))
                self._calls.add(task)
                task.add_done_callback(self._done)

    async def _call(self, text: str) -> Call | None:
        if len(text) <= _SHORT:
            return read_frame(text)
        try:
            return await self._gate.bridge.run(read_frame, text)
        except LimitReached as error:
            raise Hangup(TRY_LATER, error.reason) from error

    def _done(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        self._room.release()

    async def _answer(self, call: Call) -> None:
        await self._line.send(await self._verbs.reply(call))

    async def _pump(self) -> None:
        while True:
            batch = await self._stream.next(most=_BATCH)
            await self._send(batch)
            if batch.is_closing and not batch.more:
                raise await self._end()

    async def _send(self, batch: Batch) -> None:
        if batch.lost:
            await self._line.send(event_frame(LOST, {"lost": batch.lost}))
        if batch.has_gap:
            await self._line.send(event_frame(GAP, {"reason": "the broker was away"}))
        for copy in batch.copies:
            frame = _frame(copy)
            if frame is not None:
                await self._line.send(frame)

    async def _end(self) -> Hangup:
        if not self._gate.closing.is_set():
            return Hangup(VIOLATION, "the policy has changed")
        if self._calls:
            await asyncio.wait(self._calls, timeout=self._gate.options.stop_timeout)
        return Hangup(GOING_AWAY, "the gateway ends")


def _first(found: BaseExceptionGroup[Hangup]) -> Hangup:
    """Return the hang-up among several that tells most."""
    hangups = [each if isinstance(each, Hangup) else _first(each) for each in found.exceptions]
    return next((each for each in hangups if each.code is not None), hangups[0])


def _frame(copy: Copy) -> str | None:
    def render(event: Event) -> str | None:
        try:
            payload = copy.json["payload"]
            return event_frame(copy.name, None if payload in ("", {}) else payload)
        except (ClacksError, *FAULTS) as error:
            # Its schema went away after it had come in, for instance.
            log.warning("no JSON of %s %s: %s", event.type, event.id, error)
            return None

    return copy.rendered("afb", render)
