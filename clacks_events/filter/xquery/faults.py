"""What may be raised while elementpath runs."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["LIBRARY_FAULTS"]

# What elementpath and the standard library below it are known to raise on odd values. It is a
# list, not Exception, so that MemoryError and programming errors of other kinds stay visible.
LIBRARY_FAULTS: Final[tuple[type[Exception], ...]] = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    re.error,
)
