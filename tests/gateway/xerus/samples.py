"""Value objects for the tests, and the schemas to read them by."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clacks_events.gateway.xerus.idl import IdlTypes
from clacks_events.gateway.xerus.values import ValueObjects
from tests.gateway.xerus.schemas import ALL_KINDS, ROLES, SETUP, catalog

READING = "sensors.NumericSensor_4_0_9.ReadingChangedEvent:1.0.0"
KINDS = "test.Kinds_2_0_1.AllEvent:1.0.0"


@contextmanager
def value_objects(directory: Path) -> Iterator[ValueObjects]:
    """Give the value objects of the built-in events and of all those in the test schemas."""
    types = IdlTypes(catalog(directory, ROLES, SETUP, ALL_KINDS))
    assert types.problems == ()
    try:
        yield ValueObjects(types)
    finally:
        types.close()


def reading() -> dict[str, Any]:
    """Return the value object of the example in the client's documentation."""
    bounds = ("aboveUpperCritical", "aboveUpperWarning", "belowLowerWarning", "belowLowerCritical")
    return {
        "type": READING,
        "value": {
            "source": {"rid": "/tfwopaque/1", "type": "sensors.NumericSensor:4.0.9"},
            "newReading": {
                "timestamp": 1700000000, "available": True, "valid": True, "value": 1.5,
                "status": dict.fromkeys(bounds, False),
            },
        },
    }  # fmt: skip


def kinds() -> dict[str, Any]:
    """Return a value object with a member of each kind."""
    value = {
        "source": None, "small": 255, "int": -1, "long": 2**62, "whole": 3, "percent": 100,
        "single": 1.5, "double": 1, "at": -1, "yes": False, "text": "", "level": 6,
        "nothing": None, "link": "urn:x", "holes": [1, None], "few": [{"at": 1}], "maybe": None,
        "named": "x",
    }  # fmt: skip
    return {"type": KINDS, "value": value}


def changed(valueobject: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return a value object with another value at a dotted path; ``...`` takes it out."""
    found = copy.deepcopy(valueobject)
    *steps, last = path.split(".")
    inner = found
    for step in steps:
        inner = inner[step]
    inner[last] = value
    if value is ...:
        del inner[last]
    return found
