"""Consumers that share a channel.

RabbitMQ allows about two thousand channels on a connection. What a consumer holds does not go
back when it is cancelled, only when its channel is closed; so it is rejected message by message,
and each returns to its place in the queue.

Source: AMQP 0-9-1, 1.8 (class basic); RabbitMQ, "Consumer Prefetch", "Negative Acknowledgements".
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Collection
from typing import TypeAlias

import amqp

from clacks_events.transport.amqp.notes import Note, events_queue
from clacks_events.transport.base import Delivery, Message, OnDeliveries

__all__ = ["AmqpReading", "Lane", "MailDelivery", "Taking"]

_NUMBERS = itertools.count(1)


class MailDelivery:
    """See Delivery."""

    __slots__ = ("_lane", "_settle", "_tag", "message")

    def __init__(
        self, message: Message, settle: Callable[[Lane, int], None], lane: Lane, tag: int
    ) -> None:
        self.message = message
        self._settle = settle
        self._lane = lane
        self._tag = tag

    def tag_on(self, lane: Lane) -> int | None:
        """Return its tag if it came on this channel."""
        return self._tag if self._lane is lane else None

    def ack(self) -> None:
        self._settle(self._lane, self._tag)

    def reject(self) -> None:
        # Nobody else would fare better with it: as dealt with as it can be.
        self._settle(self._lane, self._tag)


class Taking:
    """Who takes what is in a mailbox, and how."""

    def __init__(
        self, on_deliveries: OnDeliveries, window: int, on_gone: Callable[[], None] | None
    ) -> None:
        self.window = window
        self._on_deliveries = on_deliveries
        self._on_gone = on_gone
        self._is_over = False
        self._handing = threading.RLock()

    def hand_over(self, deliveries: list[MailDelivery]) -> int:
        """Hand on what has arrived; return how much of it."""
        with self._handing:
            # What comes after the end stays unsettled, and goes back.
            if self._is_over:
                return 0
            self._on_deliveries(deliveries)
        return len(deliveries)

    def tell_gone(self) -> None:
        """Say that the mailbox is no more."""
        with self._handing:
            if self._on_gone is not None and not self._is_over:
                self._on_gone()

    def end(self) -> None:
        """Hand on nothing any more."""
        with self._handing:
            self._is_over = True


End: TypeAlias = "Callable[[AmqpReading, Collection[Delivery]], None]"
"""Stops a reading, except for the deliveries that are to be kept."""


class AmqpReading:
    """One consumer of a mailbox; see Reading."""

    def __init__(self, name: str, taking: Taking, end: End) -> None:
        self.name = name
        self.taking = taking
        self.consumer = f"reading-{next(_NUMBERS)}"
        self.lane: Lane | None = None
        self.note = b""
        self.is_gone = False
        self.is_closed = False
        self._end = end
        self._interval = self._touched = 0.0

    def seen(self, note: Note) -> None:
        """Remember what the mailbox is for, and when its note was last used."""
        self.note, self._interval = note.text, note.expires
        self.touch()

    def touch(self) -> None:
        """Remember that the note has just been used."""
        self._touched = time.monotonic()

    def is_due(self, now: float) -> bool:
        """Tell whether the note is to be used again, so that it stays."""
        return now - self._touched >= self._interval

    def close(self, keep: Collection[Delivery] = ()) -> None:
        self.is_closed = True
        self.taking.end()
        self._end(self, keep)


class Lane:
    """A channel, its consumers, and what is unsettled on it."""

    def __init__(self, channel: amqp.Channel) -> None:
        self.channel = channel
        self.readings: set[AmqpReading] = set()
        self.unsettled: dict[int, AmqpReading] = {}  # by delivery tag, which only grow
        self._window = 0

    def add(
        self,
        reading: AmqpReading,
        receive: Callable[[amqp.Message], None],
        on_cancel: Callable[[str], None],
    ) -> None:
        """Begin to consume. A refusal ends all consumers of the channel."""
        window = reading.taking.window
        if window != self._window:
            # In force for those who begin from now on.
            self.channel.basic_qos(0, window, False)
            self._window = window
        self.channel.basic_consume(
            events_queue(reading.name), reading.consumer, callback=receive, on_cancel=on_cancel
        )
        self.readings.add(reading)
        reading.lane = self

    def remove(self, reading: AmqpReading, keep: Collection[int] = ()) -> None:
        """Stop to consume, and put back what is unsettled; the broker has done it then.

        What has a tag to ``keep`` stays here, to be settled.
        """
        self.readings.discard(reading)
        self.channel.basic_cancel(reading.consumer)
        held = [tag for tag in self.held(reading) if tag not in keep]
        for tag in held:
            self.channel.basic_reject(tag, requeue=True)
            del self.unsettled[tag]
        if held:
            # Rejecting has no answer; this has one, and comes after it.
            self.channel.basic_qos(0, self._window, False)

    def held(self, reading: AmqpReading) -> list[int]:
        """Return the tags of what a reading has not settled."""
        return [tag for tag, whose in self.unsettled.items() if whose is reading]

    def acknowledge(self, tags: Collection[int]) -> None:
        """Tell the broker what is dealt with, in few words."""
        oldest = list(itertools.takewhile(tags.__contains__, self.unsettled))
        if oldest:
            self.channel.basic_ack(oldest[-1], multiple=True)
        for tag in sorted(set(tags).difference(oldest)):
            self.channel.basic_ack(tag)
        for tag in tags:
            del self.unsettled[tag]
