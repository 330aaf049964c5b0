"""Decide whether an event matches: what filters share of an event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from clacks_events.event import Event, HeaderValue
from clacks_events.xml import local_name

if TYPE_CHECKING:
    from clacks_events.filter.xquery import Wrapped

__all__ = ["Subject", "is_one_of"]


class Subject:
    """An event on its way through filters; what they share is made once.

    For one thread at a time.
    """

    __slots__ = ("_wrapped", "event", "headers")

    def __init__(self, event: Event, headers: Mapping[str, HeaderValue] | None = None) -> None:
        self.event = event
        self.headers = event.headers if headers is None else headers
        self._wrapped: Wrapped | None = None

    @property
    def wrapped(self) -> Wrapped:
        """The document as elementpath wants it."""
        if self._wrapped is None:
            from clacks_events.filter.xquery import wrap

            self._wrapped = wrap(self.event.document)
        return self._wrapped


def is_one_of(name: str, types: frozenset[str]) -> bool:
    """Tell whether a Clark name is among Clark names and ``{*}local`` names."""
    return name in types or f"{{*}}{local_name(name)}" in types
