"""What every transport does: the contracts between a bus and a broker.

Rule: a transport moves bytes under routing keys. It knows nothing of XML, schemas and filters.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias

from clacks_events.event import HeaderValue

__all__ = [
    "Delivery",
    "Inbox",
    "InboxOptions",
    "Message",
    "OnDeliveries",
    "OnRequest",
    "PublishOptions",
    "Request",
    "Served",
    "Transport",
    "TransportCounters",
]


@dataclass(slots=True)
class Message:
    """What travels: a body and what is said about it."""

    body: bytes
    key: str = ""
    headers: Mapping[str, HeaderValue] = field(default_factory=dict)
    content_type: str = "application/xml"
    id: str | None = None
    type: str | None = None
    time: datetime | None = None
    user: str | None = None
    """Who sent it, as far as the broker vouches for that."""


@dataclass(frozen=True, slots=True)
class PublishOptions:
    """How much is done for one message."""

    confirm: bool = False
    """Wait until the broker has it and at least one queue takes it; else PublishFailed."""
    persistent: bool = False
    """Let it survive a restart of the broker, in durable queues."""


@dataclass(frozen=True, slots=True)
class InboxOptions:
    """How an inbox lives."""

    window: int = 1000
    """How many deliveries may be unsettled at a time."""
    durable: str | None = None
    """A name under which the inbox outlives its reader and keeps what arrives meanwhile."""


class Delivery(Protocol):
    """One message handed over once."""

    @property
    def message(self) -> Message:
        """What arrived."""

    def ack(self) -> None:
        """Say that it is dealt with. From any thread, once."""

    def reject(self) -> None:
        """Say that it could not be dealt with; a durable inbox drops it, too."""


class Request(Protocol):
    """One call that arrived."""

    @property
    def message(self) -> Message:
        """What arrived."""

    def accept(self) -> None:
        """Say that work on it begins: nobody else will get it."""

    def reply(self, body: bytes) -> None:
        """Answer it. From any thread, once."""


OnDeliveries: TypeAlias = Callable[[Sequence[Delivery]], None]
"""Takes what arrived together, in its order.

Called on the transport's own thread: it must not block and must not raise.
"""

OnRequest: TypeAlias = Callable[[Request], None]
"""As OnDeliveries, for one call."""


class Inbox(Protocol):
    """A queue of one reader and the topic patterns that feed it."""

    def bind(self, patterns: Collection[str]) -> None:
        """Replace the patterns; those in both the old and the new set are never interrupted.

        Returns when they are in force. Raises ConnectionLost if that cannot be reached in time.
        """

    def stop(self) -> None:
        """Deliver no more; what was delivered can still be settled. A durable inbox stays."""

    def close(self) -> None:
        """Stop, send what has been settled, and let go of the inbox."""


@dataclass(slots=True)
class TransportCounters:
    """What happened on a transport so far."""

    published: int = 0
    received: int = 0
    lost: int = 0
    """Messages that a full inbox could not take."""
    reconnects: int = 0


@dataclass(frozen=True, slots=True)
class Served:
    """A work queue that is being served; ``close`` stops that."""

    close: Callable[[], None] = field(repr=False)


class Transport(Protocol):
    """A connection to a broker, usable from any thread."""

    @property
    def url(self) -> str:
        """The URL without its password."""

    @property
    def user(self) -> str | None:
        """Who we are to the broker."""

    @property
    def counters(self) -> TransportCounters:
        """What happened so far."""

    def publish(self, message: Message, options: PublishOptions) -> None:
        """Send a message to whoever has a matching pattern.

        Raises ConnectionLost when the broker stays away, PublishFailed when it refuses.
        """

    def open_inbox(
        self, patterns: Collection[str], on_deliveries: OnDeliveries, options: InboxOptions
    ) -> Inbox:
        """Start to receive what matches; returns when the patterns are in force."""

    def request(self, queue: str, message: Message, timeout: float) -> Future[bytes]:
        """Send a call to a work queue; the future gets the body of the answer.

        The call is withdrawn ``timeout`` seconds from now if nobody has begun with it.
        """

    def serve(self, queue: str, on_request: OnRequest) -> Served:
        """Take calls from a work queue, competing with others that do."""

    def close(self) -> None:
        """Leave the broker; pending calls fail with ConnectionLost."""
