"""The laws of filters, on generated schemas, events and queries."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree

from clacks_events.filter import Filter
from clacks_events.filter.index import FilterIndex
from clacks_events.filter.nodes import Module
from clacks_events.filter.nodes.walk import contains_opaque
from clacks_events.filter.rules import normalised
from clacks_events.filter.written import written
from clacks_events.filter.xquery import to_module
from clacks_events.topic import matches, routing_key
from tests.filter.fuzz.batch import EVENTS, QUERIES, Batch, batches
from tests.filter.fuzz.court import Court
from tests.filter.fuzz.engines import compiled, interpreted, parsed
from tests.filter.fuzz.samples import QuerySample
from tests.filter.fuzz.schemas import NAMESPACES

TIMES: Final = int(os.environ.get("CLACKS_FUZZ", "0"))
LONG: Final = TIMES > 0
BATCHES: Final = 600

pytestmark = pytest.mark.timeout(36_000 if LONG else 900)


def examples(count: int) -> settings:
    """Return how often to try: the same few each time, or CLACKS_FUZZ times as many others."""
    return settings(
        max_examples=count * TIMES if LONG else count,
        derandomize=not LONG,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def each_filter(batch: Batch) -> Iterator[tuple[Filter, QuerySample]]:
    for query in batch.queries:
        filter = compiled(query, batch.catalog(query))
        if filter is not None:
            yield filter, query


def test_filters_mean_what_they_say() -> None:
    court = Court()

    @examples(BATCHES)
    @given(batches())
    def judge(batch: Batch) -> None:
        for wrong in court.judge(batch):
            pytest.fail(wrong)
        check_bindings(batch)

    judge()
    tally = court.tally
    assert tally["judged"] > BATCHES * EVENTS * QUERIES * 0.9
    assert tally["refused"] < 0.03 * tally["queries"], tally
    assert 0.2 < tally["matching"] / tally["judged"] < 0.6, tally
    assert tally["unjudged"] < 0.05 * tally["judged"], tally
    assert tally["tolerated"] + tally["excused"] < 0.02 * tally["judged"], tally


def check_bindings(batch: Batch) -> None:
    """Check that no filter matches an event which the broker would not have delivered."""
    for filter, query in each_filter(batch):
        for event, sample in zip(batch.events, batch.samples, strict=True):
            if filter.matches(event, query.values()):
                # With the lineage, and from a publisher whose schemas know nothing of it.
                for lineage in (sample.lineage, (event.type,)):
                    key = routing_key(lineage, event.source)
                    assert any(matches(pattern, key) for pattern in filter.bindings), query.text


@examples(250)
@given(batches())
def test_rules_preserve_meaning(batch: Batch) -> None:
    for query in batch.queries:
        catalog, headers = batch.catalog(query), query.values()
        if compiled(query, catalog) is None or query.needs_schema:
            continue  # a test that needs a schema is written for the eye
        module = to_module(parsed(query.text, catalog))
        normal = Module(module.externals, normalised(module.body))
        assert normalised(normal.body) == normal.body, query.text
        if contains_opaque(normal.body):
            continue  # it keeps the text of a part, not what its variables are called by now
        text = written(normal, NAMESPACES)
        before = interpreted(query.text, catalog, batch.wrapped, headers)
        after = interpreted(text, catalog, batch.wrapped, headers)
        for old, new, sample in zip(before, after, batch.samples, strict=True):
            # What failed may fail or be false now; what was true stays true.
            assert new in ("T" if old == "T" else "EF"), f"{query.text}\n{text}\n{sample.xml}"


@examples(40)
@given(batches())
def test_a_filter_remembers_nothing(batch: Batch) -> None:
    for filter, query in each_filter(batch):
        first = [filter.matches(event, query.values()) for event in batch.events]
        again = [filter.matches(event, query.values()) for event in reversed(batch.events)]
        assert again[::-1] == first, query.text


@examples(15)
@given(batches())
def test_many_threads_share_a_filter(batch: Batch) -> None:
    filters = list(each_filter(batch))
    expected = all_matches(batch, filters)
    found: list[list[bool]] = []
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        found.append(all_matches(batch, filters))

    in_threads(work, 4)
    assert found == [expected] * 4


def all_matches(batch: Batch, filters: list[tuple[Filter, QuerySample]]) -> list[bool]:
    return [f.matches(event, q.values()) for f, q in filters for event in batch.events]


def in_threads(work: Callable[[], None], count: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.skipif(not LONG, reason="the index has tests of its own; this is the long run")
@examples(100)
@given(batches(12))
def test_the_index_finds_what_each_filter_finds(batch: Batch) -> None:
    filters = [f for f, q in each_filter(batch) if not q.headers]
    index: FilterIndex[int] = FilterIndex()
    for number, filter in enumerate(filters):
        index.add(number, filter)
    for event in batch.events:
        assert index.match(event) == [n for n, f in enumerate(filters) if f.matches(event)]


@examples(60)
@given(batches(1))
def test_generated_events_are_valid(batch: Batch) -> None:
    known = {s.namespace: etree.XMLSchema(etree.fromstring(s.xsd())) for s in batch.schemas}
    for event, sample in zip(batch.events, batch.samples, strict=True):
        if sample.is_valid:
            payload = etree.fromstring(etree.tostring(event.element, with_tail=False))
            known[etree.QName(event.type).namespace or ""].assertValid(payload)
