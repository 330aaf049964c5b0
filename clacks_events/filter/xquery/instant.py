"""Instants, dates and times of day as whole microseconds, for any year.

elementpath keeps a year in which 1 BCE is -1 (there is no year 0), and calculates with Python's
datetime, which ends at the year 9999.
"""

from __future__ import annotations

from datetime import timedelta, tzinfo
from typing import Any, Final

from elementpath.datatypes import AbstractDateTime, Date, DateTime, DayTimeDuration, Time, Timezone

from clacks_events.errors import EvaluationError

__all__ = [
    "DAY",
    "MICROSECOND",
    "adjusted",
    "astronomical",
    "combined",
    "instant",
    "local",
    "moved",
    "moved_by_months",
    "offset",
]

MICROSECOND: Final = timedelta(microseconds=1)
DAY: Final = 86_400_000_000
"""Microseconds."""
_EPOCH: Final = 719_162 * DAY  # from the year 1, where elementpath begins to count


def instant(value: AbstractDateTime) -> int:
    """Return microseconds since 1970-01-01T00:00:00Z; without a time zone it is UTC."""
    if 1 < value.year < 9999:
        return value.todelta() // MICROSECOND - _EPOCH
    return local(value) - offset(value)


def offset(value: AbstractDateTime) -> int:
    """Return the time zone in microseconds, 0 without one."""
    zone = value.tzinfo
    if zone is None:
        return 0
    return (zone.utcoffset(None) or timedelta(0)) // MICROSECOND


def local(value: AbstractDateTime) -> int:
    """Return microseconds from 1970-01-01T00:00:00 in the same time zone."""
    days = _days(astronomical(value), value.month, value.day)
    seconds = value.hour * 3600 + value.minute * 60 + value.second
    return days * DAY + seconds * 1_000_000 + value.microsecond


def astronomical(value: AbstractDateTime) -> int:
    """Return the year counted with a year 0, which is 1 BCE."""
    return value.year if value.year > 0 else value.year + 1


def moved(value: Any, microseconds: int) -> Any:
    """Return a dateTime, date or time that is so much later, in the same time zone."""
    return _at(value, local(value) + microseconds, value.tzinfo)


def moved_by_months(value: Any, months: int) -> Any:
    """Return a dateTime or date so many months later, on the last day of the month at most."""
    years, month = divmod(astronomical(value) * 12 + value.month - 1 + months, 12)
    day = min(value.day, _length(years, month + 1))
    within = local(value) % DAY
    return _at(value, _days(years, month + 1, day) * DAY + within, value.tzinfo)


def _at(value: Any, microseconds: int, zone: tzinfo | None) -> Any:
    """Return a value of the same type."""
    days, rest = divmod(microseconds, DAY)
    seconds, fraction = divmod(rest, 1_000_000)
    clock = seconds // 3600, seconds // 60 % 60, seconds % 60, fraction
    if isinstance(value, Time):
        return Time(*clock, zone)
    year, month, day = _date(days)
    counted = year if year > 0 else year - 1
    if isinstance(value, Date):
        return Date(counted, month, day, zone)
    return DateTime(counted, month, day, *clock, zone)


def adjusted(value: Any, duration: DayTimeDuration | None) -> Any:
    """Return the same dateTime, date or time in another time zone, or without one.

    A value without a time zone is taken to be in the new one. Raises FODT0003 for what is no time
    zone.
    """
    if duration is None:
        return _at(value, local(value), None)
    zone = _zone(duration)
    if value.tzinfo is None:
        return _at(value, local(value), zone)
    return _at(value, instant(value) + zone.offset // MICROSECOND, zone)


def _zone(duration: DayTimeDuration) -> Timezone:
    whole = int(duration.seconds)
    if whole != duration.seconds or whole % 60 or abs(whole) > 14 * 3600:
        raise EvaluationError(f"{duration} is no time zone", "FODT0003")
    return Timezone(timedelta(seconds=whole))


def combined(date: Date, time: Time) -> DateTime:
    """Return the dateTime of a date and a time; either may give the time zone."""
    clock = time.hour, time.minute, time.second, time.microsecond
    return DateTime(date.year, date.month, date.day, *clock, date.tzinfo or time.tzinfo)


def _length(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


# Both count years from March, so that the leap day is the last day of a year, in cycles of 400
# years, which have 146097 days.


def _days(year: int, month: int, day: int) -> int:
    cycle, year_of_cycle = divmod(year - (month <= 2), 400)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    leaps = year_of_cycle // 4 - year_of_cycle // 100
    return cycle * 146_097 + year_of_cycle * 365 + leaps + day_of_year - 719_468


def _date(days: int) -> tuple[int, int, int]:
    cycle, rest = divmod(days + 719_468, 146_097)
    year_of_cycle = (rest - rest // 1460 + rest // 36_524 - rest // 146_096) // 365
    day_of_year = rest - (365 * year_of_cycle + year_of_cycle // 4 - year_of_cycle // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = (shifted + 2) % 12 + 1
    year = cycle * 400 + year_of_cycle + (month <= 2)
    return year, month, day_of_year - (153 * shifted + 2) // 5 + 1
