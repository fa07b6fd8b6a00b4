"""Days and instants: local days of Asia/Shanghai as integers since 1970-01-01, instants as whole seconds (R-WIN)."""

import re
from datetime import date, datetime

SECONDS_A_DAY = 86_400
SHANGHAI_SECONDS = 8 * 3_600  # +08:00, no summer time in any window
EPOCH = date(1970, 1, 1).toordinal()
RFC_3339 = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:[0-5]\d)", re.ASCII)


def day_from_text(text: str) -> int:
    """The local day named `YYYY-MM-DD`."""
    return date.fromisoformat(text).toordinal() - EPOCH


def day_of(instant_seconds: int) -> int:
    """The local day in which an instant lies."""
    return (instant_seconds + SHANGHAI_SECONDS) // SECONDS_A_DAY


def first_second(day: int) -> int:
    """The instant at which a local day begins."""
    return day * SECONDS_A_DAY - SHANGHAI_SECONDS


def instant_from_text(text: str) -> int:
    """An RFC 3339 instant with offset, floored to the whole second. Raises ValueError on anything else."""
    text = text.upper()  # t and z are allowed
    if RFC_3339.fullmatch(text) is None:
        raise ValueError(text)
    whole = re.sub(r"\.\d+", "", text)  # instants are floored to the second
    return int(datetime.fromisoformat(whole.replace("Z", "+00:00")).timestamp())
