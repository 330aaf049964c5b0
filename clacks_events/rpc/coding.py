"""From values to JSON and back, on both sides of a call."""

from __future__ import annotations

import importlib
from functools import cache
from types import ModuleType
from typing import Any

__all__ = ["FAULTS", "decode", "encode", "is_deeper"]

FAULTS = (TypeError, ValueError, OverflowError, RecursionError)
"""What a value without a JSON form raises."""


@cache
def _json() -> ModuleType:
    # 25 ms of import that a program without calls need not wait for.
    return importlib.import_module("msgspec.json")


def encode(value: object) -> bytes:
    """Return a value as JSON: plain data, dataclasses, times and what else msgspec knows.

    Raises one of FAULTS.
    """
    data: bytes = _json().encode(value)
    return data


def decode(data: bytes) -> Any:
    """Return what JSON says. Raises ValueError."""
    try:
        return _json().decode(data)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def is_deeper(value: Any, levels: int) -> bool:
    """Tell whether plain data has lists and objects nested in more levels than that."""
    level = [value] if isinstance(value, list | dict) else []
    for _ in range(levels):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, list | dict)
        ]
        if not level:
            return False
    return True
