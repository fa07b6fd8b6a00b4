"""The instants of usage records: RFC 3339 to whole epoch seconds within the years that are metered, and back."""

from meter.days import DAY_SECONDS, NotAnInstant
from meter.days import seconds_of_instant as seconds_of
from meter.intake.codes import Code, RecordRefused
from meter.intake.limits import END_SECOND, FIRST_SECOND, TIME_CHARACTERS

UNIT_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def seconds_of_instant(field: str, text: str) -> int:
    """Return epoch seconds, floored; `bad_time` for what is no RFC 3339 instant.

    Instants outside 2000..2099 (UTC) are `out_of_range`.
    """
    try:
        if len(text) > TIME_CHARACTERS:
            raise NotAnInstant(" is not an RFC 3339 time with an offset")
        seconds, _ = seconds_of(text)
    except NotAnInstant as error:
        raise RecordRefused(Code.BAD_TIME, f"{field}{error}") from None
    if not FIRST_SECOND <= seconds < END_SECOND:
        raise RecordRefused(Code.OUT_OF_RANGE, f"{field} lies outside the years 2000 to 2099")
    return seconds


def date_of_days(days: int) -> tuple[int, int, int]:
    """Return (year, month, day) of a number of days since 1970-01-01; the inverse of `days_of_date`."""
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    month = (shifted_month + 2) % 12 + 1
    return era * 400 + year_of_era + (month <= 2), month, day_of_year - (153 * shifted_month + 2) // 5 + 1


def text_of_instant(value: int, unit: str) -> str:
    """Return RFC 3339 text of a count of s, ms, us or ns since the epoch.

    A year outside 0..9999 gives what is no RFC 3339.
    """
    per_second = UNIT_PER_SECOND[unit]
    seconds, fraction = divmod(value, per_second)
    days, second_of_day = divmod(seconds, DAY_SECONDS)
    year, month, day = date_of_days(days)
    digits = len(str(per_second)) - 1
    tail = f".{fraction:0{digits}}" if digits and fraction else ""
    hour, minute, second = second_of_day // 3600, second_of_day // 60 % 60, second_of_day % 60
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{tail}Z"
