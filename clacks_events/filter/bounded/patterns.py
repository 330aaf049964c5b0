"""Regular expressions that take linear time although the engine backtracks.

Each branch of the pattern is a sequence of characters, classes and groups. A repetition without
an upper end is only allowed

- at the end of a branch, where nothing can fail behind it, or
- in a branch that begins with ``^``, so that it is tried at one place only, when what follows
  cannot begin with what is repeated; or, once in a branch, when it can.

A choice that is limited (``?``, ``{2,5}``, ``(a|b)``) may be tried in all its ways; their number
times the length of the pattern is limited.
"""

from __future__ import annotations

from typing import Final

from clacks_events.filter.bounded.pattern_reader import (
    ANY,
    BEGIN,
    END,
    NONE,
    Backtracks,
    Branch,
    Letters,
    Piece,
    Reader,
)

__all__ = ["Backtracks", "weight"]

_MOST_STEPS: Final = 1024
_MOST_STEPS_EACH: Final = 256  # at each character of the text
_STEPS_A_UNIT: Final = 16
_TOO_MANY: Final = "may be tried in too many ways; make it shorter, or begin it with ^"
_MOST_CHOICES: Final = 10
_ENDLESS_GROUP: Final = "may not repeat a group without end; repeat a class such as [a-z]"


def weight(pattern: str, flags: str) -> int:
    """Return how many units of work a character of the text costs; raise Backtracks."""
    if set(flags) - set("smiq"):
        raise Backtracks("may have no flags but s, m, i and q")
    if "q" in flags:
        return 1 + len(pattern) // _STEPS_A_UNIT
    branches = Reader(pattern, "i" in flags).branches()
    steps = sum(_steps(branch, "m" not in flags) for branch in branches)
    if steps > _MOST_STEPS_EACH:
        raise Backtracks(_TOO_MANY)
    return 1 + steps // _STEPS_A_UNIT


def _steps(branch: Branch, one_begin: bool) -> int:
    """Return how many steps of the engine a branch costs at each character of the text."""
    anchored = bool(branch) and branch[0] is BEGIN and one_begin
    ways, length, has_scanned, goes_far = 1, 1, False, not anchored
    for place, piece in enumerate(branch):
        rest = branch[place + 1 :]
        if piece.high is None and not _is_last(rest):
            scans = _unending(piece, rest, anchored, has_scanned)
            has_scanned, goes_far = has_scanned or scans, True
        ways *= _ways(piece, rest)
        length += _length(piece)
        if ways * length > _MOST_STEPS:
            raise Backtracks(_TOO_MANY)
    return ways * length if goes_far else 1


def _is_last(rest: Branch) -> bool:
    """Tell whether nothing that follows can fail."""
    return all(other.low == 0 and other is not END and other is not BEGIN for other in rest)


def _unending(piece: Piece, rest: Branch, anchored: bool, has_scanned: bool) -> bool:
    """Check a repetition without end; tell whether it is one that has to try all places."""
    if not isinstance(piece.atom, Letters):
        raise Backtracks(_ENDLESS_GROUP)
    if has_scanned:
        raise Backtracks("may scan the text once only; use several functions instead")
    if not anchored:
        raise Backtracks("must begin with ^ to repeat without end; or use contains()")
    return piece.atom.meets(_first(rest))


def _ways(piece: Piece, rest: Branch) -> int:
    if not isinstance(piece.atom, Letters):
        return _group_ways(piece)
    if piece.high is None or piece.high == piece.low or not piece.atom.meets(_first(rest)):
        return 1
    return piece.high - piece.low + 1


def _group_ways(piece: Piece) -> int:
    assert not isinstance(piece.atom, Letters)
    inner = 0
    for branch in piece.atom:
        if any(part.high is None or part is BEGIN for part in branch):
            raise Backtracks("may not repeat without end inside of a group")
        ways = 1
        for part in branch:
            ways = min(_MOST_STEPS + 1, ways * _loose_ways(part))
        inner += ways
    if piece.high is None:
        raise Backtracks(_ENDLESS_GROUP)
    if inner == 1:
        return piece.high - piece.low + 1
    if piece.high > _MOST_CHOICES:
        return _MOST_STEPS + 1
    return sum(inner**times for times in range(piece.low, piece.high + 1))


def _loose_ways(piece: Piece) -> int:
    if not isinstance(piece.atom, Letters):
        return _group_ways(piece)
    return (piece.high or 0) - piece.low + 1


def _length(piece: Piece) -> int:
    times = max(piece.low, piece.high or 1)
    if isinstance(piece.atom, Letters):
        return times
    return times * sum(1 + sum(map(_length, branch)) for branch in piece.atom)


def _first(pieces: Branch) -> Letters:
    found = NONE
    for piece in pieces:
        if isinstance(piece.atom, Letters):
            found |= piece.atom
        else:
            found = ANY
        if piece.low:
            return found
    return found
