"""Filters from strangers: only those whose cost is linear in the event are accepted.

::

    text ──check_text──► parse ──► Module ──check_bounded──► rules ──► compiled
         length, tokens,                    work, texts,
         nesting, names                     patterns

A filter is refused with the construct at fault and what to write instead. What is accepted goes
through the event a limited number of times, makes no text longer than some events, matches no
pattern that backtracks, and has no ranges, maps, arrays and function items. All that relies on
the compiled evaluator: elementpath promises nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from clacks_events.errors import UnsupportedFilter
from clacks_events.filter.bounded import clauses, expressions, steps
from clacks_events.filter.bounded.expressions import header
from clacks_events.filter.bounded.judge import DEEPEST, Judge, Scope
from clacks_events.filter.bounded.places import span
from clacks_events.filter.bounded.text import check_text
from clacks_events.filter.nodes import Module, Opaque

__all__ = ["check_bounded", "check_text", "is_bounded"]

_RULES: Final[Mapping[type, Any]] = {**expressions.RULES, **steps.RULES, **clauses.RULES}


def check_bounded(text: str, module: Module) -> None:
    """Refuse a query whose work is not linear in the event, or too many times that.

    ``text`` is what the module was made of, for the caret. Raises UnsupportedFilter.
    """
    if isinstance(module.body, Opaque) and module.body.is_too_deep:
        reason = f"Expressions of a bounded filter are nested up to {DEEPEST} levels deep"
        raise UnsupportedFilter(reason, text, (0, len(text)))
    judge = Judge(_RULES, partial(_refused, text, module))
    scope = Scope()
    for external in module.externals:
        if external.default is not None:
            judge.value(external.default, scope)
        scope = scope.binding(external.name, header(external.type))
    judge.value(module.body, scope)


def is_bounded(module: Module) -> bool:
    """Tell whether a query is still bounded after rules have changed it."""
    try:
        check_bounded("", module)
    except UnsupportedFilter:
        return False
    return True


def _refused(text: str, module: Module, reason: str, cause: object) -> UnsupportedFilter:
    return UnsupportedFilter(reason, text, span(text, module, cause))
