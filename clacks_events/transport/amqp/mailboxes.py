"""Mailboxes in RabbitMQ: queues that outlive whoever made them, for whoever knows the name.

Two connections, opened with the first use: on one mailboxes are made, changed and deleted, which
takes the broker some 20 ms each; on the other they are read, which must not wait for that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import partial

import amqp
from amqp.exceptions import NotFound

from clacks_events.errors import ConfigError
from clacks_events.transport.amqp import notes
from clacks_events.transport.amqp.desk import Desk
from clacks_events.transport.amqp.lane import AmqpReading, Taking
from clacks_events.transport.amqp.link import Connect
from clacks_events.transport.amqp.readings import Readings
from clacks_events.transport.base import MailboxOptions, OnDeliveries, TransportCounters

__all__ = ["AmqpMailboxes"]

_NAME = re.compile(r"[A-Za-z0-9._:~-]{1,200}")
_LONGEST_PATTERN = 255  # bytes of an AMQP short string
_LARGEST_WINDOW = 65535  # AMQP 0-9-1 counts in 16 bits what is not acknowledged
_LONGEST_EXPIRY = 1_000_000.0  # seconds; RabbitMQ counts milliseconds in 32 bits
_USUAL = MailboxOptions()


class AmqpMailboxes:
    """All mailboxes of a virtual host; see Mailboxes."""

    def __init__(
        self, connect: Connect, url: str, counters: TransportCounters, timeout: float
    ) -> None:
        self._desk = Desk(partial(_named, connect, "mailboxes"), url, counters, timeout)
        self._readings = Readings(partial(_named, connect, "readings"), url, counters, timeout)

    def open(
        self,
        name: str,
        note: bytes,
        patterns: Collection[str],
        options: MailboxOptions = _USUAL,
    ) -> None:
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"a mailbox has a name of 1 to 200 characters A-Z a-z 0-9 . _ : ~ -: {name[:80]!r}"
            )
        _check_options(options)
        content = notes.Note(note, _checked(patterns), options.expires)
        plan = notes.Plan(name, content, options)
        self._desk.do(lambda channel: notes.make(channel, plan))

    def note(self, name: str) -> bytes | None:
        if not _NAME.fullmatch(name):
            return None
        return self._desk.do(lambda channel: _text(channel, name))

    def change(
        self, name: str, note: bytes, patterns: Collection[str], former: Collection[str]
    ) -> bool:
        wanted, had = _checked(patterns), _checked(former)
        if not _NAME.fullmatch(name):
            return False
        content = notes.Note(note, wanted, 0.0)
        return self._desk.do(lambda channel: notes.turn(channel, name, content, had))

    def read(
        self,
        name: str,
        on_deliveries: OnDeliveries,
        window: int,
        on_gone: Callable[[], None] | None = None,
    ) -> AmqpReading | None:
        if not 0 < window <= _LARGEST_WINDOW:
            raise ConfigError(f"a window has 1 to {_LARGEST_WINDOW} deliveries, not {window}")
        if not _NAME.fullmatch(name):
            return None
        return self._readings.read(name, Taking(on_deliveries, window, on_gone))

    def close(self, name: str) -> bool:
        if not _NAME.fullmatch(name):
            return False
        return self._desk.do(lambda channel: notes.destroy(channel, name))

    def close_all(self) -> None:
        """Leave the broker; the mailboxes stay until they expire."""
        self._readings.close()
        self._desk.close()


def _named(connect: Connect, purpose: str, _purpose: str) -> amqp.Connection:
    return connect(purpose)


def _text(channel: amqp.Channel, name: str) -> bytes | None:
    try:
        return notes.look(channel, name).text
    except NotFound:
        return None


def _check_options(options: MailboxOptions) -> None:
    if not 0.001 <= options.expires <= _LONGEST_EXPIRY:
        raise ConfigError(f"a mailbox expires after 0.001 to 1000000 s, not {options.expires:g}")
    if min(options.most_events, options.most_bytes) < 1:
        raise ConfigError("a mailbox has room for at least one event and one byte")


def _checked(patterns: Collection[str]) -> frozenset[str]:
    for pattern in patterns:
        try:
            length = len(pattern.encode())
        except UnicodeEncodeError as error:
            raise ConfigError(f"a pattern that is no text: {pattern[:80]!r}") from error
        if length > _LONGEST_PATTERN:
            raise ConfigError(f"a pattern has at most {_LONGEST_PATTERN} bytes: {pattern[:80]!r}")
    return frozenset(patterns)
