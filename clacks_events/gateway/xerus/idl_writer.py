"""From IDL to XML: the JSON of a value object as the content of a payload.

Strict: every member has to be there, with a value of its very type, and no other. What facets of
the schema say is left to the validation that each event goes through.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, TypeAlias, assert_never

from lxml import etree

from clacks_events.catalog.idl import Enumeration, Member, Plain, Struct
from clacks_events.gateway.xerus.idl_fault import Fault, kind_of, shown
from clacks_events.gateway.xerus.idl_reader import EARLIEST, LATEST

__all__ = ["Writer", "writer"]

Writer: TypeAlias = Callable[[etree._Element, object], None]
"""Fills an element, which is empty, from the JSON of its value."""
_Add: TypeAlias = Callable[[etree._Element, object], None]
_Format: TypeAlias = Callable[[object], str]

_NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_MOST_ITEMS: Final = 1000  # of a vector, unless the schema says less
_NAMED: Final = 5  # members at fault
_EPOCH: Final = datetime(1970, 1, 1)


def writer(struct: Struct) -> Writer:
    """Return what fills the element of a struct; it raises Fault."""
    return _Writers().struct(struct)


class _Writers:
    """Makes one writer per struct, however often that occurs."""

    def __init__(self) -> None:
        self._known: dict[Struct, Writer] = {}

    def struct(self, struct: Struct) -> Writer:
        if struct not in self._known:
            self._known[struct] = _struct({each.name: self._add(each) for each in struct.members})
        return self._known[struct]

    def _add(self, member: Member) -> _Add:
        """Return what adds the elements of a member to that of its struct."""
        fill = self._fill(member)
        add = _nillable(member.tag, fill) if member.is_nillable else _one(member.tag, fill)
        if member.is_vector:
            return _several(add, member.most)
        return add if member.least else _optional(add)

    def _fill(self, member: Member) -> Writer:
        kind = member.type
        if isinstance(kind, Struct):
            return self.struct(kind)
        text_of = _enumeration(kind) if isinstance(kind, Enumeration) else _plain(kind)
        return _leaf(text_of, member.default)


def _struct(adds: Mapping[str, _Add]) -> Writer:
    members = tuple(adds.items())

    def fill(element: etree._Element, value: object) -> None:
        if not isinstance(value, dict):
            raise Fault(f"an object is needed here, not {kind_of(value)}", value)
        if value.keys() != adds.keys():
            raise _other_members(value, adds)
        for name, add in members:
            try:
                add(element, value[name])
            except Fault as fault:
                fault.inside(name)
                raise

    return fill


def _other_members(value: Mapping[str, object], adds: Mapping[str, _Add]) -> Fault:
    missing = [name for name in adds if name not in value]
    others = [name for name in value if name not in adds]
    if len(missing) == 1 and not others:
        return Fault("this member is missing").inside(missing[0])
    if len(others) == 1 and not missing:
        near = difflib.get_close_matches(shown(others[0]), adds, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return Fault(f"no such member{hint}").inside(others[0])
    texts = [
        f"{what}: {', '.join(map(shown, names[:_NAMED]))}{', …' if len(names) > _NAMED else ''}"
        for what, names in (("missing", missing), ("unknown", others))
        if names
    ]
    return Fault(f"not the members of this type; {'; '.join(texts)}")


def _one(tag: str, fill: Writer) -> _Add:
    new = etree.SubElement

    def add(parent: etree._Element, value: object) -> None:
        if value is None:
            raise Fault("null is not allowed here")
        fill(new(parent, tag), value)

    return add


def _nillable(tag: str, fill: Writer) -> _Add:
    def add(parent: etree._Element, value: object) -> None:
        child = etree.SubElement(parent, tag)
        if value is None:
            child.set(_NIL, "true")
        else:
            fill(child, value)

    return add


def _optional(add: _Add) -> _Add:
    def add_if_any(parent: etree._Element, value: object) -> None:
        if value is not None:
            add(parent, value)

    return add_if_any


def _several(add: _Add, most: int | None) -> _Add:
    most = _MOST_ITEMS if most is None else min(most, _MOST_ITEMS)

    def add_all(parent: etree._Element, value: object) -> None:
        if not isinstance(value, list):
            raise Fault(f"a list is needed here, not {kind_of(value)}", value)
        if len(value) > most:
            raise Fault(f"a list of at most {most} is allowed here", value)
        for index, each in enumerate(value):
            try:
                add(parent, each)
            except Fault as fault:
                fault.inside(index)
                raise

    return add_all


def _leaf(text_of: _Format, default: str) -> Writer:
    def fill(element: etree._Element, value: object) -> None:
        text = text_of(value)
        if default and not text:
            raise Fault(f"an empty text would mean the default of the schema, {default!r}")
        try:
            element.text = text
        except ValueError as error:
            raise Fault("a character that XML does not have", repr(value)) from error

    return fill


def _plain(kind: Plain) -> _Format:
    match kind.kind:
        case "boolean":
            return _boolean
        case "integer":
            return lambda value: _integer(value, kind)
        case "double":
            return lambda value: _double(value, kind)
        case "time":
            return _moment
        case "string":
            return _string
    assert_never(kind.kind)


def _boolean(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    raise Fault(f"a boolean is needed here, not {kind_of(value)}", value)


def _integer(value: object, kind: Plain) -> str:
    if type(value) is not int:
        raise Fault(f"an integer is needed here, not {kind_of(value)}", value)
    if not kind.least <= value <= kind.most:
        raise Fault(f"an integer of {kind.least} to {kind.most} is needed here", value)
    return str(value)


def _double(value: object, kind: Plain) -> str:
    if type(value) is not float and type(value) is not int:
        raise Fault(f"a number is needed here, not {kind_of(value)}", value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    # NaN is not between anything.
    if math.isinf(number) or not kind.least <= number <= kind.most:
        raise Fault("a finite number that fits is needed here", value)
    return repr(number)


def _string(value: object) -> str:
    if isinstance(value, str):
        return value
    raise Fault(f"a string is needed here, not {kind_of(value)}", value)


def _moment(value: object) -> str:
    if type(value) is not int:
        raise Fault(f"a time in whole seconds is needed here, not {kind_of(value)}", value)
    if not EARLIEST <= value <= LATEST:
        raise Fault("a time in the years 1 to 9999 is needed here", value)
    return f"{(_EPOCH + timedelta(seconds=value)).isoformat()}Z"


def _enumeration(kind: Enumeration) -> _Format:
    names = {number: name for name, number in kind.numbers}

    def text_of(value: object) -> str:
        if type(value) is not int:
            raise Fault(f"an integer is needed here, not {kind_of(value)}", value)
        if value not in names:
            known = ", ".join(f"{number} ({name})" for number, name in names.items())
            raise Fault(f"one of {known} is needed here", value)
        return names[value]

    return text_of
