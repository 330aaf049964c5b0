"""Read many mailboxes over one connection."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Collection
from functools import partial

import amqp
from amqp.exceptions import NotFound

from clacks_events.errors import ClacksError
from clacks_events.transport.amqp.codec import decode
from clacks_events.transport.amqp.desk import Desk
from clacks_events.transport.amqp.lane import AmqpReading, Lane, MailDelivery, Taking
from clacks_events.transport.amqp.link import Connect
from clacks_events.transport.amqp.notes import look, touch
from clacks_events.transport.base import PROBE, Delivery, TransportCounters

__all__ = ["Readings"]

log = logging.getLogger(__name__)

_MOST_ON_LANE = 100  # the broker seeks what is acknowledged among all that a channel holds
_MOST_TOUCHED = 256  # notes in one go, once per second
_MOST_RESUMED = 50  # readings in one go; what has arrived and what was asked for come in between


class Readings(Desk):
    """All readings of a transport, brought back after the connection was lost."""

    def __init__(
        self, connect: Connect, url: str, counters: TransportCounters, timeout: float
    ) -> None:
        super().__init__(connect, url, counters, timeout)
        self._readings: dict[str, AmqpReading] = {}
        self._lanes: list[Lane] = []
        self._arrived: dict[AmqpReading, list[MailDelivery]] = {}
        self._interrupted: deque[AmqpReading] = deque()
        self._vanished: list[AmqpReading] = []
        self._settled: deque[tuple[Lane, int]] = deque()

    def read(self, name: str, taking: Taking) -> AmqpReading | None:
        """Begin to read; see Mailboxes.read."""
        reading = AmqpReading(name, taking, self._end)
        try:
            is_begun = self.do(partial(self._begin, reading))
        except ClacksError:
            # It may be under way nevertheless.
            reading.close()
            raise
        return reading if is_begun else None

    def _begin(self, reading: AmqpReading, channel: amqp.Channel) -> bool:
        if reading.is_closed:
            return False
        try:
            reading.seen(look(channel, reading.name))
            self._consume(reading)
        except NotFound:
            return False
        self._readings[reading.consumer] = reading
        return True

    def _consume(self, reading: AmqpReading) -> None:
        lane = self._lane_with_room()
        receive = partial(self._receive, lane, reading)
        try:
            lane.add(reading, receive, partial(self._on_cancel, reading))
        except amqp.ChannelError:
            # Deleted since it was looked at, for instance. The others on the channel had to go,
            # and begin anew.
            self._replace(lane)
            raise

    def _lane_with_room(self) -> Lane:
        for lane in self._lanes:
            if len(lane.readings) < _MOST_ON_LANE:
                return lane
        assert self._connection is not None
        lane = Lane(self._connection.channel())
        self._lanes.append(lane)
        return lane

    def _replace(self, lane: Lane) -> None:
        # py-amqp has opened the channel again; what was delivered before means nothing on it.
        self._lanes[self._lanes.index(lane)] = Lane(lane.channel)
        lane.unsettled.clear()
        for reading in lane.readings:
            reading.lane = None
            self._arrived.pop(reading, None)
            self._interrupted.append(reading)

    def _resume_some(self, channel: amqp.Channel) -> None:
        for _ in range(min(_MOST_RESUMED, len(self._interrupted))):
            reading = self._interrupted.popleft()
            if reading.consumer in self._readings and reading.lane is None:
                self._resume(reading, channel)
        if self._interrupted and self._receiver is not None:
            self._receiver.wake()

    def _resume(self, reading: AmqpReading, channel: amqp.Channel) -> None:
        try:
            reading.seen(look(channel, reading.name))
        except ClacksError as error:
            # Somebody else looks at it, most likely. It is there.
            log.debug("the note of mailbox %s is not to be seen: %s", reading.name, error)
            reading.touch()
        except NotFound:
            self._lose_sight(reading)
            return
        try:
            self._consume(reading)
        except amqp.ChannelError as error:
            log.debug("mailbox %s is read no more: %s", reading.name, error)
            self._lose_sight(reading)

    def _receive(self, lane: Lane, reading: AmqpReading, raw: amqp.Message) -> None:
        tag: int = raw.delivery_info["delivery_tag"]
        lane.unsettled[tag] = reading
        message = decode(raw)
        if message.content_type == PROBE:
            self.settle(lane, tag)
        else:
            delivery = MailDelivery(message, self.settle, lane, tag)
            self._arrived.setdefault(reading, []).append(delivery)

    def _on_cancel(self, reading: AmqpReading, _consumer: str) -> None:
        lane, reading.lane = reading.lane, None
        if lane is not None:
            lane.readings.discard(reading)
            # The channel still owes the broker an answer for these.
            self._settled.extend((lane, tag) for tag in lane.held(reading))
        self._lose_sight(reading)

    def _lose_sight(self, reading: AmqpReading) -> None:
        self._readings.pop(reading.consumer, None)
        self._vanished.append(reading)

    def settle(self, lane: Lane, tag: int) -> None:
        """Note from any thread that a delivery is dealt with."""
        self._settled.append((lane, tag))
        if self._receiver is not None:
            self._receiver.wake()

    def start(self, connection: amqp.Connection) -> None:
        super().start(connection)
        self._interrupted = deque(self._readings.values())
        if self._receiver is not None:
            self._receiver.wake()

    def deliver(self) -> None:
        """Hand on what has arrived; see Consumer."""
        arrived, self._arrived = self._arrived, {}
        for reading, deliveries in arrived.items():
            self._counters.received += reading.taking.hand_over(deliveries)
        vanished, self._vanished = self._vanished, []
        for reading in vanished:
            reading.is_gone = True
            reading.taking.tell_gone()

    def flush(self, *, is_due: bool) -> None:
        """Acknowledge what is settled, go on with what was interrupted; keep the notes alive."""
        if self._settled:
            self._acknowledge()
        if self._channel is None:
            return
        if self._interrupted:
            self._resume_some(self._channel)
        if is_due:
            self._touch(self._channel)

    def _acknowledge(self) -> None:
        settled: dict[Lane, set[int]] = {}
        while self._settled:
            lane, tag = self._settled.popleft()
            # Not so on a channel that was lost, or of what has been put back.
            if tag in lane.unsettled:
                settled.setdefault(lane, set()).add(tag)
        for lane, tags in settled.items():
            lane.acknowledge(tags)

    def _touch(self, channel: amqp.Channel) -> None:
        now = time.monotonic()
        due = [reading for reading in self._readings.values() if reading.is_due(now)]
        due = due[:_MOST_TOUCHED]
        if due:
            found = touch(channel, [reading.name for reading in due])
            # One without a note has its turn, too; those after it come next.
            for reading in due[: found + 1]:
                reading.touch()

    def lost(self) -> None:
        """Forget what came over the connection: all that is unsettled comes again."""
        super().lost()
        for lane in self._lanes:
            lane.unsettled.clear()
        self._lanes.clear()
        self._arrived.clear()
        self._interrupted.clear()
        for reading in self._readings.values():
            reading.lane = None

    def _end(self, reading: AmqpReading, keep: Collection[Delivery]) -> None:
        if self._receiver is not None:
            self._receiver.finish(partial(self._stop, reading, keep), self._timeout)

    def _stop(self, reading: AmqpReading, keep: Collection[Delivery]) -> None:
        self._readings.pop(reading.consumer, None)
        self._arrived.pop(reading, None)
        lane, reading.lane = reading.lane, None
        if lane is not None:
            # What was settled before is not put back.
            self._acknowledge()
            own = (each for each in keep if isinstance(each, MailDelivery))
            lane.remove(reading, {tag for each in own if (tag := each.tag_on(lane)) is not None})
