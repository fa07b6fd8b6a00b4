"""RFC 3339 instants to whole epoch seconds and back, exactly."""

import re

from meter.intake.codes import Code, RecordRefused
from meter.intake.limits import END_SECOND, FIRST_SECOND, TIME_CHARACTERS

INSTANT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
UNIT_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def seconds_of_instant(field: str, text: str) -> int:
    """Epoch seconds, floored. A leap second (:60) has no epoch second of its own, 24:00 is no RFC 3339: `bad_time`.

    `-00:00` (offset unknown, time is UTC) and lower-case t and z are RFC 3339 and accepted; a space for the T is not.
    Instants outside 2000..2099 (UTC) are `out_of_range`.
    """
    match = INSTANT.fullmatch(text) if len(text) <= TIME_CHARACTERS else None
    if match is None:
        raise RecordRefused(Code.BAD_TIME, f"{field} is not an RFC 3339 time with an offset")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    sign, offset_hour, offset_minute = match.group(7), int(match.group(8) or 0), int(match.group(9) or 0)
    leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
    if not 1 <= month <= 12 or not 1 <= day <= MONTH_DAYS[month - 1] + (leap and month == 2):
        raise RecordRefused(Code.BAD_TIME, f"{field}: there is no day {year:04}-{month:02}-{day:02}")
    if hour > 23 or minute > 59 or second > 59 or offset_hour > 23 or offset_minute > 59:
        raise RecordRefused(
            Code.BAD_TIME, f"{field}: no such time of day or offset (24:00 and leap seconds are not taken)"
        )
    offset = (offset_hour * 3600 + offset_minute * 60) * (-1 if sign == "-" else 1)
    seconds = days_of_date(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
    if not FIRST_SECOND <= seconds < END_SECOND:
        raise RecordRefused(Code.OUT_OF_RANGE, f"{field} lies outside the years 2000 to 2099")
    return seconds


def days_of_date(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the proleptic Gregorian calendar; years from 0."""
    shifted = year - (month <= 2)
    era, year_of_era = divmod(shifted, 400)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


def date_of_days(days: int) -> tuple[int, int, int]:
    """(year, month, day) of a number of days since 1970-01-01; the inverse of `days_of_date`."""
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    month = (shifted_month + 2) % 12 + 1
    return era * 400 + year_of_era + (month <= 2), month, day_of_year - (153 * shifted_month + 2) // 5 + 1


def text_of_instant(value: int, unit: str) -> str:
    """RFC 3339 text of a count of s, ms, us or ns since the epoch; a year outside 0..9999 gives what is no RFC 3339."""
    per_second = UNIT_PER_SECOND[unit]
    seconds, fraction = divmod(value, per_second)
    days, second_of_day = divmod(seconds, 86_400)
    year, month, day = date_of_days(days)
    digits = len(str(per_second)) - 1
    tail = f".{fraction:0{digits}}" if digits and fraction else ""
    hour, minute, second = second_of_day // 3600, second_of_day // 60 % 60, second_of_day % 60
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{tail}Z"
