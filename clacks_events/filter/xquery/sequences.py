"""Functions on sequences that compare values; elementpath compares some of them wrongly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cmp_to_key
from itertools import zip_longest
from typing import Any, Final

from elementpath.datatypes import AbstractDateTime
from elementpath.namespaces import XPATH_FUNCTIONS_NAMESPACE
from elementpath.xpath31 import XPath31Parser
from elementpath.xpath_tokens import XPathArray, XPathToken

from clacks_events.filter.xquery.base import (
    Item,
    Sequence,
    atomized,
    derive,
    one_or_list,
    sequence,
)
from clacks_events.filter.xquery.compare import order, same
from clacks_events.filter.xquery.deep_equal import deep_equal
from clacks_events.filter.xquery.numbers import is_readable
from clacks_events.filter.xquery.sequence_type import as_list

__all__ = ["TOKENS"]

_ARRAYS: Final = f"{XPATH_FUNCTIONS_NAMESPACE}/array"
_SORT: Final = f"{{{XPATH_FUNCTIONS_NAMESPACE}}}sort"
_FOLDS: Final = {
    f"{{{namespace}}}fold-{way}": {"to_left": way == "left", "of_array": namespace == _ARRAYS}
    for namespace in (XPATH_FUNCTIONS_NAMESPACE, _ARRAYS)
    for way in ("left", "right")
}


def _extreme(name: str, sign: int) -> type[XPathToken]:
    base: Any = XPath31Parser.symbol_table[name]

    def evaluate(self: Any, context: Any = None) -> Any:
        values = [value for item in sequence(self[0], context) for value in self.atomize_item(item)]
        if not all(map(is_readable, values)):
            raise self.error("FORG0001", f"an argument of {name}() is no number")
        if not values or not all(isinstance(value, AbstractDateTime) for value in values):
            return base.evaluate(self, context)
        best = values[0]
        for value in values:
            if order(value, best, False, self) == sign:
                best = value
        return best

    return derive(name, evaluate=evaluate)


def _distinct(self: Any, context: Any = None) -> Any:
    found: Sequence = []
    for item in sequence(self[0], context):
        for value in self.atomize_item(item):
            if not any(same(value, other) for other in found):
                found.append(value)
    return one_or_list(found)


def _index_of(self: Any, context: Any = None) -> Any:
    wanted = atomized(self[1], context)
    if len(wanted) != 1:
        raise self.error("XPTY0004", "index-of() looks for one value")
    if wanted[0] != wanted[0]:  # NaN equals nothing
        return one_or_list([])
    values = enumerate(atomized(self[0], context), 1)
    return one_or_list([place for place, value in values if same(value, wanted[0])])


def _sort(self: Any, context: Any = None) -> Any:
    items = sequence(self[0], context)
    key = sequence(self[2], context)[0] if len(self) > 2 else None
    rows = [(_keys(self, item, key, context), item) for item in items]

    def compare(left: tuple[Sequence, Item], right: tuple[Sequence, Item]) -> int:
        pairs = zip_longest(left[0], right[0])
        signs = (order(one, other, False, self) for one, other in pairs)
        return next((sign for sign in signs if sign), 0)

    return one_or_list([item for _, item in sorted(rows, key=cmp_to_key(compare))])


def _keys(token: Any, item: Item, key: Any, context: Any) -> Sequence:
    found = [item] if key is None else as_list(key(item, context=context))
    return [value for one in found for value in token.atomize_item(one)]


def _deep_equal(self: Any, context: Any = None) -> bool:
    return deep_equal(sequence(self[0], context), sequence(self[1], context), self)


def _fold(*, to_left: bool, of_array: bool) -> Callable[..., Iterator[Item]]:
    # elementpath's own accept one item only as what they start with.
    def select(self: Any, context: Any = None) -> Iterator[Item]:
        items, result = sequence(self[0], context), sequence(self[1], context)
        if of_array:
            items = _members(self, items)
        function = sequence(self[2], context)
        if len(function) != 1 or getattr(function[0], "nargs", 2) != 2:
            raise self.error("XPTY0004", "the last argument is not a function of two arguments")
        for item in items if to_left else reversed(items):
            pair = (one_or_list(result), item) if to_left else (item, one_or_list(result))
            result = as_list(function[0](*pair, context=context))
        return iter(result)

    return select


def _members(token: Any, items: Sequence) -> Sequence:
    if len(items) != 1 or not isinstance(items[0], XPathArray):
        raise token.error("XPTY0004", "the first argument is not an array")
    return [one_or_list(as_list(member)) for member in items[0].items()]


def _items(self: Any, context: Any = None) -> Any:
    return iter(as_list(self.evaluate(context)))


TOKENS: Final[dict[str, type[XPathToken]]] = {
    "max": _extreme("max", 1),
    "min": _extreme("min", -1),
    "distinct-values": derive("distinct-values", evaluate=_distinct, select=_items),
    "index-of": derive("index-of", evaluate=_index_of, select=_items),
    _SORT: derive(_SORT, evaluate=_sort, select=_items),
    **{name: derive(name, select=_fold(**which)) for name, which in _FOLDS.items()},
    "deep-equal": derive("deep-equal", evaluate=_deep_equal),
}
