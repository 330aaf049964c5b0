"""What a query says of event type and source: read off its nodes, without any event."""

from clacks_events.filter.analysis.analyse import analyse
from clacks_events.filter.analysis.decide import is_decided
from clacks_events.filter.analysis.typed import check_types

__all__ = ["analyse", "check_types", "is_decided"]
