"""The two queues of a mailbox: one for its events, one for its note.

The queue of notes holds one message, the last note. It is read by taking it and putting it back in
the same breath: both are sent before the answer is there, so that a reader who dies has put it
back, too. A note that is stored while another is taken drops that one when it returns, since the
queue has room for one only and drops from its head.

RabbitMQ deletes a queue ``x-expires`` milliseconds after its last use, which is a consumer, a
declaration, passive ones too, or ``basic.get``. The queue of notes has no consumer: it stays
longer, and whoever reads the mailbox touches it. A note that is left over harms nobody: a mailbox
is there as long as its queue of events is.

Each function here uses the channel that it is given; py-amqp opens it again when it is refused.

Source: RabbitMQ, "Time-To-Live and Expiration", "Queue Length Limit", "Negative Acknowledgements".
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import amqp
from amqp import spec
from amqp.exceptions import NotFound, PreconditionFailed

from clacks_events.errors import ClacksError, NameTaken, TransportError
from clacks_events.transport.amqp.publisher import EXCHANGE
from clacks_events.transport.base import MailboxOptions

__all__ = ["Busy", "Note", "Plan", "destroy", "events_queue", "look", "make", "touch", "turn"]

_EVENTS = "clacks.events.mailbox."
_NOTES = "clacks.events.note."
_CONFIRM_TIMEOUT = 10.0  # seconds
_MARKS = 2**20
_SPARE = 5.0  # seconds that a note stays longer, for whoever is late to touch it


class Busy(ClacksError):
    """Somebody else has the note in his hands for a moment."""


@dataclass(frozen=True, slots=True)
class Note:
    """What is stored about a mailbox."""

    text: bytes
    patterns: frozenset[str]
    expires: float
    """Seconds, of the mailbox."""

    def encoded(self) -> amqp.Message:
        """Return its AMQP form: a line of JSON, then the text."""
        head = json.dumps({"expires": self.expires, "patterns": sorted(self.patterns)})
        return amqp.Message(head.encode() + b"\n" + self.text, delivery_mode=2)

    @classmethod
    def of(cls, name: str, body: bytes) -> Note:
        """Undo ``encoded``. Raises TransportError for what is none of ours."""
        head, _, text = body.partition(b"\n")
        try:
            said = json.loads(head)
            return cls(text, frozenset(map(str, said["patterns"])), float(said["expires"]))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise TransportError(f"the note of mailbox {name} cannot be read: {error}") from error


class Plan:
    """A mailbox to be made."""

    def __init__(self, name: str, note: Note, options: MailboxOptions) -> None:
        self.name = name
        self.note = note
        milliseconds = int(options.expires * 1000)
        self.events = {
            "x-expires": milliseconds,
            "x-max-length": options.most_events,
            # RabbitMQ refuses to declare a queue again with another number: of two who open one
            # name at the same time one is told. The same plan may be tried again.
            "x-max-length-bytes": options.most_bytes + secrets.randbelow(_MARKS),
        }
        # Touched once per ``expires``; then there is as much again until the mailbox goes.
        self.notes = {"x-expires": 3 * milliseconds + int(_SPARE * 1000), "x-max-length": 1}


def events_queue(name: str) -> str:
    """Return the queue that holds the events of a mailbox."""
    return _EVENTS + name


def _notes_queue(name: str) -> str:
    return _NOTES + name


def make(channel: amqp.Channel, plan: Plan) -> None:
    """Make a mailbox. Raises NameTaken, amqp.ChannelError for any other refusal."""
    try:
        _declare(channel, events_queue(plan.name), plan.events)
    except PreconditionFailed as error:
        raise NameTaken(f"there is a mailbox {plan.name} already") from error
    try:
        _declare_notes(channel, plan)
        _store(channel, plan.name, plan.note)
        _bind(channel, plan.name, plan.note.patterns)
        _exists(channel, plan.name)
    except amqp.ChannelError:
        destroy(channel, plan.name)
        raise


def _declare(channel: amqp.Channel, queue: str, arguments: dict[str, int]) -> None:
    channel.queue_declare(queue, durable=True, auto_delete=False, arguments=arguments)


def _declare_notes(channel: amqp.Channel, plan: Plan) -> None:
    queue = _notes_queue(plan.name)
    try:
        _declare(channel, queue, plan.notes)
    except PreconditionFailed:
        # Left over from a mailbox that had another expiry.
        channel.queue_delete(queue)
        _declare(channel, queue, plan.notes)


def _store(channel: amqp.Channel, name: str, note: Note) -> None:
    channel.basic_publish_confirm(
        note.encoded(), "", _notes_queue(name), confirm_timeout=_CONFIRM_TIMEOUT
    )


def _bind(channel: amqp.Channel, name: str, patterns: Collection[str]) -> None:
    # Not waited for: a refusal closes the channel, and is raised by whatever waits next.
    for pattern in sorted(patterns):
        channel.queue_bind(events_queue(name), EXCHANGE, pattern, nowait=True)


def _unbind(channel: amqp.Channel, name: str, patterns: Collection[str]) -> None:
    for pattern in sorted(patterns):
        channel.queue_unbind(events_queue(name), EXCHANGE, pattern)


def _exists(channel: amqp.Channel, name: str) -> bool:
    try:
        channel.queue_declare(events_queue(name), passive=True)
    except NotFound:
        return False
    return True


def look(channel: amqp.Channel, name: str) -> Note:
    """Return the note of a mailbox, in one round trip, which counts as use of both queues.

    Raises amqp.exceptions.NotFound if there is no such mailbox, Busy if somebody else looks.
    """
    _send_passive(channel, events_queue(name))
    channel.send_method(spec.Basic.Get, "Bsb", (0, _notes_queue(name), False))
    # All that this channel holds: nothing, if there was no note.
    channel.send_method(spec.Basic.Nack, "Lbb", (0, True, True))
    channel.wait(spec.Queue.DeclareOk)
    answer = channel.wait([spec.Basic.GetOk, spec.Basic.GetEmpty], returns_tuple=True)
    if len(answer) < 2:
        raise Busy(f"the note of mailbox {name} is not there")
    return Note.of(name, _body(answer[-1]))


def _send_passive(channel: amqp.Channel, queue: str) -> None:
    arguments: tuple[Any, ...] = (0, queue, True, False, False, False, False, {})
    channel.send_method(spec.Queue.Declare, "BsbbbbbF", arguments)


def _body(raw: amqp.Message) -> bytes:
    return raw.body.encode() if isinstance(raw.body, str) else bytes(raw.body)


def turn(channel: amqp.Channel, name: str, wanted: Note, former: Collection[str]) -> bool:
    """Replace note and patterns; return False if there is no such mailbox.

    Of two at the same time each binds before and after it stores its note, and whoever finds
    afterwards that the other was last binds for that one: the last note never lacks a pattern.
    """
    try:
        seen = look(channel, name)
        new = wanted.patterns - (seen.patterns & frozenset(former))
        wanted = Note(wanted.text, wanted.patterns, seen.expires)
        _bind_or_undo(channel, name, new, seen)
        _store(channel, name, wanted)
        _bind(channel, name, wanted.patterns)
        _unbind(channel, name, seen.patterns.union(former) - wanted.patterns)
        last = look(channel, name)
        if last != wanted:
            _bind(channel, name, last.patterns)
            return _exists(channel, name)
    except NotFound:
        return False
    return True


def _bind_or_undo(channel: amqp.Channel, name: str, new: Collection[str], seen: Note) -> None:
    try:
        _bind(channel, name, new)
        channel.queue_declare(events_queue(name), passive=True)
    except amqp.ChannelError as error:
        if not isinstance(error, NotFound):
            _unbind(channel, name, frozenset(new) - seen.patterns)
        raise


def destroy(channel: amqp.Channel, name: str) -> bool:
    """Delete a mailbox; return False if there was none."""
    found = _exists(channel, name)
    channel.queue_delete(events_queue(name))
    channel.queue_delete(_notes_queue(name))
    return found


def touch(channel: amqp.Channel, names: Sequence[str]) -> int:
    """Count as use of the notes of mailboxes; return how many come before one that has none."""
    for name in names:
        _send_passive(channel, _notes_queue(name))
    for number in range(len(names)):
        try:
            channel.wait(spec.Queue.DeclareOk)
        except NotFound:
            return number
    return len(names)
