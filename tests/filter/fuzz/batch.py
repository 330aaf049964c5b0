"""Some queries and some events over the same generated schemas."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from clacks_events import Catalog, Event
from clacks_events.filter.xquery import Wrapped, wrap
from tests.filter.fuzz.events import EventSample, samples
from tests.filter.fuzz.queries import queries
from tests.filter.fuzz.samples import QuerySample
from tests.filter.fuzz.schemas import Schema, schemas
from tests.filter.fuzz.vocabulary import Vocabulary

__all__ = ["EVENTS", "QUERIES", "Batch", "batches"]

EVENTS: Final = 4
QUERIES: Final = 5


@dataclass(frozen=True)
class Batch:
    """Some queries and some events; what is made of the events is made once."""

    schemas: tuple[Schema, ...]
    samples: tuple[EventSample, ...]
    queries: tuple[QuerySample, ...]

    @cached_property
    def events(self) -> list[Event]:
        """The events themselves."""
        return [Event.from_xml(sample.xml) for sample in self.samples]

    @cached_property
    def wrapped(self) -> list[Wrapped]:
        """The documents as the engine on top of elementpath wants them."""
        return [wrap(event.document) for event in self.events]

    @cached_property
    def _catalog(self) -> Catalog:
        with tempfile.TemporaryDirectory() as directory:
            for number, schema in enumerate(self.schemas):
                (Path(directory) / f"{number}.xsd").write_text(schema.xsd(), "utf-8")
            return Catalog([directory], builtin=False)

    def catalog(self, query: QuerySample) -> Catalog | None:
        """Return the catalog of the schemas for a query that needs it."""
        return self._catalog if query.needs_schema else None

    def only(self, query: QuerySample, sample: EventSample) -> Batch:
        """Return a batch of one query and one event."""
        return replace(self, samples=(sample,), queries=(query,))


@st.composite
def batches(draw: DrawFn, count: int = QUERIES) -> Batch:
    """Draw schemas, events that follow them, and queries about these."""
    drawn = draw(schemas())
    sent = tuple(draw(samples(drawn)) for _ in range(EVENTS))
    vocabulary = Vocabulary(drawn, {sample.lineage[-1] for sample in sent})
    return Batch(drawn, sent, tuple(draw(queries(vocabulary)) for _ in range(count)))
