"""Whether verdicts on one query and one event can stand beside each other.

Both the compiled filter and the engine on top of elementpath must say what Saxon says. XPath
(3.1 §2.3.4) lets an engine skip what the result does not depend on, errors included, so where
one side fails and the other matches, the verdicts say nothing by themselves. Then:

* the compiled filter must agree with the engine or with Saxon, but it may look at the right side
  of an operator whose left side is empty, and fail (§3.5), and it may find what a comparison
  with a union looks for before the value that fails (§3.7.2);
* a match that the engine and the compiled filter agree on stands against an error of Saxon, and
  the other way round, if elementpath says the same or the query holds something to be skipped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["Verdicts", "fault", "is_tolerated"]

_SKIPPED: Final = re.compile(
    r" or | and |\b(some|every|for|let|try|exists|empty|boolean|not|head|data|declare)\b|\[|[=<>!,]"
)
_DEFINITE: Final = frozenset("TF")
_UNORDERED: Final = re.compile(r"union|\|")
_TWO_SIDED: Final = re.compile(r" ([-+*]|div|idiv|mod|eq|ne|lt|le|gt|ge|is|<<|>>) ")


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What four engines say; those of ours are ``T``, ``F``, ``E`` or ``P``."""

    compiled: str
    interpreted: str
    saxon: str
    elementpath: str | None


def fault(verdicts: Verdicts, query: str) -> str | None:
    """Return what is wrong with our verdicts; None if they can stand."""
    compiled, interpreted, saxon = verdicts.compiled, verdicts.interpreted, verdicts.saxon
    if compiled == "P" or interpreted == "P":
        return "a query that Saxon evaluates is refused" if saxon in _DEFINITE else None
    if saxon == "S":
        return None if _agree(compiled, interpreted) else "the two engines of ours disagree"
    if not _agree(compiled, saxon) and not _agree(compiled, interpreted):
        unforeseen = _TWO_SIDED if compiled == "E" else _UNORDERED
        if {compiled, interpreted, saxon} >= _DEFINITE or not unforeseen.search(query):
            return "the compiled filter agrees with nobody"
    for ours in {compiled, interpreted}:
        if not _agree(ours, saxon) and not _may_differ(ours, verdicts, query):
            return "Saxon says otherwise"
    return None


def is_tolerated(verdicts: Verdicts) -> bool:
    """Tell whether verdicts that can stand are different nevertheless."""
    ours = {verdicts.compiled == "T", verdicts.interpreted == "T"}
    return verdicts.saxon != "S" and ours != {verdicts.saxon == "T"}


def _agree(one: str, other: str) -> bool:
    return (one == "T") == (other == "T")


def _may_differ(ours: str, verdicts: Verdicts, query: str) -> bool:
    if ours in _DEFINITE and verdicts.saxon in _DEFINITE:
        return False
    if verdicts.elementpath is not None and _agree(verdicts.elementpath, ours):
        return True
    return _SKIPPED.search(query) is not None
