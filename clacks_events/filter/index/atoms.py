"""Conditions on one event, as the index checks those that it has not looked up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import TypeAlias, final

from clacks_events.errors import EvaluationError
from clacks_events.filter.index.flatten import Feature, Flat, Value
from clacks_events.filter.index.places import Types
from clacks_events.filter.matcher import is_one_of

__all__ = ["Affix", "Atom", "Differs", "Evaluate", "Lacks", "OneOf", "Part", "Side", "Within"]


@dataclass(frozen=True, slots=True)
class OneOf:
    """A value of the feature is among the values."""

    feature: Feature
    values: tuple[Value, ...]

    def holds(self, flat: Flat) -> bool:
        """Tell whether an event meets the condition."""
        if flat.more:
            return any(value in self.values for value in flat.all(self.feature))
        return flat.values.get(self.feature) in self.values


@dataclass(frozen=True, slots=True)
class Within:
    """Numbers of the feature reach from below the upper to above the lower bound, inclusive.

    With one number that means: between the bounds; with several, one may pass the lower bound
    and another one the upper.
    """

    feature: Feature
    low: float
    high: float

    def holds(self, flat: Flat) -> bool:
        """Tell whether an event meets the condition."""
        if not flat.more:
            value = flat.values.get(self.feature)
            return isinstance(value, float) and self.low <= value <= self.high
        numbers = [value for value in flat.all(self.feature) if isinstance(value, float)]
        return bool(numbers) and max(numbers) >= self.low and min(numbers) <= self.high


class Side(IntEnum):
    """Where in a text a piece of it is."""

    START = auto()
    END = auto()
    INSIDE = auto()


@dataclass(frozen=True, slots=True)
class Affix:
    """The only text of the feature begins with, ends with or contains another one."""

    feature: Feature
    side: Side
    text: str

    def holds(self, flat: Flat) -> bool:
        """Tell whether an event meets the condition."""
        value = flat.values.get(self.feature)
        if not isinstance(value, str):
            return False
        if self.side is Side.INSIDE:
            return self.text in value
        return (value.startswith if self.side is Side.START else value.endswith)(self.text)


@dataclass(frozen=True, slots=True)
class Differs:
    """A text of the feature is not the other one."""

    feature: Feature
    text: str

    def holds(self, flat: Flat) -> bool:
        """Tell whether an event meets the condition."""
        if flat.more:
            return any(value != self.text for value in flat.all(self.feature))
        return flat.values.get(self.feature, self.text) != self.text


@dataclass(frozen=True, slots=True)
class Lacks:
    """No value of the feature is among the values, or the event is not of the types."""

    feature: Feature
    values: tuple[Value, ...]
    types: Types

    def holds(self, flat: Flat) -> bool:
        """Tell whether an event meets the condition."""
        if self.types is not None and not is_one_of(flat.type, self.types):
            return True
        return not any(value in self.values for value in flat.all(self.feature))


Evaluate: TypeAlias = Callable[[Flat], bool]
"""Answers for an event, or raises EvaluationError."""


@final
class Part:
    """A part of a query, or all of it, that is evaluated: once for each event.

    Equal parts of many filters are one object; compared by identity.
    """

    __slots__ = ("__weakref__", "_evaluate")

    def __init__(self, evaluate: Evaluate) -> None:
        self._evaluate = evaluate

    def holds(self, flat: Flat) -> bool:
        """Tell whether it is true for an event; raise EvaluationError if it fails."""
        verdict = flat.verdicts.get(self)
        if verdict is None:
            try:
                verdict = self._evaluate(flat)
            except EvaluationError as error:
                verdict = error
            flat.verdicts[self] = verdict
        if isinstance(verdict, EvaluationError):
            raise verdict
        return verdict


Atom: TypeAlias = OneOf | Within | Affix | Differs | Lacks | Part
