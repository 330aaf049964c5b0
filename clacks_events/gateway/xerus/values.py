"""Events as value objects of Xerus' JSON-RPC, ``{"type": IDL name, "value": {…}}``, and back.

Source: the unmodified ``raritan`` client package, ``raritan.rpc.ValueObject``.
"""

from __future__ import annotations

from itertools import islice

from lxml import etree

from clacks_events.errors import InvalidEvent, MalformedEvent, UnknownEventType
from clacks_events.event import Event, JsonValue
from clacks_events.gateway.xerus.idl import IdlEventType, IdlTypes
from clacks_events.gateway.xerus.idl_fault import Fault, kind_of, shown

__all__ = ["ValueObjects"]

_MEMBERS = {"type", "value"}


class ValueObjects:
    """Turns events into value objects and back, by the IDL types of a catalog."""

    def __init__(self, types: IdlTypes) -> None:
        """Take the types; they follow the catalog."""
        self.types = types

    def to_value(self, event: Event) -> dict[str, JsonValue]:
        """Return an event as a value object.

        Raises UnknownEventType when its type has no IDL name, InvalidEvent for a content that
        IDL cannot carry, such as NaN, or members that an ``xsi:type`` adds.
        """
        known = self.types.of(event.type)
        if known is None:
            raise UnknownEventType(f"{event.type} has no IDL name", path=f"/Event/{event.name}")
        try:
            return {"type": known.name, "value": known.read(event.element)}
        except Fault as fault:
            raise _invalid(fault, "$.value") from fault

    def from_value(self, valueobject: JsonValue, path: str = "$") -> Event:
        """Return the event of a value object that a client has sent; ``path`` is its place.

        It need not be valid in all: facets and the like are left to publishing. Raises
        MalformedEvent for what is no value object, UnknownEventType, and InvalidEvent for
        members that are missing, unknown or of another type; each with the JSON path.
        """
        known, value = self._parts(valueobject, path)
        # A prefix for each tree: a default namespace would take names in none with it.
        namespace = known.tag[1:].partition("}")[0] if known.tag.startswith("{") else ""
        payload = etree.Element(known.tag, nsmap={"x": namespace} if namespace else None)
        try:
            known.write(payload, value)
        except Fault as fault:
            raise _invalid(fault, f"{path}.value") from fault
        return Event(payload, decoder=self.types.catalog)

    def _parts(self, valueobject: JsonValue, path: str) -> tuple[IdlEventType, JsonValue]:
        if not isinstance(valueobject, dict):
            reason = f"a value object is needed here, not {kind_of(valueobject)}"
            raise MalformedEvent(reason, path=path)
        if valueobject.keys() != _MEMBERS:
            raise MalformedEvent(_members_reason(valueobject), path=path)
        name = valueobject["type"]
        if not isinstance(name, str):
            reason = f"the name of a type is needed here, not {kind_of(name)}"
            raise MalformedEvent(reason, path=f"{path}.type")
        return self.types.find(name, f"{path}.type"), valueobject["value"]


def _members_reason(valueobject: dict[str, JsonValue]) -> str:
    others = [shown(name) for name in islice(valueobject.keys() - _MEMBERS, 5)]
    missing = sorted(_MEMBERS - valueobject.keys())
    said = [f"{name!r} is missing" for name in missing] + [
        f"{name!r} is unknown" for name in others
    ]
    return f"a value object has type and value; {', '.join(said)}"


def _invalid(fault: Fault, path: str) -> InvalidEvent:
    return InvalidEvent(fault.reason, path=path + fault.path, value=fault.value)
