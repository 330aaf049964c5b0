"""Who is there: announce, describe, sign of life, leave, silence, as a table of states.

Rule: time is an argument here. No clock, no thread, no socket.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, Generic, NamedTuple, TypeVar

from clacks_events.agent.peers import (
    ClientInfo,
    NodeInfo,
    PeerChange,
    PeerInfo,
    PeerKind,
    PeerState,
)
from clacks_events.presence import EXPIRED, Deadlines

__all__ = [
    "CLOSED",
    "MOST_PEERS",
    "TRANSITIONS",
    "Effect",
    "Heard",
    "Input",
    "PeerTable",
    "retold",
]

CLOSED: Final = "closed"
"""The reason of a leave that the peer took itself."""
MOST_PEERS: Final = 100_000
"""How many can be there; who comes after that is not taken in."""

_MOST_REMEMBERED = 10_000


class Input(Enum):
    """What is heard of a peer."""

    ANNOUNCE = "it says that it is there"
    DESCRIBE = "it tells what it offers"
    LIFE = "it is alive"
    RETURN = "it is alive, and was dropped for its silence"
    LEAVE = "it takes its leave"
    SILENCE = "nothing for too long"


class Effect(Enum):
    """What is done about it."""

    ENTER = "take in; tell ANNOUNCED"
    RESTORE = "take in as it was; tell ANNOUNCED"
    UPDATE = "take over; tell CHANGED if it is something else"
    RENEW = "take over; tell REPORTED if it is something else"
    NOTE = "remember as gone"
    WITHDRAW = "remember as gone; tell LEFT"
    EXPIRE = "remember as it was; tell LEFT"


_ABSENT, _ANNOUNCED, _READY = PeerState.ABSENT, PeerState.ANNOUNCED, PeerState.READY

# ABSENT cannot be silent, and only ABSENT can return.
TRANSITIONS: Final[Mapping[tuple[PeerState, Input], tuple[PeerState, Effect]]] = MappingProxyType(
    {
        (_ABSENT, Input.ANNOUNCE): (_ANNOUNCED, Effect.ENTER),
        (_ABSENT, Input.DESCRIBE): (_READY, Effect.ENTER),
        # It was there before whoever listens here.
        (_ABSENT, Input.LIFE): (_ANNOUNCED, Effect.ENTER),
        # It, or we, were cut off. It does not know and describes itself to nobody.
        (_ABSENT, Input.RETURN): (_READY, Effect.RESTORE),
        (_ABSENT, Input.LEAVE): (_ABSENT, Effect.NOTE),
        (_ANNOUNCED, Input.ANNOUNCE): (_ANNOUNCED, Effect.UPDATE),
        (_ANNOUNCED, Input.DESCRIBE): (_READY, Effect.UPDATE),
        (_ANNOUNCED, Input.LIFE): (_ANNOUNCED, Effect.RENEW),
        (_ANNOUNCED, Input.LEAVE): (_ABSENT, Effect.WITHDRAW),
        (_ANNOUNCED, Input.SILENCE): (_ABSENT, Effect.EXPIRE),
        # It has started again, or was asked; what it offers now comes next.
        (_READY, Input.ANNOUNCE): (_READY, Effect.UPDATE),
        (_READY, Input.DESCRIBE): (_READY, Effect.UPDATE),
        (_READY, Input.LIFE): (_READY, Effect.RENEW),
        (_READY, Input.LEAVE): (_ABSENT, Effect.WITHDRAW),
        (_READY, Input.SILENCE): (_ABSENT, Effect.EXPIRE),
    }
)


class Heard(NamedTuple):
    """One thing that is heard of a peer."""

    id: str
    input: Input
    facts: Mapping[str, Any] = MappingProxyType({})
    """Fields of its info and what they are now; of one that is new, ``last_seen`` among them."""


def retold(told: PeerInfo, known: PeerInfo | None, last_seen: datetime) -> Heard | None:
    """Return what somebody else tells of a peer, as if the peer had said it.

    Only what is not known of it already; None if that is nothing. ``last_seen`` is when it was
    heard if it is not known at all.
    """
    is_ready = told.state is PeerState.READY
    if known is not None and not (is_ready and known.state is PeerState.ANNOUNCED):
        return None
    told_of = type(told).__slots__
    facts = {name: getattr(told, name) for name in told_of if name not in ("id", "state")}
    facts["last_seen"] = last_seen
    if known is not None:
        here = {name: getattr(known, name) for name in facts}
        facts |= {name: value for name, value in here.items() if value not in (None, "", ())}
    return Heard(told.id, Input.DESCRIBE if is_ready else Input.ANNOUNCE, facts)


class _Turn(NamedTuple):
    """One input to the table, and the state after it."""

    heard: Heard
    after: PeerState
    now: float


Peer = TypeVar("Peer", NodeInfo, ClientInfo)


class PeerTable(Generic[Peer]):
    """Nodes, or clients, by id, each until it leaves or is silent for too long.

    Times are seconds of one clock that never goes back. For one thread at a time.
    """

    def __init__(self, kind: type[Peer], timeout: float, *, most: int = MOST_PEERS) -> None:
        """Drop who is silent for ``timeout`` seconds."""
        self.timeout = timeout
        self._kind: type[Peer] = kind
        self._most = most
        self._there: dict[str, Peer] = {}
        self._deadlines = Deadlines()
        # Of who is gone: how it was, if it may return without a word of that.
        self._gone: OrderedDict[str, Peer | None] = OrderedDict()
        self._effects: dict[Effect, Callable[[_Turn], tuple[PeerChange, ...]]] = {
            Effect.ENTER: self._enter,
            Effect.RESTORE: self._restore,
            Effect.UPDATE: self._update,
            Effect.RENEW: self._renew,
            Effect.NOTE: self._note,
            Effect.WITHDRAW: self._withdraw,
            Effect.EXPIRE: self._expire,
        }

    def __len__(self) -> int:
        return len(self._there)

    def __iter__(self) -> Iterator[Peer]:
        return iter(tuple(self._there.values()))

    def get(self, id: str) -> Peer | None:
        """Return a peer that is there, or None."""
        return self._there.get(id)

    def is_gone(self, id: str) -> bool:
        """Tell whether a peer is known to have left or to have been dropped."""
        return id in self._gone

    @property
    def is_full(self) -> bool:
        """Whether who comes next is not taken in."""
        return len(self._there) >= self._most

    def next_expiry(self) -> float | None:
        """Return when :meth:`expire` has something to tell unless more is heard until then."""
        first = self._deadlines.first()
        return None if first is None else first[0]

    def hear(self, heard: Heard, now: float) -> tuple[PeerChange, ...]:
        """Take note of what is heard of a peer, and return what it changes."""
        known = self._there.get(heard.id)
        state = PeerState.ABSENT if known is None else known.state
        is_return = known is None and self._gone.get(heard.id) is not None
        if is_return and heard.input is Input.LIFE:
            heard = heard._replace(input=Input.RETURN)
        after, effect = TRANSITIONS[state, heard.input]
        return self._effects[effect](_Turn(heard, after, now))

    def expire(self, now: float) -> tuple[PeerChange, ...]:
        """Drop whoever was silent for too long."""
        changes: list[PeerChange] = []
        while (first := self._deadlines.first()) is not None and first[0] <= now:
            changes += self.hear(Heard(first[1], Input.SILENCE), now)
        return tuple(changes)

    def _put(self, peer: Peer, turn: _Turn) -> None:
        self._there[peer.id] = peer
        self._deadlines.set(peer.id, turn.now + self.timeout)

    def _enter(self, turn: _Turn) -> tuple[PeerChange, ...]:
        if self.is_full:
            return ()
        self._gone.pop(turn.heard.id, None)
        peer = self._kind(id=turn.heard.id, state=turn.after, **turn.heard.facts)
        self._put(peer, turn)
        return (PeerChange(PeerKind.ANNOUNCED, peer),)

    def _restore(self, turn: _Turn) -> tuple[PeerChange, ...]:
        former = self._gone[turn.heard.id]
        if former is None or self.is_full:
            return ()
        del self._gone[turn.heard.id]
        peer = self._taken_over(former, turn)
        return (PeerChange(PeerKind.ANNOUNCED, peer),)

    def _update(self, turn: _Turn) -> tuple[PeerChange, ...]:
        return self._differing(PeerKind.CHANGED, turn)

    def _renew(self, turn: _Turn) -> tuple[PeerChange, ...]:
        return self._differing(PeerKind.REPORTED, turn)

    def _differing(self, kind: PeerKind, turn: _Turn) -> tuple[PeerChange, ...]:
        former = self._there[turn.heard.id]
        peer = self._taken_over(former, turn)
        is_same = peer == replace(former, last_seen=peer.last_seen)
        return () if is_same else (PeerChange(kind, peer),)

    def _taken_over(self, former: Peer, turn: _Turn) -> Peer:
        peer = replace(former, state=turn.after, **turn.heard.facts)
        self._put(peer, turn)
        return peer

    def _note(self, turn: _Turn) -> tuple[PeerChange, ...]:
        self._remember(turn.heard.id, None)
        return ()

    def _withdraw(self, turn: _Turn) -> tuple[PeerChange, ...]:
        return self._removed(turn.heard.id, CLOSED)

    def _expire(self, turn: _Turn) -> tuple[PeerChange, ...]:
        return self._removed(turn.heard.id, EXPIRED)

    def _removed(self, id: str, reason: str) -> tuple[PeerChange, ...]:
        peer = self._there.pop(id)
        self._deadlines.drop(id)
        may_return = reason == EXPIRED and peer.state is PeerState.READY
        self._remember(id, peer if may_return else None)
        return (PeerChange(PeerKind.LEFT, peer, reason),)

    def _remember(self, id: str, peer: Peer | None) -> None:
        self._gone[id] = peer
        self._gone.move_to_end(id)
        if len(self._gone) > _MOST_REMEMBERED:
            self._gone.popitem(last=False)
