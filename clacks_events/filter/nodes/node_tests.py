"""What nodes and values are tested by: the tests of steps, and sequence types."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = [
    "KindTest",
    "NameTest",
    "SchemaElementTest",
    "SchemaTypeTest",
    "SequenceType",
    "Test",
]


@dataclass(frozen=True, slots=True)
class NameTest:
    """``p:local``, ``*:local`` (namespace None), ``p:*`` (local None) or ``*`` (both None)."""

    namespace: str | None
    local: str | None


@dataclass(frozen=True, slots=True)
class SchemaElementTest:
    """``schema-element(name)``: the Clark names that it stands for."""

    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class SchemaTypeTest:
    """``element(*, T)`` and ``element(name, T)``, all names in Clark notation.

    An element passes when its name is one of ``candidates`` (elements that are declared with such
    a type or may carry it as ``xsi:type``) and its ``xsi:type`` is one of ``types`` (T and what
    derives from it) or, without one, its name one of ``elements`` (declared with such a type). A
    nilled element passes only if ``allows_nil``. ``span`` is where the test stands in the query.
    """

    elements: frozenset[str]
    types: frozenset[str]
    candidates: frozenset[str]
    allows_nil: bool = False
    span: tuple[int, int] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class KindTest:
    """Any other test: ``node()``, ``text()``, ``element()``."""

    text: str


Test: TypeAlias = NameTest | SchemaElementTest | SchemaTypeTest | KindTest


@dataclass(frozen=True, slots=True)
class SequenceType:
    """A sequence type.

    ``atomic`` is the Clark name of an atomic type, ``test`` what nodes of a kind are tested by;
    both None is any other type, as ``text`` says. ``occurrence`` is ``?``, ``*``, ``+`` or empty.
    """

    text: str
    atomic: str | None = None
    test: Test | None = None
    occurrence: str = ""
