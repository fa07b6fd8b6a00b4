"""Local days: Asia/Shanghai is UTC+8, a day is a number since 1970-01-01, and which dates and instants clients give."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

SHANGHAI: Final = timezone(timedelta(hours=8))  # no summer time in any window
UTC_PLUS_8_SECONDS: Final = 28_800
DAY_SECONDS: Final = 86_400

EVER: Final = -(2**31)  # the day before every day: a fact without a start
NEVER: Final = 2**31 - 1  # the day after every day: a fact without an end

# Every date that a client gives lies here; the last one is how many systems write "no end".
FIRST_DATE: Final = date(1900, 1, 1)
LAST_DATE: Final = date(9999, 12, 31)
DATE_WORDS: Final = f"a date YYYY-MM-DD from {FIRST_DATE} to {LAST_DATE}"

_EPOCH: Final = date(1970, 1, 1).toordinal()
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_MONTH_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class NotAnInstant(ValueError):
    """A text that is no RFC 3339 instant; the message goes on where a field's name has begun the sentence."""


def day_number(at: date | int) -> int:
    """Return the number of a date, or of the local day of an instant (one with an offset, or epoch seconds)."""
    if isinstance(at, int):
        return (at + UTC_PLUS_8_SECONDS) // DAY_SECONDS
    if isinstance(at, datetime):
        assert at.tzinfo is not None, "an instant without an offset lies on no day"
        at = at.astimezone(SHANGHAI)
    return at.toordinal() - _EPOCH


def date_of(number: int) -> date:
    """Return the date of a day's number; the inverse of `day_number`."""
    return date.fromordinal(number + _EPOCH)


def first_second(number: int) -> int:
    """Return the epoch second with which a local day begins."""
    return number * DAY_SECONDS - UTC_PLUS_8_SECONDS


def start_day(start: date | None) -> int:
    """Return the first day of a fact: EVER where it states none."""
    return EVER if start is None else day_number(start)


def end_day(end: date | None) -> int:
    """Return the day after the last one of a fact: NEVER where it states none."""
    return NEVER if end is None else day_number(end)


def read_date(text: object) -> date | None:
    """Return the date of a text YYYY-MM-DD between FIRST_DATE and LAST_DATE; None for anything else."""
    if not isinstance(text, str) or not _DATE.fullmatch(text):
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if FIRST_DATE <= found <= LAST_DATE else None


def read_instant(text: object) -> datetime | None:
    """Return the instant (UTC) of an RFC 3339 text on a local day between FIRST_DATE and LAST_DATE.

    None for anything else.
    """
    if not isinstance(text, str):
        return None
    try:
        seconds, microseconds = seconds_of_instant(text)
    except NotAnInstant:
        return None
    if not first_second(day_number(FIRST_DATE)) <= seconds < first_second(day_number(LAST_DATE) + 1):
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds, microseconds=microseconds)


def seconds_of_instant(text: str) -> tuple[int, int]:
    """Return epoch seconds, floored, and the microseconds after them. Raises NotAnInstant.

    A leap second (:60) has no epoch second of its own, and 24:00 is not RFC 3339: neither is taken. `-00:00` (offset
    unknown, time is UTC) and lower-case t and z are RFC 3339 and taken; a space in place of the T is not.
    """
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise NotAnInstant(" is not an RFC 3339 time with an offset")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, sign = match.group(7) or "", match.group(8)
    offset_hour, offset_minute = int(match.group(9) or 0), int(match.group(10) or 0)
    leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
    if not 1 <= month <= 12 or not 1 <= day <= _MONTH_DAYS[month - 1] + (leap and month == 2):
        raise NotAnInstant(f": there is no day {year:04}-{month:02}-{day:02}")
    if hour > 23 or minute > 59 or second > 59 or offset_hour > 23 or offset_minute > 59:
        raise NotAnInstant(": no such time of day or offset (24:00 and leap seconds are not taken)")
    offset = (offset_hour * 3600 + offset_minute * 60) * (-1 if sign == "-" else 1)
    seconds = days_of_date(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second - offset
    return seconds, int(fraction[:6].ljust(6, "0"))


def days_of_date(year: int, month: int, day: int) -> int:
    """Return days since 1970-01-01 in the proleptic Gregorian calendar; years from 0."""
    shifted = year - (month <= 2)
    era, year_of_era = divmod(shifted, 400)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468
