"""From XML to IDL: a payload as the JSON of its value object.

Everything that the schema tells is worked out once per type; reading is then one look-up a child.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final, TypeAlias, TypeVar, assert_never

from lxml import etree

from clacks_events.catalog.idl import Enumeration, IdlType, Member, Plain, Struct
from clacks_events.event import JsonValue
from clacks_events.gateway.xerus.idl_fault import Fault
from clacks_events.xml import local_name

__all__ = ["EARLIEST", "LATEST", "Reader", "epoch_seconds", "reader"]

Reader: TypeAlias = Callable[[etree._Element], dict[str, JsonValue]]
_Read: TypeAlias = Callable[[etree._Element], JsonValue]

EARLIEST: Final = -62135596800
"""0001-01-01T00:00:00Z, the first second that Python's datetime has, from the epoch."""
LATEST: Final = 253402300799
"""9999-12-31T23:59:59Z."""

_Number = TypeVar("_Number", int, float)

_NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_MISSING: Final = object()
_BLANKS: Final = re.compile(r"[ \t\r\n]+")
_TRUTHS: Final = {"true": True, "1": True, "false": False, "0": False}
_MOMENT: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|([+-])(\d\d):(\d\d))?", re.ASCII
)
_EPOCH: Final = date(1970, 1, 1).toordinal()


def reader(struct: Struct) -> Reader:
    """Return what reads the element of a struct; it raises Fault."""
    return _Readers().struct(struct)


class _Readers:
    """Makes one reader per struct, however often that occurs."""

    def __init__(self) -> None:
        self._known: dict[Struct, Reader] = {}

    def struct(self, struct: Struct) -> Reader:
        if struct not in self._known:
            self._known[struct] = _struct(
                {each.tag: (each, self._member(each)) for each in struct.members}
            )
        return self._known[struct]

    def _member(self, member: Member) -> _Read:
        read = self._typed(member.type, member.default)
        if not member.is_nillable:
            return read
        return lambda element: None if _is_nil(element) else read(element)

    def _typed(self, kind: IdlType, default: str) -> _Read:
        if isinstance(kind, Struct):
            return self.struct(kind)
        parse = _enumeration(kind) if isinstance(kind, Enumeration) else _plain(kind)
        return lambda element: parse(_text(element) or default)


def _struct(reads: Mapping[str, tuple[Member, _Read]]) -> Reader:
    members = [member for member, _ in reads.values()]
    vectors = {member.name for member in members if member.is_vector}
    blank = {each.name: _MISSING if each.least else None for each in members}
    plans: dict[object, tuple[str, _Read, bool]] = {
        tag: (each.name, read, each.is_vector) for tag, (each, read) in reads.items()
    }

    def read(element: etree._Element) -> dict[str, JsonValue]:
        found: dict[str, Any] = dict(blank)
        for name in vectors:
            found[name] = []
        for child in element:
            plan = plans.get(child.tag)
            if plan is None:
                _check_ignorable(child)
                continue
            name, read_child, is_vector = plan
            try:
                value = read_child(child)
            except Fault as fault:
                if is_vector:
                    fault.inside(len(found[name]))
                fault.inside(name)
                raise
            if is_vector:
                found[name].append(value)
            else:
                found[name] = value
        if _MISSING in found.values():
            raise _missing(found)
        return found

    return read


def _check_ignorable(child: etree._Element) -> None:
    # Comments and processing instructions have a function as their tag.
    if isinstance(child.tag, str):
        raise Fault("not a member of this type").inside(local_name(child.tag))


def _missing(found: Mapping[str, object]) -> Fault:
    name = next(name for name, value in found.items() if value is _MISSING)
    return Fault("is missing in the event").inside(name)


def _is_nil(element: etree._Element) -> bool:
    return element.get(_NIL, "").strip() in ("true", "1")


def _text(element: etree._Element) -> str:
    text = element.text or ""
    for child in element:
        _check_ignorable(child)
        text += child.tail or ""
    return text


def _plain(kind: Plain) -> Callable[[str], JsonValue]:
    match kind.kind:
        case "boolean":
            return _boolean
        case "integer":
            return lambda text: _number(int, text, kind)
        case "double":
            return lambda text: _number(float, text, kind)
        case "time":
            return epoch_seconds
        case "string":
            return _collapsed if kind.collapses else str
    assert_never(kind.kind)


def _boolean(text: str) -> bool:
    try:
        return _TRUTHS[text.strip()]
    except KeyError:
        raise Fault("not a boolean", text) from None


def _number(make: Callable[[str], _Number], text: str, kind: Plain) -> _Number:
    try:
        number = make(text)
    except ValueError:
        raise Fault("not a number", text) from None
    # NaN is not between anything.
    if kind.least <= number <= kind.most and not math.isinf(number):
        return number
    raise Fault(f"JSON-RPC has a number of {kind.least} to {kind.most} here", text)


def _enumeration(kind: Enumeration) -> Callable[[str], JsonValue]:
    numbers = dict(kind.numbers)

    def parse(text: str) -> JsonValue:
        number = numbers.get(text, numbers.get(_collapsed(text)))
        if number is None:
            raise Fault(f"none of {', '.join(numbers)}", text)
        return number

    return parse


def _collapsed(text: str) -> str:
    return _BLANKS.sub(" ", text).strip(" ")


def epoch_seconds(text: str) -> int:
    """Return the whole seconds from the epoch to an xs:dateTime; without a time zone it is UTC.

    Raises Fault for what is none, or not in the years 1 to 9999.
    """
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        raise Fault("not a moment in the years 1 to 9999", text)
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    try:
        days = date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        raise Fault("no such day", text) from None
    seconds = days * 86400 + hour * 3600 + minute * 60 + second - _offset(*found.groups()[6:])
    if not EARLIEST <= seconds <= LATEST:
        raise Fault("not a moment in the years 1 to 9999 of UTC", text)
    return seconds


def _offset(sign: str | None, hours: str, minutes: str) -> int:
    if sign is None:
        return 0
    seconds = int(hours) * 3600 + int(minutes) * 60
    return -seconds if sign == "-" else seconds
