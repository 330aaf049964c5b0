"""Who is on the bus: announce, renew, leave, expire, as a table of states.

Rule: time is an argument here. No clock, no thread, no socket.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple

from clacks_events.errors import ConfigError

__all__ = [
    "EXPIRED",
    "LONGEST_INTERVAL",
    "REPLACED",
    "SHORTEST_INTERVAL",
    "TRANSITIONS",
    "Announcement",
    "Change",
    "Deadlines",
    "Effect",
    "Input",
    "Kind",
    "PresenceTable",
    "Sighting",
    "State",
    "bounded_interval",
]

SHORTEST_INTERVAL: Final = 0.05
LONGEST_INTERVAL: Final = 3600.0
EXPIRED: Final = "expired"
"""The reason of a leave that nobody took: nothing was heard for too long."""
REPLACED: Final = "replaced"
"""The reason of a leave that nobody took: another instance has the name."""

_LIFETIME = 2.5  # in intervals: with a late look at the table it is still told within 3
_MOST_REMEMBERED = 10_000
# Nobody that is still there is silent for longer.
_REMEMBERED_FOR = _LIFETIME * LONGEST_INTERVAL
_SLACK = 64


def bounded_interval(interval: float) -> float:
    """Return the usable interval, in seconds, that is nearest to the one given."""
    # In this order what is no number becomes the shortest.
    return min(LONGEST_INTERVAL, max(SHORTEST_INTERVAL, interval))


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a sender tells of itself."""

    name: str
    instance: str
    """One life of the sender, by a UUID: a new one with each start, never used again."""
    types: tuple[str, ...]
    """Clark names of the event types that it sends."""
    methods: tuple[str, ...]
    """What can be requested of it."""
    interval: float
    """Seconds until it tells this again."""
    origin: str
    """The source of the bus that it lives on."""

    def __post_init__(self) -> None:
        """Raise ConfigError for an interval out of bounds."""
        if not SHORTEST_INTERVAL <= self.interval <= LONGEST_INTERVAL:
            raise ConfigError(
                f"sender {self.name!r}: an interval has {SHORTEST_INTERVAL:g} to"
                f" {LONGEST_INTERVAL:g} seconds, not {self.interval!r}"
            )


