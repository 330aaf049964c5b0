"""Calls of a client: those that it makes, and those that it serves."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from json import dumps, loads
from typing import Any
from weakref import WeakValueDictionary

from clacks_events.errors import ClacksError, ConnectionLost, PublishFailed
from clacks_events.transport.base import Message, OnAudience, OnRequest
from clacks_events.transport.zeromq import wire
from clacks_events.transport.zeromq.greeting import fault
from clacks_events.transport.zeromq.link import Frames, Link
from clacks_events.transport.zeromq.wire import pack, unpack

__all__ = ["Caller", "Watch", "Worker"]


@dataclass(frozen=True, slots=True)
class _Call:
    what: Mapping[str, Any]
    record: bytes
    deadline: float
    answer: Future[bytes]


class Caller:
    """Sends calls and hands each answer to the future that waits for it."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._number = 0
        self._pending: dict[bytes, Future[bytes]] = {}
        self._held: list[_Call] = []

    def ask(self) -> Mapping[str, Any]:
        # Made while there was no server: now there is one.
        held, self._held = self._held, []
        for call in held:
            self._send(call)
        return {"verb": "sync"}

    def end(self) -> Mapping[str, Any]:
        return {"verb": "sync"}

    def lost(self) -> None:
        # Whether a call was carried out is unknown: whoever made it has to decide.
        error = ConnectionLost("lost while waiting for an answer", url=self._link.url)
        held, self._held = self._held, []
        for answer in (*self._pending.values(), *(call.answer for call in held)):
            _fail(answer, error)

    def request(
        self, queue: str, message: Message, timeout: float, *, alone: bool
    ) -> Future[bytes]:
        """Send a call; see Transport.request."""
        answer: Future[bytes] = Future()
        record = wire.record(message, self._link.url)
        call = _Call({"queue": queue, "alone": alone}, record, time.monotonic() + timeout, answer)
        self._link.post(partial(self._send, call))
        return answer

    def _send(self, call: _Call) -> None:
        left = call.deadline - time.monotonic()
        if call.answer.done() or left <= 0:
            return
        if self._link.is_away:
            self._held.append(call)
            return
        self._number += 1
        number = pack(self._number)
        self._pending[number] = call.answer
        call.answer.add_done_callback(lambda _: self._pending.pop(number, None))
        what = {**call.what, "milliseconds": int(left * 1000)}
        self._link.send(wire.CALL, number, dumps(what).encode(), call.record)

    def take(self, frames: Frames) -> None:
        """Hand on an answer. On the thread of the link."""
        number, told, body = frames
        error = fault(told, self._link.url)
        answer = self._pending.get(number)
        if answer is None:
            # The caller has given up.
            return
        if error is not None:
            _fail(answer, error)
        elif answer.set_running_or_notify_cancel():
            answer.set_result(body)


def _fail(answer: Future[bytes], error: ClacksError) -> None:
    if answer.set_running_or_notify_cancel():
        answer.set_exception(error)


class _Request:
    def __init__(self, message: Message, tag: bytes, said: Mapping[str, Any], link: Link) -> None:
        self.message = message
        self.is_redelivered = bool(said["redelivered"])
        self.deadline = time.monotonic() + said["milliseconds"] / 1000
        self.is_abandoned = False
        self._tag = tag
        self._link = link
        self._life = link.life

    def accept(self) -> bool:
        self._link.post(partial(self._send, wire.ACCEPT, self._tag))
        return self._life == self._link.life

    def reply(self, body: bytes) -> bool:
        if len(body) > wire.LARGEST:
            raise PublishFailed(
                f"an answer of {len(body)} bytes; the server takes {wire.LARGEST}",
                url=self._link.url,
            )
        if self.is_abandoned or self._life != self._link.life:
            return False
        self._link.post(partial(self._send, wire.REPLY, self._tag, body))
        return True

    def _send(self, *frames: bytes) -> None:
        # Another server has other calls under the same tags.
        if self._life == self._link.life:
            self._link.send(*frames)


class Worker:
    """Takes calls from a work queue that it may share with other processes."""

    def __init__(
        self, link: Link, number: int, question: Mapping[str, Any], on_request: OnRequest
    ) -> None:
        self.name = pack(number)
        self._link = link
        self._question = {"verb": "serve", "served": number, **question}
        self._on_request = on_request
        self._given: WeakValueDictionary[bytes, _Request] = WeakValueDictionary()
        self._is_closed = False

    def ask(self) -> Mapping[str, Any]:
        return self._question

    def end(self) -> Mapping[str, Any]:
        return {"verb": "unserve", "served": unpack(self.name)}

    def lost(self) -> None:
        """Nothing to do: the next server is asked for the same."""

    def take(self, frames: Frames) -> None:
        """Hand on a call, or learn that nobody waits for it. On the thread of the link."""
        _, tag, *call = frames
        if not call:
            if (abandoned := self._given.get(tag)) is not None:
                abandoned.is_abandoned = True
            return
        said, record = call
        (message,) = wire.messages(record)
        request = self._given[tag] = _Request(message, tag, loads(said), self._link)
        self._on_request(request)

    def close(self, timeout: float) -> None:
        """Take no more calls; those not begun go to others."""
        if self._is_closed:
            return
        self._is_closed = True
        self._link.end(self, timeout)


class Watch:
    """How many inboxes a routing key reaches, as the server tells."""

    def __init__(self, link: Link, number: int, key: str, on_audience: OnAudience) -> None:
        self.name = pack(number)
        self._link = link
        self._question = {"verb": "watch", "watch": number, "key": key}
        self._on_audience = on_audience
        self._count = -1
        self._is_closed = False

    def ask(self) -> Mapping[str, Any]:
        return self._question

    def end(self) -> Mapping[str, Any]:
        return {"verb": "unwatch", "watch": unpack(self.name)}

    def lost(self) -> None:
        """Nothing is said while the server is away."""

    def take(self, frames: Frames) -> None:
        """Hand on a number that is news. On the thread of the link."""
        count = unpack(frames[1])
        if count != self._count and not self._is_closed:
            self._count = count
            self._on_audience(count)

    def close(self, timeout: float) -> None:
        """Watch no more."""
        if self._is_closed:
            return
        self._is_closed = True
        self._link.end(self, timeout)
