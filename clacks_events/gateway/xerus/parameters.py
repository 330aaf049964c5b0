"""The parameters of a method, taken one by one and strictly."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from clacks_events.event import JsonValue
from clacks_events.gateway.xerus.jsonrpc import INVALID_PARAMS, Fault

__all__ = ["Members", "Reference", "text_of"]

_LONGEST_TEXT = 1024  # characters
_KINDS = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


@dataclass(frozen=True, slots=True)
class Reference:
    """An object of a device: its resource, and the name of its interface."""

    rid: str
    type: str


class Members:
    """The members of an object that came from a client. What does not fit raises Fault."""

    def __init__(self, given: JsonValue, known: Collection[str], path: str = "") -> None:
        """Take an object that has no other members than those ``known``.

        ``path`` is where it lies among the parameters, for errors.
        """
        if not isinstance(given, dict):
            raise _fault(path, f"is an object, not {_kind(given)}")
        self._given = given
        self._path = path
        for name in given:
            if name not in known:
                names = f"known: {', '.join(known)}" if known else "there are none"
                raise _fault(self._at(name[:80]), f"is no parameter; {names}")

    def _at(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def value(self, name: str) -> JsonValue:
        """Return a member of any kind."""
        if name not in self._given:
            raise _fault(self._at(name), "is missing")
        return self._given[name]

    def text(self, name: str) -> str:
        """Return a string of bounded length."""
        found = self.value(name)
        if not isinstance(found, str):
            raise _fault(self._at(name), f"is a string, not {_kind(found)}")
        if len(found) > _LONGEST_TEXT:
            raise _fault(self._at(name), f"has at most {_LONGEST_TEXT} characters")
        return found

    def number(self, name: str) -> int:
        """Return a whole number of 32 bits."""
        found = self.value(name)
        if not isinstance(found, int) or isinstance(found, bool):
            raise _fault(self._at(name), f"is a whole number, not {_kind(found)}")
        if not -(2**31) <= found < 2**31:
            raise _fault(self._at(name), "has at most 32 bits")
        return found

    def flag(self, name: str) -> bool:
        """Return a boolean."""
        found = self.value(name)
        if not isinstance(found, bool):
            raise _fault(self._at(name), f"is a boolean, not {_kind(found)}")
        return found

    def items(self, name: str, most: int) -> list[tuple[str, JsonValue]]:
        """Return the items of an array, each with its path."""
        found = self.value(name)
        if not isinstance(found, list):
            raise _fault(self._at(name), f"is an array, not {_kind(found)}")
        if len(found) > most:
            raise _fault(self._at(name), f"has at most {most} items, not {len(found)}")
        return [(f"{self._at(name)}[{number}]", item) for number, item in enumerate(found)]

    def reference(self, name: str) -> Reference | None:
        """Return an object reference, or None for null."""
        found = self.value(name)
        if found is None:
            return None
        members = Members(found, ("rid", "type"), self._at(name))
        return Reference(members.text("rid"), members.text("type"))


def text_of(given: JsonValue, path: str) -> str:
    """Return an item that is a string of bounded length."""
    return Members({path: given}, (path,)).text(path)


def _kind(given: JsonValue) -> str:
    return _KINDS[type(given)]


def _fault(path: str, reason: str) -> Fault:
    return Fault(INVALID_PARAMS, f"Invalid params: {path or 'params'} {reason}")
