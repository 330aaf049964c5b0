"""Regular expressions of XPath, compiled to Python's."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from elementpath.regex import RegexError, translate_pattern

from clacks_events.errors import EvaluationError

__all__ = ["compiled"]

_FLAGS: Final = {"s": re.DOTALL, "m": re.MULTILINE, "i": re.IGNORECASE}
_BRACKETS_AND_SPACES: Final = re.compile(r"\\.|[\[\] \t\r\n]", re.DOTALL)


@lru_cache(maxsize=256)
def compiled(pattern: str, flags: str = "") -> re.Pattern[str]:
    """Return a regular expression ready for use; raise FORX0001 for flags, FORX0002."""
    if set(flags) - set("smixq"):
        raise EvaluationError(f"{flags!r} are no flags of a regular expression", "FORX0001")
    python = re.RegexFlag(0)
    for flag in set(flags) & _FLAGS.keys():
        python |= _FLAGS[flag]
    if "q" in flags:
        return re.compile(re.escape(pattern), python & re.IGNORECASE)
    if "x" in flags:
        pattern = _without_spaces(pattern)
    try:
        return re.compile(translate_pattern(pattern, python, "1.1"), python)
    except (re.error, RegexError, OverflowError, IndexError, RecursionError) as fault:
        raise EvaluationError(f"no regular expression: {fault}", "FORX0002") from fault


def _without_spaces(pattern: str) -> str:
    """Remove white space, but not in character classes."""
    depth = 0

    def kept(match: re.Match[str]) -> str:
        nonlocal depth
        found = match[0]
        depth += {"[": 1, "]": -1}.get(found, 0)
        return "" if not depth and found.isspace() else found

    return _BRACKETS_AND_SPACES.sub(kept, pattern)
