"""One walk through an event for all that filters ask of it.

A ``Field`` is a node in the tree of the places that filters ask for, the ``Forest``; a
``Feature`` is one way to look at a place. What an event has of them is its ``Flat``.

Threads walk while another one changes the tree: what is walked through is replaced and never
changed; dictionaries that are only asked for a key change in place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import IntEnum, auto
from typing import TYPE_CHECKING, TypeAlias

from lxml import etree

from clacks_events.errors import EvaluationError
from clacks_events.event import Event, HeaderValue
from clacks_events.filter.index.places import Place, Test, is_wild, names
from clacks_events.filter.matcher import Subject
from clacks_events.filter.nodes import NameTest

if TYPE_CHECKING:
    from clacks_events.filter.index.bucket import Slot

__all__ = ["Feature", "Field", "Flat", "Value", "View", "Walk", "number"]

Value: TypeAlias = str | float | bool

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SPECIAL = {"INF": float("inf"), "+INF": float("inf"), "-INF": float("-inf"), "NaN": float("nan")}


def number(text: str) -> float | None:
    """Return a text as xs:double; None if it is none (XML Schema 1.1 Part 2, 3.3.5)."""
    text = text.strip(" \t\r\n")
    return float(text) if _NUMBER.fullmatch(text) else _SPECIAL.get(text)


class View(IntEnum):
    """How to look at the values of a place."""

    TEXT = auto()
    """Each text."""
    ONLY = auto()
    """The text, if there is exactly one."""
    NUMBER = auto()
    """Each number but NaN, up to the first text that is none."""
    PRESENT = auto()
    """True, if there is any."""


class Feature:
    """A view of a place that filters ask for; compared by identity.

    ``uses`` counts the conditions that need it.
    """

    __slots__ = ("order", "place", "uses", "view")

    def __init__(self, place: Place, view: View, order: int) -> None:
        self.place = place
        self.view = view
        self.order = order
        self.uses = 0

    def __repr__(self) -> str:
        return f"Feature({self.place}, {self.view.name})"


class Field:
    """What to do with an element or an attribute that is found at a place.

    ``tests`` has the fields below by the test of their step; ``children`` the same by name, as
    far as the test is for names, and ``wild`` the others.
    """

    __slots__ = ("attributes", "children", "features", "is_leaf", "tests", "wants_text", "wild")

    def __init__(self) -> None:
        self.features: tuple[Feature, ...] = ()
        self.wants_text = False
        self.is_leaf = False
        self.tests: dict[Test, Field] = {}
        self.children: dict[str, tuple[Field, ...]] = {}
        self.wild: tuple[tuple[NameTest, Field], ...] = ()
        self.attributes: Mapping[str, Field] = {}

    @property
    def is_idle(self) -> bool:
        """Whether nobody asks for anything here or below."""
        return not (self.features or self.tests or self.attributes)

    def set_features(self, features: tuple[Feature, ...]) -> None:
        """Replace the features."""
        self.wants_text = any(feature.view is not View.PRESENT for feature in features)
        self.features = features
        self._judge()

    def set_attributes(self, attributes: Mapping[str, Field]) -> None:
        """Replace the attributes."""
        self.is_leaf = False
        self.attributes = attributes
        self._judge()

    def _judge(self) -> None:
        self.is_leaf = bool(self.features) and not (self.tests or self.attributes)

    def grow(self, test: Test) -> Field:
        """Return the field below, made if need be."""
        if test not in self.tests:
            self.is_leaf = False
            field = self.tests[test] = Field()
            for name in names(test):
                self.children[name] = (*self.children.get(name, ()), field)
            if is_wild(test):
                self.wild = (*self.wild, (test, field))
        return self.tests[test]

    def cut(self, test: Test) -> None:
        """Forget the field below."""
        field = self.tests.pop(test)
        for name in names(test):
            self.children[name] = tuple(each for each in self.children[name] if each is not field)
            if not self.children[name]:
                del self.children[name]
        self.wild = tuple(each for each in self.wild if each[1] is not field)
        self._judge()


class Flat:
    """What one event has of the features, and what has been found out about it.

    ``values`` has the first value of each feature, ``more`` all of those that have several.
    """

    __slots__ = ("_subject", "event", "failures", "headers", "more", "type", "values", "verdicts")

    def __init__(self, event: Event, type: str, headers: Mapping[str, HeaderValue] | None) -> None:
        self.event = event
        self.type = type
        self.headers = headers
        self.values: dict[Feature, Value] = {}
        self.more: dict[Feature, Sequence[Value]] = {}
        self._subject: Subject | None = None
        self.verdicts: dict[object, bool | EvaluationError] = {}
        self.failures: list[tuple[list[Slot], EvaluationError]] = []

    @property
    def subject(self) -> Subject:
        """The event for what has to be evaluated."""
        if self._subject is None:
            self._subject = Subject(self.event, self.headers)
        return self._subject

    def all(self, feature: Feature) -> Sequence[Value]:
        """Return all values of a feature."""
        if feature in self.more:
            return self.more[feature]
        value = self.values.get(feature)
        return () if value is None else (value,)


class Walk:
    """The texts found, by field; in ``again`` all texts of the fields found more than once."""

    __slots__ = ("again", "texts")

    def __init__(self) -> None:
        self.texts: dict[Field, str] = {}
        self.again: dict[Field, list[str]] = {}

    def below(self, element: etree._Element, field: Field) -> None:
        children, wild = field.children, field.wild
        for child in element:
            name = child.tag
            found = children.get(name)  # type: ignore[arg-type]  # of a comment it is a function
            if found is not None:
                for inner in found:
                    if inner.is_leaf and inner not in self.texts and not len(child):
                        self.texts[inner] = child.text or ""  # most fields are of this kind
                    else:
                        self.at(child, inner)
            if wild and isinstance(name, str):
                for test, inner in wild:
                    if _accepts(test, name):
                        self.at(child, inner)

    def at(self, element: etree._Element, field: Field) -> None:
        if field.features:
            text = _text(element) if field.wants_text else ""
            if field in self.texts:
                self._again(field, text)
            else:
                self.texts[field] = text
        if field.attributes:
            self.attributes(element, field)
        if field.children or field.wild:
            self.below(element, field)

    def attributes(self, element: etree._Element, field: Field) -> None:
        for name, inner in field.attributes.items():
            value = element.get(name)
            if value is None:
                continue
            if inner in self.texts:
                self._again(inner, value)
            else:
                self.texts[inner] = value

    def anywhere(self, root: etree._Element, fields: dict[str, tuple[Field, ...]]) -> None:
        for element in root.iter():
            for field in fields.get(str(element.tag), ()):
                self.at(element, field)

    def _again(self, field: Field, text: str) -> None:
        self.again.setdefault(field, [self.texts[field]]).append(text)

    def into(self, flat: Flat) -> None:
        values = flat.values
        for field, text in self.texts.items():
            for feature in field.features:
                view = feature.view
                if view is View.TEXT or view is View.ONLY:
                    values[feature] = text
                elif view is View.PRESENT:
                    values[feature] = True
                elif (found := number(text)) is not None and found == found:
                    values[feature] = found
        for field, texts in self.again.items():
            for feature in field.features:
                _set_all(flat, feature, texts)


def _accepts(test: NameTest, name: str) -> bool:
    namespace, _, local = name.rpartition("}")
    return test.local in (None, local) and test.namespace in (None, namespace[1:])


def _text(element: etree._Element) -> str:
    return "".join(element.itertext()) if len(element) else element.text or ""


def _set_all(flat: Flat, feature: Feature, texts: list[str]) -> None:
    if feature.view is View.PRESENT:
        return
    flat.values.pop(feature, None)
    if feature.view is View.ONLY:
        return
    values: Sequence[Value] = texts
    if feature.view is View.NUMBER:
        values = _numbers(texts)
    distinct = tuple(dict.fromkeys(values))
    if distinct:
        flat.values[feature] = distinct[0]
    if len(distinct) > 1:
        flat.more[feature] = distinct


def _numbers(texts: list[str]) -> list[float]:
    found: list[float] = []
    for text in texts:
        value = number(text)
        if value is None:
            break  # looking further is an error, which is no match
        if value == value:
            found.append(value)
    return found