class Kind(Enum):
    """What became of a sender."""

    ANNOUNCED = "announced"
    CHANGED = "changed"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a sender, and why."""

    kind: Kind
    announcement: Announcement
    """The last one of the instance that this is about."""
    reason: str = ""
    """Why it left."""


class Sighting(NamedTuple):
    """A sender that is there, and when it was last heard."""

    announcement: Announcement
    last_heard: float


class State(Enum):
    """Of a name: whether an instance is there."""

    ABSENT = "absent"
    PRESENT = "present"


class Input(Enum):
    """What is heard of a name, compared with what is known."""

    SAME = "announce, as before"
    ALTERED = "announce of the same instance, not as before"
    OTHER = "announce of an instance that was not known"
    OUSTED = "announce of an instance that was replaced"
    DEPARTED = "announce of an instance that has taken its leave"
    LEAVE = "leave of the instance that is there"
    STALE_LEAVE = "leave of any other instance"
    SILENCE = "nothing for too long"


class Effect(Enum):
    """What is done about it."""

    ENTER = "take in; tell ANNOUNCED"
    RENEW = "put off the expiry"
    ALTER = "take over; tell CHANGED"
    REPLACE = "remember the former as ousted; take in; tell LEFT and ANNOUNCED"
    REMEMBER = "go on remembering the instance"
    NOTE = "remember as departed"
    WITHDRAW = "remember as departed; tell LEFT"
    EXPIRE = "tell LEFT"


# ABSENT knows no instance that could be the same, leave or be silent.
TRANSITIONS: Final[Mapping[tuple[State, Input], tuple[State, Effect]]] = MappingProxyType(
    {
        (State.ABSENT, Input.OTHER): (State.PRESENT, Effect.ENTER),
        # Its successor is gone and it is not: the name is its own again.
        (State.ABSENT, Input.OUSTED): (State.PRESENT, Effect.ENTER),
        # Late, or overtaken by its own leave.
        (State.ABSENT, Input.DEPARTED): (State.ABSENT, Effect.REMEMBER),
        (State.ABSENT, Input.STALE_LEAVE): (State.ABSENT, Effect.NOTE),
        (State.PRESENT, Input.SAME): (State.PRESENT, Effect.RENEW),
        (State.PRESENT, Input.ALTERED): (State.PRESENT, Effect.ALTER),
        (State.PRESENT, Input.OTHER): (State.PRESENT, Effect.REPLACE),
        # Two that both live would else take the name from each other with each renewal.
        (State.PRESENT, Input.OUSTED): (State.PRESENT, Effect.REMEMBER),
        (State.PRESENT, Input.DEPARTED): (State.PRESENT, Effect.REMEMBER),
        (State.PRESENT, Input.LEAVE): (State.ABSENT, Effect.WITHDRAW),
        (State.PRESENT, Input.STALE_LEAVE): (State.PRESENT, Effect.NOTE),
        (State.PRESENT, Input.SILENCE): (State.ABSENT, Effect.EXPIRE),
    }
)


class _Turn(NamedTuple):
    """One input to the table."""

    announcement: Announcement
    input: Input
    now: float
    reason: str = ""


class PresenceTable:
    """Senders by name, each until it leaves, is replaced, or is silent for 2.5 intervals.

    Times are seconds of one clock that never goes back. For one thread at a time.
    """

    def __init__(self) -> None:
        self._there: dict[str, Sighting] = {}
        self._deadlines = Deadlines()
        self._memory = _Memory()
        self._effects: dict[Effect, Callable[[_Turn], tuple[Change, ...]]] = {
            Effect.ENTER: self._enter,
            Effect.RENEW: self._renew,
            Effect.ALTER: self._alter,
            Effect.REPLACE: self._replace,
            Effect.REMEMBER: self._remember,
            Effect.NOTE: self._note,
            Effect.WITHDRAW: self._withdraw,
            Effect.EXPIRE: self._expire,
        }

    def __len__(self) -> int:
        return len(self._there)

    def __iter__(self) -> Iterator[Sighting]:
        return iter(tuple(self._there.values()))

    def get(self, name: str) -> Sighting | None:
        """Return a sender that is there, or None."""
        return self._there.get(name)

    def next_expiry(self) -> float | None:
        """Return when :meth:`expire` has something to tell unless more is heard until then."""
        first = self._deadlines.first()
        return None if first is None else first[0]

    def announce(self, announcement: Announcement, now: float) -> tuple[Change, ...]:
        """Take note of an announcement; a mere renewal changes nothing."""
        return self._apply(_Turn(announcement, self._announced(announcement, now), now))

    def leave(self, name: str, instance: str, reason: str, now: float) -> tuple[Change, ...]:
        """Take note of a leave; that of an instance which is not there changes nothing."""
        found = self._there.get(name)
        if found is not None and found.announcement.instance == instance:
            return self._apply(_Turn(found.announcement, Input.LEAVE, now, reason))
        unseen = Announcement(name, instance, (), (), LONGEST_INTERVAL, "")
        return self._apply(_Turn(unseen, Input.STALE_LEAVE, now, reason))

    def expire(self, now: float) -> tuple[Change, ...]:
        """Drop whoever was not heard for 2.5 intervals."""
        changes: list[Change] = []
        while (first := self._deadlines.first()) is not None and first[0] <= now:
            silent = self._there[first[1]].announcement
            changes += self._apply(_Turn(silent, Input.SILENCE, now, EXPIRED))
        return tuple(changes)

    def _announced(self, announcement: Announcement, now: float) -> Input:
        found = self._there.get(announcement.name)
        if found is not None and found.announcement.instance == announcement.instance:
            return Input.SAME if found.announcement == announcement else Input.ALTERED
        return self._memory.get(announcement, now) or Input.OTHER

    def _apply(self, turn: _Turn) -> tuple[Change, ...]:
        state = State.PRESENT if turn.announcement.name in self._there else State.ABSENT
        return self._effects[TRANSITIONS[state, turn.input][1]](turn)

    def _enter(self, turn: _Turn) -> tuple[Change, ...]:
        self._renew(turn)
        return (Change(Kind.ANNOUNCED, turn.announcement),)

    def _renew(self, turn: _Turn) -> tuple[Change, ...]:
        announcement, now = turn.announcement, turn.now
        self._there[announcement.name] = Sighting(announcement, now)
        self._deadlines.set(announcement.name, now + _LIFETIME * announcement.interval)
        return ()

    def _alter(self, turn: _Turn) -> tuple[Change, ...]:
        self._renew(turn)
        return (Change(Kind.CHANGED, turn.announcement),)

    def _replace(self, turn: _Turn) -> tuple[Change, ...]:
        former = self._there[turn.announcement.name].announcement
        self._memory.put(former, Input.OUSTED, turn.now)
        return (Change(Kind.LEFT, former, REPLACED), *self._enter(turn))

    def _remember(self, turn: _Turn) -> tuple[Change, ...]:
        self._memory.put(turn.announcement, turn.input, turn.now)
        return ()

    def _note(self, turn: _Turn) -> tuple[Change, ...]:
        self._memory.put(turn.announcement, Input.DEPARTED, turn.now)
        return ()

    def _withdraw(self, turn: _Turn) -> tuple[Change, ...]:
        self._note(turn)
        return self._expire(turn)

    def _expire(self, turn: _Turn) -> tuple[Change, ...]:
        del self._there[turn.announcement.name]
        self._deadlines.drop(turn.announcement.name)
        return (Change(Kind.LEFT, turn.announcement, turn.reason),)


class Deadlines:
    """Names by the time that is set for each.

    A name stands in the heap once, and is put off only when it has come to the top: setting a
    later time, which each renewal does, costs nothing.
    """

    def __init__(self) -> None:
        self._times: dict[str, float] = {}
        self._standing: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []

    def set(self, name: str, time: float) -> None:
        """Set the time of a name, earlier or later than the one before."""
        self._times[name] = time
        standing = self._standing.get(name)
        if standing is None or time < standing:
            self._stand(name, time)

    def _stand(self, name: str, time: float) -> None:
        self._standing[name] = time
        heapq.heappush(self._heap, (time, name))
        if len(self._heap) > 2 * len(self._times) + _SLACK:
            self._standing = dict(self._times)
            self._heap = [(time, name) for name, time in self._times.items()]
            heapq.heapify(self._heap)

    def drop(self, name: str) -> None:
        """Forget a name that has a time."""
        del self._times[name], self._standing[name]

    def first(self) -> tuple[float, str] | None:
        """Return the earliest time and its name, None without any."""
        while self._heap:
            time, name = self._heap[0]
            is_standing = self._standing.get(name) == time
            if is_standing and self._times[name] == time:
                return time, name
            heapq.heappop(self._heap)
            if is_standing:
                self._stand(name, self._times[name])
        return None


class _Memory:
    """What an announcement means of an instance that was there once."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], tuple[Input, float]] = OrderedDict()

    def put(self, announcement: Announcement, meaning: Input, now: float) -> None:
        key = (announcement.name, announcement.instance)
        self._known[key] = (meaning, now)
        self._known.move_to_end(key)
        self._forget(now)

    def get(self, announcement: Announcement, now: float) -> Input | None:
        self._forget(now)
        found = self._known.get((announcement.name, announcement.instance))
        return None if found is None else found[0]

    def _forget(self, now: float) -> None:
        while self._known:
            _, since = next(iter(self._known.values()))
            if len(self._known) <= _MOST_REMEMBERED and now - since <= _REMEMBERED_FOR:
                return
            self._known.popitem(last=False)
