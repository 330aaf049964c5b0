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
    "PROBE",
    "WINDOW",
    "Delivery",
    "Inbox",
    "InboxOptions",
    "MailboxOptions",
    "Mailboxes",
    "Message",
    "OnAudience",
    "OnDeliveries",
    "OnRequest",
    "PublishOptions",
    "Reading",
    "Request",
    "Served",
    "Transport",
    "TransportCounters",
    "Watched",
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
    """Wait until the broker has it and at least one inbox takes it; else NobodyListens."""
    persistent: bool = False
    """Let it survive a restart of the broker, in durable queues."""
    wait: bool = True
    """Wait for a broker that is away or busy; else ConnectionLost at once. Not with ``confirm``."""


@dataclass(frozen=True, slots=True)
class InboxOptions:
    """How an inbox lives."""

    window: int = 1000
    """How many deliveries may be unsettled at a time."""
    durable: str | None = None
    """A name under which the inbox outlives its reader and keeps what arrives meanwhile."""


@dataclass(frozen=True, slots=True)
class MailboxOptions:
    """How a mailbox lives, and how much it holds."""

    expires: float = 30.0
    """Seconds after its last use at which the broker deletes it."""
    most_events: int = 10_000
    """How many events it keeps; the oldest go first, and nobody can tell how many went."""
    most_bytes: int = 64 * 1024 * 1024
    """How many bytes it keeps, likewise."""


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

    @property
    def is_redelivered(self) -> bool:
        """Whether somebody else had it before, and went without having accepted it."""

    @property
    def deadline(self) -> float:
        """After it surely nobody waits for the answer, by ``time.monotonic()``."""

    def accept(self) -> bool:
        """Say that nobody else is to get it; return False if somebody else will anyway.

        That is so when it came through a connection that is lost.
        """

    def reply(self, body: bytes) -> bool:
        """Answer it. From any thread, once. Return False if nobody is known to wait for that."""


OnDeliveries: TypeAlias = Callable[[Sequence[Delivery]], None]
"""Takes what arrived together, in its order.

Called on the transport's own thread: it must not block and must not raise.
"""

OnRequest: TypeAlias = Callable[[Request], None]
"""As OnDeliveries, for one call."""

OnAudience: TypeAlias = Callable[[int], None]
"""Takes how many inboxes a routing key reaches. As OnDeliveries, it must not block or raise."""

WINDOW = 64
"""How many calls whoever serves a work queue holds that he has not accepted."""

PROBE = "application/x-clacks-probe"
"""The content type of a message that only asks whether somebody listens: no event, never counted
or handed over."""


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


class Reading(Protocol):
    """A mailbox that is being read."""

    @property
    def note(self) -> bytes:
        """The note of the mailbox when reading began."""

    @property
    def is_gone(self) -> bool:
        """Whether the mailbox was deleted meanwhile; then nothing comes any more."""

    def close(self, keep: Collection[Delivery] = ()) -> None:
        """Stop; what is not acknowledged goes back to its place in the mailbox.

        What is to ``keep`` does not, until the connection is gone: it is still to be acknowledged.
        When this returns nothing is handed over any more. The broker knows it by then, unless it
        is away or this was called by ``on_deliveries``: who reads next gets all in order.
        """


class Mailboxes(Protocol):
    """Queues at the broker that whoever knows the name may read; they go when unused for a while.

    A mailbox that is being read is in use; so is one whose note is asked for or changed. It keeps
    its events between two readings and over a restart of the broker, as far as these were
    published to be persistent. Names are 1 to 200 of the characters ``A-Z a-z 0-9 . _ : ~ -``.

    Each call raises ConnectionLost when the broker stays away, AccessDenied when it refuses.
    """

    def open(
        self,
        name: str,
        note: bytes,
        patterns: Collection[str],
        options: MailboxOptions = MailboxOptions(),
    ) -> None:
        """Make a mailbox that keeps what matches, and a note that says what it is for.

        Raises NameTaken for a name in use, ConfigError for one that no mailbox can have.
        """

    def note(self, name: str) -> bytes | None:
        """Return the note that was stored last, None if there is no such mailbox."""

    def change(
        self, name: str, note: bytes, patterns: Collection[str], former: Collection[str]
    ) -> bool:
        """Replace the note and the patterns; return False if there is no such mailbox.

        Patterns in both the ``former`` and the new set are never interrupted. Of two changes at
        the same time the last one wins: its note stays, and all of its patterns are in force.
        """

    def read(
        self,
        name: str,
        on_deliveries: OnDeliveries,
        window: int,
        on_gone: Callable[[], None] | None = None,
    ) -> Reading | None:
        """Begin to take what is in a mailbox and what comes; None if there is no such mailbox.

        At most ``window`` deliveries, 1 to 65535, are unsettled at a time. They may come before
        this returns. After a lost connection reading goes on by itself, and what was not
        acknowledged comes again. ``on_gone`` is called, as OnDeliveries are, when the mailbox
        turns out to be deleted. Several who read one mailbox share what is in it.
        """

    def close(self, name: str) -> bool:
        """Delete a mailbox with what is in it; return False if there was none."""


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


@dataclass(frozen=True, slots=True)
class Watched:
    """A routing key whose audience is being watched; ``close`` stops that."""

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

    @property
    def is_connected(self) -> bool:
        """Whether the broker is there, as far as is known at this moment."""

    @property
    def mailboxes(self) -> Mailboxes | None:
        """Queues that any process may read; None where one process has all inboxes anyway."""

    def on_return(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` when the broker is there again, with all that is wanted of it.

        What was published meanwhile may never come. It is called on the transport's own thread,
        and must not block or raise. Returns a function that ends this.
        """

    def publish(self, message: Message, options: PublishOptions) -> int:
        """Send a message to whoever has a matching pattern; return how many inboxes take it.

        A broker that cannot count says 1 for any number. Without ``confirm`` the number may be
        unknown, which is 0. Raises ConnectionLost when the broker stays away, PublishFailed when
        it refuses and, with ``confirm``, NobodyListens.
        """

    def watch(self, key: str, on_audience: OnAudience) -> Watched:
        """Tell how many inboxes a routing key reaches: once before this returns, then when the
        number changes.

        A broker that cannot count says 1 for any number, and may say it a second late. While
        the broker is away nothing is said.
        """

    def open_inbox(
        self, patterns: Collection[str], on_deliveries: OnDeliveries, options: InboxOptions
    ) -> Inbox:
        """Start to receive what matches; returns when the patterns are in force."""

    def request(
        self, queue: str, message: Message, timeout: float, *, alone: bool = False
    ) -> Future[bytes]:
        """Send a call to a work queue; the future gets the body of the answer.

        The call is withdrawn ``timeout`` seconds from now if nobody has begun with it. A queue
        that is served ``alone`` keeps no calls: the future fails with NobodyListens at once.
        """

    def serve(
        self, queue: str, on_request: OnRequest, *, alone: bool = False, window: int = WINDOW
    ) -> Served:
        """Take calls from a work queue, competing with others that do.

        At most ``window`` calls are handed over that are not accepted yet; when this is closed
        they go to others. ``alone``: nobody else can until this is closed or its connection is
        gone, which others are told by NameTaken; and what was not taken when it goes is lost.
        """

    def close(self) -> None:
        """Leave the broker; pending calls fail with ConnectionLost."""
