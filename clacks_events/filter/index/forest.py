"""The tree of all places that filters ask for."""

from __future__ import annotations

from collections.abc import Mapping

from clacks_events.event import Event, HeaderValue
from clacks_events.filter.index.flatten import Feature, Field, Flat, View, Walk
from clacks_events.filter.index.places import Base, Place, Test

__all__ = ["Forest"]


class Forest:
    """The features in use, in a tree for each base.

    One thread at a time borrows and releases; others may flatten meanwhile.
    """

    __slots__ = ("_anywhere", "_envelope", "_features", "_made", "_payload")

    def __init__(self) -> None:
        self._features: dict[tuple[Place, View], Feature] = {}
        self._made = 0
        self._envelope = Field()
        self._payload = Field()
        self._anywhere = Field()

    def borrow(self, place: Place, view: View) -> Feature:
        """Return a feature for one more use."""
        feature = self._features.get((place, view))
        if feature is None:
            feature = self._features[place, view] = Feature(place, view, self._made)
            self._made += 1
            field = self._grown(place)
            field.set_features((*field.features, feature))
        feature.uses += 1
        return feature

    def release(self, feature: Feature, uses: int = 1) -> None:
        """Take back some uses; what nobody uses is not looked for any more."""
        feature.uses -= uses
        if feature.uses:
            return
        del self._features[feature.place, feature.view]
        _drop(self._base(feature.place), feature.place.steps, feature)

    def flatten(self, event: Event, headers: Mapping[str, HeaderValue] | None) -> Flat:
        """Return what an event has of the features."""
        element = event.element
        flat, walk = Flat(event, str(element.tag), headers), Walk()
        if self._envelope.attributes:
            walk.attributes(event.envelope, self._envelope)
        walk.at(element, self._payload)
        if self._anywhere.children:
            walk.anywhere(event.envelope, self._anywhere.children)
        walk.into(flat)
        return flat

    def _base(self, place: Place) -> Field:
        bases = {
            Base.ENVELOPE: self._envelope,
            Base.PAYLOAD: self._payload,
            Base.ANYWHERE: self._anywhere,
        }
        return bases[place.base]

    def _grown(self, place: Place) -> Field:
        """Return the field of a place, after making the way to it."""
        field = self._base(place)
        for test in place.steps:
            field = field.grow(test)
        if place.attribute is None:
            return field
        if place.attribute not in field.attributes:
            field.set_attributes({**field.attributes, place.attribute: Field()})
        return field.attributes[place.attribute]


def _drop(field: Field, steps: tuple[Test, ...], feature: Feature) -> None:
    """Take a feature out, and all that nobody needs without it."""
    if steps:
        below = field.tests[steps[0]]
        _drop(below, steps[1:], feature)
        if below.is_idle:
            field.cut(steps[0])
        return
    name = feature.place.attribute
    owner = field if name is None else field.attributes[name]
    owner.set_features(tuple(each for each in owner.features if each is not feature))
    if name is not None and owner.is_idle:
        rest = {key: each for key, each in field.attributes.items() if key != name}
        field.set_attributes(rest)
