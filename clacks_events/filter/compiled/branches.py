"""Code that is put together of other code: truth values and branches."""

from __future__ import annotations

from collections.abc import Callable

from clacks_events.filter.compiled.code import (
    Code,
    Count,
    Frame,
    Order,
    Place,
    Test,
    merged,
    ordered,
)
from clacks_events.filter.compiled.truth import test_of
from clacks_events.filter.items import Item
from clacks_events.filter.nodes.kinds import Kind

__all__ = ["choosing", "constant_code", "truth_code"]


def truth_code(test: Test) -> Code:
    """Return the code of what is true or false, always."""
    return Code(
        lambda item, frame: (test(item, frame),), Kind.BOOLEAN, Count.ONE, test=test, one=test
    )


def constant_code(value: Item, kind: Kind) -> Code:
    """Return the code of one value that is known beforehand."""
    return Code(
        lambda item, frame: (value,), kind, Count.ONE, one=lambda item, frame: value, constant=value
    )


def choosing(branches: list[Code], choose: Callable[[Item, Frame], int]) -> Code:
    """Return the code of which one of several branches is taken."""
    runs, tests = [ordered(branch) for branch in branches], [test_of(b) for b in branches]
    places = {branch.place for branch in branches}
    is_one = all(branch.count is Count.ONE and branch.one is not None for branch in branches)
    ones = [branch.one for branch in branches if branch.one is not None]
    like = branches[0]
    return Code(
        lambda item, frame: runs[choose(item, frame)](item, frame),
        merged(branch.kind for branch in branches),
        Count.ONE if is_one else Count.MANY,
        like.place if len(places) == 1 else Place.ANY,
        Order.FLAT if all(branch.order is Order.FLAT for branch in branches) else Order.RAW,
        lambda item, frame: tests[choose(item, frame)](item, frame),
        (lambda item, frame: ones[choose(item, frame)](item, frame)) if is_one else None,
    )
