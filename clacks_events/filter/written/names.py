"""Names, name tests and constants as XQuery text."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import IntEnum
from math import isfinite
from typing import Final

from clacks_events.filter import nodes
from clacks_events.filter.nodes import FN, XS

__all__ = ["Level", "Names", "Text", "literal", "quoted"]

_CHARACTERS: Final = str.maketrans(
    {"&": "&amp;", "'": "''", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
)


class Level(IntEnum):
    """How tightly the operator at the top of a text binds."""

    TOP = 0  # must be alone between brackets
    SINGLE = 1
    OR = 2
    AND = 3
    COMPARISON = 4
    RANGE = 5
    ADDITIVE = 6
    MULTIPLICATIVE = 7
    UNION = 8
    INTERSECT = 9
    UNARY = 10
    MAP = 11
    PATH = 12
    POSTFIX = 13


Text = tuple[Level, str]


class Names:
    """Writes names, with the prefixes that there are for their namespaces."""

    def __init__(self, prefixes: Mapping[str, str]) -> None:
        self._prefixes = {uri: prefix for prefix, uri in prefixes.items() if prefix}
        self._default = prefixes.get("", "")

    def variable(self, name: str) -> str:
        """Return a reference to a variable."""
        return f"${self.name(name)}"

    def function(self, name: str) -> str:
        """Return the name of a function in front of its arguments."""
        return name.removeprefix(FN) if name.startswith(FN) else self.name(name)

    def name(self, name: str) -> str:
        """Return a Clark name for what no default namespace is for."""
        namespace, _, local = name.rpartition("}")
        return self._wildcard(namespace[1:], local, "")

    def _element(self, name: str) -> str:
        namespace, _, local = name.rpartition("}")
        return self._wildcard(namespace[1:], local, self._default)

    def _wildcard(self, namespace: str | None, local: str | None, default: str) -> str:
        """Return a name of which either part may be a wildcard."""
        if namespace is None:
            return "*" if local is None else f"*:{local}"
        if namespace == default and local is not None:
            return local
        if namespace in self._prefixes:
            return f"{self._prefixes[namespace]}:{local or '*'}"
        return f"Q{{{namespace.replace('&', '&amp;')}}}{local or '*'}"

    def code(self, namespace: str | None, local: str | None) -> str:
        """Return the name of an error; None is any."""
        return self._wildcard(namespace, local, "")

    def test(self, test: nodes.Test, axis: str) -> str:
        """Return what a step on an axis asks of a node."""
        match test:
            case nodes.KindTest(text):
                return text
            case nodes.SchemaElementTest(names):
                return self._one_of(names)
            case nodes.SchemaTypeTest(_, types, _):
                return f"element(*, {' | '.join(map(self.name, sorted(types)))})"
            case nodes.NameTest(namespace, local):
                default = "" if axis in ("attribute", "namespace") else self._default
                return self._wildcard(namespace, local, default)

    def _one_of(self, names: frozenset[str]) -> str:
        found = [self._element(name) for name in sorted(names)]
        if len(found) == 1:
            return found[0]
        return f"*[{' or '.join(f'self::{name}' for name in found) or 'false()'}]"


def quoted(text: str) -> str:
    """Return a string literal, in one line."""
    return f"'{text.translate(_CHARACTERS)}'"


def literal(value: str | int | float | Decimal | bool) -> Text:
    """Return a constant; a negative number is a negation."""
    match value:
        case str():
            return Level.POSTFIX, quoted(value)
        case bool():
            return Level.POSTFIX, f"{str(value).lower()}()"
        case int():
            text = str(value)
        case Decimal():
            text = format(value, "f")
            text = text if "." in text else f"{text}.0"
        case float():
            return _double(value)
    return Level.UNARY if text.startswith("-") else Level.POSTFIX, text


def _double(value: float) -> Text:
    if not isfinite(value):
        text = {"inf": "INF", "-inf": "-INF", "nan": "NaN"}[str(value)]
        return Level.POSTFIX, f"Q{XS}double('{text}')"
    text = repr(value)
    text = text if "e" in text else f"{text}e0"
    return Level.UNARY if text.startswith("-") else Level.POSTFIX, text
