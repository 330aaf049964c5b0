"""What the annotations of a function say of its parameters, by msgspec."""

from __future__ import annotations

import importlib
import typing
from collections.abc import Callable, Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any

from clacks_events.errors import ConfigError
from clacks_events.event import JsonValue

__all__ = ["Misfit", "convert", "resolved", "schema_of"]

_ANY_JSON = {"JsonValue": Any}  # recursive, which msgspec does not know


@cache
def _msgspec(module: str) -> Any:
    # 25 ms of import that a program without commands need not wait for.
    return importlib.import_module(module)


class Misfit(Exception):
    """A value that is not of its type: where in it, and why."""

    def __init__(self, where: str, reason: str) -> None:
        self.where = where
        self.reason = reason
        super().__init__(reason)


def resolved(function: Callable[..., Any], annotation: object) -> Any:
    """Return the type that an annotation stands for; Any if it says nothing.

    Raises ConfigError for a name that is not known where the function was made.
    """
    if annotation is JsonValue or annotation is object:
        return Any
    holder = SimpleNamespace(__annotations__={"it": annotation})
    names = getattr(function, "__globals__", {})
    try:
        found = typing.get_type_hints(holder, names, _ANY_JSON, include_extras=True)["it"]
    except (NameError, SyntaxError, TypeError) as error:
        raise ConfigError(f"the annotation {annotation!r} says nothing here: {error}") from error
    return Any if found is object else found


def schema_of(kind: Any) -> Mapping[str, JsonValue]:
    """Return the JSON Schema of a type. Raises ConfigError for one that no JSON can have."""
    codec = _msgspec("msgspec.json")
    try:
        codec.Decoder(kind)
        schema: Mapping[str, JsonValue] = codec.schema(kind)
    except (TypeError, ValueError, RecursionError) as error:
        reason = str(error).splitlines()[-1]
        raise ConfigError(f"no JSON is of this type: {reason}") from error
    return schema


def convert(value: Any, kind: Any) -> Any:
    """Return plain JSON data as a value of a type. Raises Misfit."""
    msgspec = _msgspec("msgspec")
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        reason, _, place = str(error).partition(" - at `")
        raise Misfit(place.removesuffix("`").removeprefix("$"), reason) from error
