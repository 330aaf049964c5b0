"""The room for rules: how to say the same more simply.

A rule is a function from a node to a node that means the same. Rules make one normal form of the
many ways to write a filter: ``and`` and ``or`` of conditions on absolute paths, which the broker's
bindings and the index of filters are read from.

To add a rule:

1. Find the module that is about the kind of expression, or add one.
2. Write the function: ``match`` the node, return the simpler one, or the very same ``node`` if
   there is nothing to simplify. The docstring says "this is that".
3. List it in the ``RULES`` of its module: its name, the types of nodes that it looks at, and the
   position it needs (see :class:`Position`). A new module is listed below.
4. Add ``tests/filter/cases/rules/<name>.txt`` with queries and what becomes of them.

What it must keep (the tests hold it to that with random queries): the truth for every event on
which the old query does not fail; where that fails, the new one may fail or be false. ``facts``
tells what cannot fail, is single, or is a node; ``walk`` takes expressions apart. Rules run until
none of them changes anything, so two rules must not undo each other.
"""

from __future__ import annotations

from typing import Final

from clacks_events.filter.nodes import Node
from clacks_events.filter.rules import (
    choices,
    comparisons,
    conditions,
    envelope,
    existence,
    lets,
    loops,
    names,
    numbers,
    paths,
    quantified,
    types,
)
from clacks_events.filter.rules.fixpoint import normalise, table
from clacks_events.filter.rules.rule import Position, Rule

__all__ = ["RULES", "Position", "Rule", "normalised"]

RULES: Final[tuple[Rule, ...]] = (
    *lets.RULES,
    *loops.RULES,
    *quantified.RULES,
    *choices.RULES,
    *conditions.RULES,
    *numbers.RULES,
    *types.RULES,
    *paths.RULES,
    *names.RULES,
    *envelope.RULES,
    *existence.RULES,
    *comparisons.RULES,
)

_TABLE: Final = table(RULES)


def normalised(body: Node) -> Node:
    """Return the normal form of the body of a query, whose truth is all that is asked for.

    The context item is the document of an event.
    """
    return normalise(body, _TABLE)
