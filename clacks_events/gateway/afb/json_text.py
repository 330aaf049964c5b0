"""JSON from strangers and back: what two readers could take for two things is no JSON here."""

from __future__ import annotations

import json
import math
from typing import Any, Final

from clacks_events.event import JsonValue
from clacks_events.rpc.coding import FAULTS, encode, is_deeper

__all__ = ["FAULTS", "decoded", "encoded"]

_DEEPEST: Final = 64


def decoded(text: str) -> JsonValue:
    """Return what JSON says, nested up to 64 levels.

    Raises ValueError for anything else, and for members that are there twice, numbers that no
    float holds and halves of surrogate pairs.
    """
    try:
        found: JsonValue = _DECODER.decode(text)
    except RecursionError as error:
        raise _too_deep() from error
    if text.count("[") + text.count("{") > _DEEPEST and is_deeper(found, _DEEPEST):
        raise _too_deep()
    if "\\u" in text:
        # Raises a ValueError for what is no Unicode.
        json.dumps(found, ensure_ascii=False).encode()
    return found


def encoded(value: object) -> str:
    """Return a value as compact JSON. Raises one of FAULTS for one that has no such form."""
    try:
        return encode(value).decode()
    except OverflowError:
        # An integer of more than 64 bits, which JSON may have.
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        raise ValueError("a member is there twice")
    return found


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number beyond all floats")
    return number


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_constant, parse_float=_finite
)


def _too_deep() -> ValueError:
    return ValueError(f"nested deeper than {_DEEPEST}")
