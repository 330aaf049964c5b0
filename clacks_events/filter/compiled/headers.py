"""External variables: headers as values, with their types and defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from clacks_events.errors import EvaluationError
from clacks_events.event import HeaderValue
from clacks_events.filter.compiled.code import Code, Count, Frame, One, Scope, merged
from clacks_events.filter.compiled.loops import listed, single
from clacks_events.filter.compiled.type_checks import checked, kind_of
from clacks_events.filter.items import Item
from clacks_events.filter.nodes import XS, External
from clacks_events.filter.nodes.kinds import Kind
from clacks_events.filter.xquery.atomic import header_value

if TYPE_CHECKING:
    from clacks_events.filter.compiled.lowering import Lowering

__all__ = ["Read", "lower_external"]

Read: TypeAlias = Callable[[Mapping[str, HeaderValue], Frame], None]
"""Puts the value of a header into its slot."""


def lower_external(lowering: Lowering, external: External, scope: Scope) -> tuple[Read, Scope]:
    """Return what reads a header, and the scope with its variable."""
    name, slot = external.name, lowering.new_slot()
    given, default = _of_header(external), _default(lowering, external, scope)
    one, otherwise = given.one, None if default is None else default.items
    is_one = default is None or default.count is Count.ONE

    def read(headers: Mapping[str, HeaderValue], frame: Frame) -> None:
        header = headers.get(name)
        if header is not None and one is not None:
            value = one(header, frame)
            frame[slot] = value if is_one else [value]
        elif otherwise is not None:
            values = list(otherwise(None, frame))
            frame[slot] = values[0] if is_one else values
        else:
            raise EvaluationError(f"the header {name} is missing", "XPDY0002")

    like = given if default is None else Code(given.items, merged((given.kind, default.kind)))
    binding = single(slot, like) if is_one else listed(slot, Code(given.items, Kind.ANY))
    return read, scope.with_variable(name, binding)


def _default(lowering: Lowering, external: External, scope: Scope) -> Code | None:
    if external.default is None:
        return None
    code = lowering.lower(external.default, scope)
    return code if external.type is None else checked(code, external.type)


def _of_header(external: External) -> Code:
    """Return the code of a header's value, which it finds as the context item."""
    if external.type is None:
        return _header_code(lambda header, frame: header_value(header), Kind.ATOMIC)
    atomic = external.type.atomic
    kind = Kind.ATOMIC if atomic is None else kind_of(atomic)
    value = _header_code(lambda header, frame: header_value(header), kind)
    slow, exact = checked(value, external.type).items, _EXACT.get(atomic or "")

    def one(header: Item, frame: Frame) -> Item:
        if type(header) is exact:
            return header
        (found,) = slow(header, frame)
        return found

    return _header_code(one, kind)


def _header_code(one: One, kind: Kind) -> Code:
    return Code(lambda header, frame: (one(header, frame),), kind, Count.ONE, one=one)


# Headers of these types are values of the XQuery type as they are.
_EXACT: Final[Mapping[str, type]] = {
    f"{XS}string": str,
    f"{XS}integer": int,
    f"{XS}double": float,
    f"{XS}boolean": bool,
}
