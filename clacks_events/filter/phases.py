"""The phases of the compiler, from the text of a query to the filter."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NoReturn, TypeAlias

from clacks_events.errors import ConfigError, UnsupportedFilter
from clacks_events.filter.filter import Filter, Origin
from clacks_events.filter.nodes import Literal, Module
from clacks_events.filter.nodes.sharing import shared
from clacks_events.filter.plan import Lineages, plan, selection

if TYPE_CHECKING:
    from clacks_events.filter.xquery import Query

__all__ = ["compile_filter"]

_ALL: Final = Module((), Literal(True))
_MOST_CACHED: Final = 1024

_Compiled: TypeAlias = tuple[Module, "Query | None"]
"""The normal form of a query, and the query itself if elementpath has to evaluate it."""


def compile_filter(
    text: str | None,
    *,
    namespaces: Mapping[str, str] | None = None,
    catalog: Lineages | None = None,
    types: tuple[str, ...] = (),
    source: str | None = None,
    trusted: bool = True,
) -> Filter:
    """Compile a query, some event types, a source, or all of them together.

    ``namespaces`` are prefixes for the query beside the predeclared ones; ``catalog`` knows which
    types derive from which. With ``trusted=False`` only a bounded filter is accepted: one whose
    work is linear in the size of the event. Raises FilterError, with a caret under the fault,
    UnknownEventType, or ConfigError for what is no text.
    """
    if not isinstance(text, str | None):
        raise ConfigError(f"a query is text, not {type(text).__name__}")
    interest = selection(types, source, catalog)
    if text is None:
        return Filter("", plan(interest, decides=True), _ALL)
    # elementpath takes 140 ms to import: whoever only publishes does not pay for it.
    from clacks_events.filter.analysis.analyse import analyse
    from clacks_events.filter.analysis.decide import is_decided

    origin = Origin(tuple(sorted((namespaces or {}).items())), catalog)
    module, query = _compiled(text, origin, trusted)
    interest &= analyse(module.body)
    # A header that is declared and absent means no match, whatever else the query says.
    decides = not module.externals and is_decided(module.body)
    return Filter(text, plan(interest, decides=decides), module, query, origin)


class _Consulted(Exception):
    """A query asked for the catalog, so that it means another thing with another catalog."""


class _Absent:
    """Stands for the catalog until a query turns out to ask for it."""

    def derived(self, _name: str) -> NoReturn:
        raise _Consulted

    resolve = knows = derived_from_type = near_types = derived


def _compiled(text: str, origin: Origin, trusted: bool) -> _Compiled:
    try:
        return _cached(text, origin.prefixes, trusted)
    except _Consulted:
        return _compile(text, origin, trusted)


@lru_cache(maxsize=_MOST_CACHED)
def _cached(text: str, prefixes: tuple[tuple[str, str], ...], trusted: bool) -> _Compiled:
    return _compile(text, Origin(prefixes, _Absent()), trusted)


def _compile(text: str, origin: Origin, trusted: bool) -> _Compiled:
    from clacks_events.filter.bounded import check_bounded, check_text, is_bounded
    from clacks_events.filter.parsing import parse
    from clacks_events.filter.residual import obstacle
    from clacks_events.filter.rules import normalised

    if not trusted:
        check_text(text)
    parsed = parse(text, origin.prefixes, origin.catalog)
    if not trusted:
        check_bounded(text, parsed.module)
    module = Module(parsed.module.externals, shared(normalised(parsed.module.body)))
    if not trusted and not is_bounded(module):
        module = parsed.module
    hindrance = obstacle(module)
    if hindrance is not None and not trusted:
        reason = f"This needs an engine whose cost is not bounded: {hindrance}"
        raise UnsupportedFilter(reason, text, (0, len(text)))
    return module, None if hindrance is None else parsed.query
