"""Writes expressions: fills the slots of templates, with the variables in sight."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from tests.filter.fuzz.choices import Choices
from tests.filter.fuzz.grammar import GRAMMAR
from tests.filter.fuzz.samples import Header
from tests.filter.fuzz.vocabulary import Vocabulary

__all__ = ["Function", "Slots", "Writer"]

_SLOT: Final = re.compile(r"\{([.a-z]+:)?([A-Z_]+(?::[a-z]+)?|[.a-z]+)\}")

Slots = Mapping[str, Callable[["Writer", str], str]]
"""What fills the slots in capitals; the text is what stands behind the colon, or empty."""


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    kind: str
    parameters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Writer:
    """The state at one place of a query."""

    choices: Choices
    vocabulary: Vocabulary
    slots: Slots
    level: int
    focus: str = "document"
    variables: tuple[tuple[str, str], ...] = ()
    functions: tuple[Function, ...] = ()
    headers: tuple[Header, ...] = ()
    counter: list[int] = field(default_factory=lambda: [0])

    def write(self, kind: str) -> str:
        """Return an expression of a kind."""
        simple, wild = GRAMMAR[kind]
        options = simple if self.level <= 0 else (*simple, *wild)
        return self.filled(self.choices.one(options))

    def filled(self, template: str) -> str:
        """Return a template with its slots filled from left to right."""
        inner, parts, end = replace(self, level=self.level - 1), [], 0
        for slot in _SLOT.finditer(template):
            parts.append(template[end : slot.start()])
            end = slot.end()
            text, inner = inner._slot((slot[1] or "").rstrip(":"), slot[2])
            parts.append(text)
        return "".join([*parts, template[end:]])

    def _slot(self, binder: str, kind: str) -> tuple[str, Writer]:
        if binder:
            return self._bound(binder, kind)
        if kind.startswith("."):
            return replace(self, focus="item").write(kind[1:]), self
        if kind.isupper() or kind[0].isupper():
            return self._special(kind), self
        return self.write(kind), self

    def _bound(self, binder: str, kind: str) -> tuple[str, Writer]:
        name = self._fresh()
        value = self._special(kind) if kind.isupper() else self.write(kind)
        single = {"nodes": "node", "sequence": "atomic", "TYPE": "sequence"}
        bound = kind if binder == "let" else single.get(kind, kind)
        inner = replace(self, variables=(*self.variables, (name, bound)))
        if binder == "at":
            position = f"{name}p"
            inner = replace(inner, variables=(*inner.variables, (position, "integer")))
            return f"${name} at ${position} in {value}", inner
        shape = {"let": "${} := {}", "in": "${} in {}", "case": "${} as {}"}
        shape["as"] = "${} as node() in {}"
        return shape[binder].format(name, value), inner

    def _fresh(self) -> str:
        self.counter[0] += 1
        # Now and then a name that is taken, which hides the outer one.
        if self.variables and self.choices.happens(10):
            return self.choices.one(self.variables)[0]
        return f"v{self.counter[0]}"

    def _special(self, slot: str) -> str:
        name, _, argument = slot.partition(":")
        return self.slots[name](self, argument)

    def one(self, options: tuple[str, ...]) -> str:
        return self.choices.one(options)

    def named(self, kinds: tuple[str, ...]) -> list[str]:
        return [name for name, kind in self.variables if kind in kinds]
