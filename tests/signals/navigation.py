"""Event types of a navigation device, and what produces them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from clacks_events import Bus

OpenBus = Callable[..., Bus]

SPEED = "{urn:nav}Speed"
POSITION = "{urn:nav}Position"

_FRAME = '<xs:schema xmlns:xs="{0}" xmlns="urn:nav" targetNamespace="urn:nav">{1}</xs:schema>'
_TYPES = (
    '<xs:element name="Speed" type="xs:decimal"/>'
    '<xs:element name="GroundSpeed" type="xs:decimal" substitutionGroup="Speed"/>'
    '<xs:element name="Position" type="xs:string"/>'
    '<xs:element name="Heading" type="xs:decimal"{0}/>'
)


def write_schema(directory: Path, *, derives_heading: bool = False) -> Path:
    """Write Speed, GroundSpeed (a Speed), Position, and Heading, which may be a Speed as well."""
    base = ' substitutionGroup="Speed"' if derives_heading else ""
    schema = _FRAME.format("http://www.w3.org/2001/XMLSchema", _TYPES.format(base))
    (directory / "navigation.xsd").write_text(schema)
    return directory


def speed(value: float, name: str = "Speed") -> str:
    """Return a speed as XML."""
    return f"<{name} xmlns='urn:nav'>{value}</{name}>"


class Producer:
    """Remembers what was asked of it."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def start(self) -> None:
        """Be asked to start."""
        self.steps.append("start")

    def stop(self) -> None:
        """Be asked to stop."""
        self.steps.append("stop")
