"""Python values in the spelling of XML Schema."""

from __future__ import annotations

import enum
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from clacks_events.lexical import lexical, utc_text


class Colour(str, enum.Enum):  # noqa: UP042  # StrEnum writes itself differently
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


BERLIN = timezone(timedelta(hours=2))
NEPAL = timezone(timedelta(hours=5, minutes=45))
LOCAL_MEAN = timezone(timedelta(minutes=53, seconds=28))

SPELLED: list[tuple[object, str]] = [
    ("busy", "busy"),
    ("", ""),
    (" a  b ", " a  b "),
    (True, "true"),
    (False, "false"),
    (0, "0"),
    (-7, "-7"),
    (10**30, "1" + "0" * 30),
    (1.5, "1.5"),
    (1e300, "1e+300"),
    (float("inf"), "INF"),
    (float("-inf"), "-INF"),
    (float("nan"), "NaN"),
    (Decimal("1.50"), "1.50"),
    (Decimal("1E+5"), "100000"),
    (Decimal("1E-7"), "0.0000001"),
    (date(2026, 1, 2), "2026-01-02"),
    (date(12, 1, 2), "0012-01-02"),
    (datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
    (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
    (datetime(2026, 1, 2, 3, 4, 5, 6000, tzinfo=BERLIN), "2026-01-02T03:04:05.006000+02:00"),
    (datetime(2026, 1, 2, 3, 4, 5, tzinfo=NEPAL), "2026-01-02T03:04:05+05:45"),
    (datetime(1890, 1, 1, 0, 53, 28, tzinfo=LOCAL_MEAN), "1890-01-01T00:00:00Z"),
    (time(3, 4, 5), "03:04:05"),
    (time(3, 4, 5, tzinfo=UTC), "03:04:05Z"),
    (timedelta(0), "PT0S"),
    (timedelta(seconds=100), "PT100S"),
    (timedelta(days=2, seconds=3, microseconds=500_000), "P2DT3.5S"),
    (timedelta(days=2), "P2DT0S"),
    (timedelta(seconds=-1.5), "-PT1.5S"),
    (timedelta.min, "-P999999999DT0S"),
    (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (Colour.RED, "red"),
    (Level.HIGH, "3"),
    ([1, 2.5, True], "1 2.5 true"),
    (("a", "b"), "a b"),
    ([], ""),
]


@pytest.mark.parametrize(("value", "text"), SPELLED, ids=repr)
def test_spelling(value: object, text: str) -> None:
    assert lexical(value) == text


@pytest.mark.parametrize(
    "value",
    [None, {}, {1}, object(), b"x", Decimal("NaN"), Decimal("Infinity"), [None], range(3)],
    ids=repr,
)
def test_values_without_a_spelling(value: object) -> None:
    with pytest.raises(TypeError):
        lexical(value)


@pytest.mark.parametrize("item", ["a b", "", " ", "a\n"], ids=repr)
def test_a_list_item_that_would_fall_apart(item: str) -> None:
    with pytest.raises(TypeError, match="list"):
        lexical(["x", item])


TYPES: list[tuple[str, st.SearchStrategy[object]]] = [
    ("integer", st.integers()),
    ("double", st.floats()),
    ("decimal", st.decimals(allow_nan=False, allow_infinity=False)),
    ("boolean", st.booleans()),
    ("date", st.dates()),
    ("dateTime", st.datetimes(timezones=st.none() | st.timezones())),
    ("time", st.times()),
    ("dayTimeDuration", st.timedeltas()),
]


@pytest.mark.parametrize(("name", "values"), TYPES, ids=[name for name, _ in TYPES])
def test_every_spelling_is_valid(name: str, values: st.SearchStrategy[object]) -> None:
    simple = xmlschema.XMLSchema11.builtin_types()[name]

    @given(values)
    def check(value: object) -> None:
        assert simple.is_valid(lexical(value)), lexical(value)

    check()


@given(st.floats(allow_nan=False))
def test_floats_come_back(value: float) -> None:
    assert float(lexical(value)) == value


def test_moments_in_utc() -> None:
    assert utc_text(datetime(2026, 1, 2, 3, 4, 5, 678_900, tzinfo=BERLIN)) == (
        "2026-01-02T01:04:05.678Z"
    )
