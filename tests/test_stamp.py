"""Identity and time of new events."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

import pytest
from lxml import etree

from clacks_events.errors import ConfigError
from clacks_events.event import Event
from clacks_events.stamp import Stamper, default_source


def new_id() -> str:
    return Stamper("s").stamp().id


def test_ids_are_uuids_of_version_7() -> None:
    for text in (new_id() for _ in range(1000)):
        value = UUID(text)
        assert str(value) == text
        assert value.version == 7
        assert value.variant == RFC_4122


def test_ids_are_all_different() -> None:
    assert len({new_id() for _ in range(10_000)}) == 10_000


def test_ids_carry_the_time_in_milliseconds() -> None:
    before = time.time_ns() // 1_000_000
    value = UUID(new_id()).int >> 80
    assert before <= value <= time.time_ns() // 1_000_000


def test_ids_sort_by_their_making() -> None:
    first = time.time_ns()
    earlier = new_id()
    # Method 3 has a quarter of a microsecond; a later clock is a greater id.
    while time.time_ns() < first + 1_000_000:
        pass
    assert earlier < new_id()


def test_now_is_rfc_3339_in_utc() -> None:
    text = Stamper("s").stamp().time
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    assert abs(datetime.now(UTC) - datetime.fromisoformat(text)) < timedelta(seconds=30)


def test_stamps_fit_the_envelope() -> None:
    event = Event.from_xml("<a/>").stamped(Stamper(default_source()).stamp())
    assert Event.from_xml(event.xml).id == event.id
    assert event.source == default_source()


def test_times_of_one_stamper_never_go_back() -> None:
    stamper = Stamper("s")
    times = [stamper.stamp().time for _ in range(1000)]
    assert times == sorted(times)


@pytest.mark.parametrize("source", ["", "  ", "x" * 256, "\x00", "\ud800"])
def test_a_source_that_no_event_can_carry_is_refused(source: str) -> None:
    with pytest.raises(ConfigError, match="not a source"):
        Stamper(source)


@pytest.mark.parametrize("source", ["a & b", "\"<>'", "ü", "a\tb\nc"])
def test_any_other_source_is_written_as_it_is(source: str) -> None:
    stamp = Stamper(source).stamp()
    for made in (Event(etree.Element("a"), stamp=stamp), Event.from_xml("<a/>", stamp=stamp)):
        assert Event.from_xml(made.xml).source == made.source == source
