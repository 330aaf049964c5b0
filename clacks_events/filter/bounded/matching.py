"""What functions with regular expressions cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from clacks_events.filter import nodes
from clacks_events.filter.bounded.patterns import Backtracks, weight
from clacks_events.filter.bounded.size import ONE, Size, constant
from clacks_events.filter.bounded.value import BOOLEAN, Kind, Value, text

if TYPE_CHECKING:
    from clacks_events.filter.bounded.judge import Judge

__all__ = ["MATCHING", "Cost"]

Cost: TypeAlias = "Callable[[Judge, nodes.Call, list[Value]], Value]"
"""From a call and what its arguments are worth to what it is worth."""


def _matching(judge: Judge, call: nodes.Call, given: list[Value], flags: int) -> Size:
    pattern = given[1].literal
    options = given[flags].literal if len(given) > flags else ""
    if not isinstance(pattern, str) or not isinstance(options, str):
        raise judge.refused(
            f"The pattern and the flags of {call.name.rpartition('}')[2]}() are literals", call
        )
    try:
        factor = weight(pattern, options)
    except Backtracks as fault:
        raise judge.refused(f"The pattern {fault}", call) from None
    judge.spend((given[0].near + ONE) * factor, call)
    return given[0].near


def _matches(judge: Judge, call: nodes.Call, given: list[Value]) -> Value:
    _matching(judge, call, given, 2)
    return BOOLEAN


def _replaced(judge: Judge, call: nodes.Call, given: list[Value]) -> Value:
    size = _matching(judge, call, given, 3)
    replacement = given[2].literal
    if not isinstance(replacement, str):
        raise judge.refused("What replace() puts in is a literal", call)
    size = size * max(1, len(replacement)) + constant(len(replacement))
    judge.spend(size, call)
    judge.check_text(size, call)
    return text(size)


def _tokens(judge: Judge, call: nodes.Call, given: list[Value]) -> Value:
    if len(given) > 1:
        size = _matching(judge, call, given, 2)
    else:
        size = given[0].near
        judge.spend(size + ONE, call)
    return Value(size + ONE, size, kind=Kind.TEXT)


MATCHING: Final[Mapping[str, Cost]] = {
    f"{nodes.FN}matches": _matches,
    f"{nodes.FN}replace": _replaced,
    f"{nodes.FN}tokenize": _tokens,
}
"""The cost of each function by its Clark name."""
