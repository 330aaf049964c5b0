"""Routing keys and the topic patterns that select them.

A key is ``Event.<lineage…>.<Type>.<source>``: the local names of the event type and of its base
types, root first, and the source as the last word. Names of different namespaces may meet in one
key: a pattern may select too much, never too little.

Source: AMQP 0-9-1, 3.1.3.3: ``*`` stands for one word, ``#`` for zero or more.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from threading import Lock
from typing import Generic, TypeVar

from clacks_events.xml import local_name

__all__ = [
    "ALL",
    "TopicTable",
    "matches",
    "routing_key",
    "simplified",
    "source_pattern",
    "split_words",
    "type_pattern",
]

Target = TypeVar("Target")

ALL = "Event.#"
"""The pattern that selects every event."""

_LONGEST_KEY = 255  # bytes: AMQP 0-9-1 carries a routing key as a short string
_LONGEST_WORD = 60
_SPECIAL = re.compile(r"[.%*#\s\x00-\x20\x7f]")
_NO_SOURCE = "-"
_MOST_REMEMBERED = 10_000


def word(text: str) -> str:
    """Write a name as one word of at most 60 bytes; a longer one ends in a hash of the whole."""
    escaped = _SPECIAL.sub(lambda found: "".join(f"%{b:02X}" for b in found[0].encode()), text)
    encoded = escaped.encode()
    if len(encoded) <= _LONGEST_WORD:
        return escaped
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    head = encoded[: _LONGEST_WORD - 1 - len(digest)].decode(errors="ignore")
    return f"{head}~{digest}"


def _source_word(source: str | None) -> str:
    if not source:
        return _NO_SOURCE
    return "%2D" if source == _NO_SOURCE else word(source)


def routing_key(lineage: Sequence[str], source: str | None) -> str:
    """Return the key of an event whose lineage (Clark names, root first) ends in its own type.

    When the key would pass 255 bytes the types nearest to the root are left out: a consumer that
    knows the lineage binds to each derived type as well.
    """
    words = [word(local_name(name)) for name in lineage]
    last = _source_word(source)
    while True:
        key = ".".join(("Event", *words, last))
        if len(words) <= 1 or len(key.encode()) <= _LONGEST_KEY:
            return key
        del words[0]


def type_pattern(name: str, source: str | None = None) -> str:
    """Return the pattern for a type with all that derive from it, of one source if given."""
    tail = _source_word(source) if source else "#"
    middle = "#." if source else ""
    return f"Event.#.{word(local_name(name))}.{middle}{tail}"


def source_pattern(source: str) -> str:
    """Return the pattern for all events of one source."""
    return f"#.{_source_word(source)}"


def simplified(patterns: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns sorted, once each, without those that another makes pointless."""
    unique = set(patterns)
    return (ALL,) if ALL in unique else tuple(sorted(unique))


def matches(pattern: str, key: str) -> bool:
    """Tell whether an AMQP topic pattern selects a routing key."""
    return _match(split_words(pattern), split_words(key))


def split_words(text: str) -> list[str]:
    """Return the words of a key or pattern; an empty one has none, as in RabbitMQ."""
    return text.split(".") if text else []


def _match(pattern: Sequence[str], words: Sequence[str]) -> bool:
    # The classic wildcard walk: on a mismatch the last "#" swallows one word more.
    at = position = 0
    star: tuple[int, int] | None = None
    while position < len(words):
        if at < len(pattern) and pattern[at] == "#":
            star = (at, position)
            at += 1
        elif at < len(pattern) and pattern[at] in ("*", words[position]):
            at += 1
            position += 1
        elif star is not None:
            star = (star[0], star[1] + 1)
            at, position = star[0] + 1, star[1]
        else:
            return False
    return all(part == "#" for part in pattern[at:])


class _Node(Generic[Target]):
    __slots__ = ("branches", "targets")

    def __init__(self) -> None:
        self.branches: dict[str, _Node[Target]] = {}
        self.targets: set[Target] = set()

    def collect(
        self, words: Sequence[str], at: int, found: set[Target], seen: set[tuple[int, int]]
    ) -> None:
        # Several "#" lead to the same place in many ways.
        if (id(self), at) in seen:
            return
        seen.add((id(self), at))
        if at == len(words):
            found |= self.targets
        elif (exact := self.branches.get(words[at])) is not None:
            exact.collect(words, at + 1, found, seen)
        if at < len(words) and (one := self.branches.get("*")) is not None:
            one.collect(words, at + 1, found, seen)
        if (many := self.branches.get("#")) is not None:
            for rest in range(at, len(words) + 1):
                many.collect(words, rest, found, seen)


class TopicTable(Generic[Target]):
    """Patterns with their targets, and which targets a routing key selects."""

    def __init__(self) -> None:
        self._root: _Node[Target] = _Node()
        self._remembered: dict[str, tuple[Target, ...]] = {}
        self._lock = Lock()

    def add(self, pattern: str, target: Target) -> None:
        """Let a pattern select a target; twice is the same as once."""
        with self._lock:
            node = self._root
            for part in split_words(pattern):
                node = node.branches.setdefault(part, _Node())
            node.targets.add(target)
            self._remembered = {}

    def remove(self, pattern: str, target: Target) -> None:
        """Undo ``add``; a pattern that is not there is ignored."""
        with self._lock:
            path = [self._root]
            words = split_words(pattern)
            for part in words:
                if part not in path[-1].branches:
                    return
                path.append(path[-1].branches[part])
            path[-1].targets.discard(target)
            for parent, child, part in zip(path[-2::-1], path[:0:-1], reversed(words), strict=True):
                if not child.targets and not child.branches:
                    del parent.branches[part]
            self._remembered = {}

    def route(self, key: str) -> Collection[Target]:
        """Return each target that the key selects, once."""
        known = self._remembered.get(key)
        if known is not None:
            return known
        with self._lock:
            found: set[Target] = set()
            self._root.collect(split_words(key), 0, found, set())
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered = {}
            self._remembered[key] = targets = tuple(found)
        return targets
