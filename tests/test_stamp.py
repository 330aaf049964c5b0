"""Identity and time of new events."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

from clacks_events.envelope import Stamp
from clacks_events.event import Event
from clacks_events.stamp import default_source, new_id, now


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
    text = now()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    assert abs(datetime.now(UTC) - datetime.fromisoformat(text)) < timedelta(seconds=30)


def test_stamps_fit_the_envelope() -> None:
    event = Event.from_xml("<a/>").stamped(Stamp(id=new_id(), source=default_source(), time=now()))
    assert Event.from_xml(event.xml).id == event.id
    assert event.source == default_source()
