"""One object for equal parts of queries: those of many filters name the same few paths."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from clacks_events.filter.nodes import Node, Path, Step
from clacks_events.filter.nodes.walk import rebuilt

__all__ = ["shared"]

_MOST_SHARED: Final = 8192


def shared(node: Node) -> Node:
    """Return an equal node whose paths are the same objects as those of other queries."""
    if isinstance(node, Path):
        return _path(node)
    return rebuilt(node, shared)


@lru_cache(maxsize=_MOST_SHARED)
def _path(path: Path) -> Path:
    return Path(path.start, tuple(map(_step, path.steps)), path.predicates)


@lru_cache(maxsize=_MOST_SHARED)
def _step(step: Step) -> Step:
    return step
