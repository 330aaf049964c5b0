"""``instance of``, ``treat as``, ``cast as`` and ``castable as``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, cast

from elementpath.xpath31 import XPath31Parser
from elementpath.xpath_tokens import XPathToken

from clacks_events.errors import EvaluationError
from clacks_events.filter.xquery.base import Item, QueryToken, Sequence, derive, sequence
from clacks_events.filter.xquery.casting import CASTS
from clacks_events.filter.xquery.sequence_type import SequenceType, atomic_type, read_type

if TYPE_CHECKING:
    from clacks_events.filter.xquery.parser import XQueryParser

__all__ = ["TOKENS"]


class InstanceOf(QueryToken):
    """``instance of``"""

    symbol = lookup_name = "instance"
    label = "expression"
    lbp = rbp = 60
    type: SequenceType

    def led(self, left: XPathToken) -> XPathToken:
        self.parser.advance("of")
        self.type = read_type(self.parser)
        self._items[:] = (left,)
        return self

    def evaluate(self, context: Any = None) -> bool:
        return self.type.matches(sequence(self[0], self.context(context)))

    def select(self, context: Any = None) -> Iterator[Item]:
        yield self.evaluate(context)


class TreatAs(QueryToken):
    """``treat as``"""

    symbol = lookup_name = "treat"
    label = "expression"
    lbp = rbp = 61
    type: SequenceType

    def led(self, left: XPathToken) -> XPathToken:
        self.parser.advance("as")
        self.type = read_type(self.parser)
        self._items[:] = (left,)
        return self

    def select(self, context: Any = None) -> Iterator[Item]:
        items: Sequence = sequence(self[0], self.context(context))
        if not self.type.matches(items):
            raise self.error("XPDY0050", f"the value is not of the type {self.type.text}")
        return iter(items)


def _cast_led(self: Any, left: XPathToken) -> XPathToken:
    parser = cast("XQueryParser", self.parser)
    parser.advance("as")
    start = parser.next_token.span[0]
    target = atomic_type(parser).atomic or ""
    span = start, parser.token.span[1]
    if target.endswith(("}NOTATION", "}anyAtomicType")):
        raise parser.type_error("Nothing can be cast to this type", span, "XPST0080")
    name = parser.symbol_table["(name)"](parser)
    name.value, name.span = target, span
    self[:] = left, name
    if parser.next_token.symbol == "?":
        parser.advance()
        name.occurrence = "?"
    return cast(XPathToken, self)


def _constructor(name: str) -> type[XPathToken]:
    # elementpath's own neither round to xs:float nor know all letters of xs:NMTOKEN.
    convert = CASTS[name]

    def cast(self: Any, value: Item) -> Item:
        try:
            return convert(value)
        except EvaluationError as fault:
            raise self.error(fault.code or "FORG0001", str(fault)) from fault

    return derive(name.rpartition("}")[2], cast=cast)


def _is_constructor(name: str) -> bool:
    local = name.rpartition("}")[2]
    found = XPath31Parser.symbol_table.get(local)
    # The token of xs:string is also that of fn:string.
    return found is not None and found.label == "constructor function" and local != "string"


TOKENS: Final[dict[str, type[XPathToken]]] = {
    "instance": InstanceOf,
    "treat": TreatAs,
    "cast": derive("cast", led=_cast_led),
    "castable": derive("castable", led=_cast_led),
    **{n.rpartition("}")[2]: _constructor(n) for n in CASTS if _is_constructor(n)},
}
