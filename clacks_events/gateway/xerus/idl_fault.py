"""What does not fit inside of a value; where that is gets known on the way out."""

from __future__ import annotations

from typing import Final

__all__ = ["Fault", "kind_of", "shown"]

_SHOWN: Final = 100  # characters
_KINDS: Final[dict[type, str]] = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}


class Fault(Exception):
    """A value that does not fit its IDL type; ``path`` grows as it passes member by member."""

    def __init__(self, reason: str, value: object = None) -> None:
        self.reason = reason
        self.value = None if value is None else shown(value)
        self.path = ""
        super().__init__(reason)

    def inside(self, step: str | int) -> Fault:
        """Return this fault, one member or one place of a list further out."""
        if isinstance(step, int):
            self.path = f"[{step}]{self.path}"
        elif step.isidentifier() and len(step) <= _SHOWN:
            self.path = f".{step}{self.path}"
        else:
            self.path = f"[{shown(step)!r}]{self.path}"
        return self


def kind_of(value: object) -> str:
    """Return what JSON calls a value, with its article."""
    return _KINDS.get(type(value), type(value).__name__)


def shown(value: object) -> str:
    """Return a value for a message, not longer than a line or two."""
    if isinstance(value, list | dict):
        # Written out, a large one would cost more than it tells.
        return f"{kind_of(value)} of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 4 * _SHOWN:
        return f"an integer of {value.bit_length()} bits"
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
