"""What a channel was told to receive: event types, of any source or of one object."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from clacks_events.event import JsonValue

__all__ = ["EventSelect", "Note", "is_sayable", "literal", "selects"]

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class EventSelect:
    """An event type with all that derive from it, of any source or of one.

    An object is the same whatever version of its interface somebody knows it by: it is told by
    its resource id alone.
    """

    type: str
    """A Clark name."""
    rid: str | None = None


def selects(chosen: Collection[EventSelect], lineage: Iterable[str], rid: str | None) -> bool:
    """Tell whether an event of a lineage (Clark names) and a source object was asked for."""
    for name in lineage:
        if EventSelect(name) in chosen or (rid is not None and EventSelect(name, rid) in chosen):
            return True
    return False


@dataclass(frozen=True, slots=True)
class Note:
    """What the broker keeps beside a channel, so that any gateway can serve it."""

    owner: str
    chosen: frozenset[EventSelect] = frozenset()
    patterns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What the broker was asked for on behalf of each type."""

    @property
    def bindings(self) -> frozenset[str]:
        """All patterns together."""
        return frozenset(pattern for each in self.patterns.values() for pattern in each)

    def written(self) -> bytes:
        """Return it as JSON."""
        chosen: list[JsonValue] = [[each.type, each.rid] for each in self.chosen]
        patterns: dict[str, JsonValue] = {
            type: list(each) for type, each in sorted(self.patterns.items())
        }
        told: JsonValue = {"owner": self.owner, "chosen": chosen, "patterns": patterns}
        return json.dumps(told).encode()

    @classmethod
    def read(cls, data: bytes) -> Note:
        """Read what ``written`` gave, here or at another gateway."""
        found = json.loads(data)
        return cls(
            found["owner"],
            frozenset(EventSelect(*pair) for pair in found["chosen"]),
            {type: tuple(each) for type, each in found["patterns"].items()},
        )


def is_sayable(text: str) -> bool:
    """Tell whether XML can carry a text at all. Source: XML 1.0, production 2."""
    return _NO_XML.search(text) is None


def literal(text: str) -> str:
    """Write a text as a string literal of XQuery. Source: XQuery 3.1, productions 222 to 226."""
    escaped = text.replace("&", "&amp;").replace('"', '""')
    # Line ends in the text of a query are normalised: written as they are they would change.
    for char in "\t\n\r":
        escaped = escaped.replace(char, f"&#{ord(char)};")
    return f'"{escaped}"'
