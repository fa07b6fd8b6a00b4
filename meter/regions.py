"""Region codes (GB/T 2260): 6 digits, province, city, county; and what a filter by region means, everywhere alike."""

from __future__ import annotations

import re
from typing import Final

REGION: Final = re.compile(r"[0-9]{6}")
FILTER_WORDS: Final = "a province (34 or 340000), a city (340100) or a county (340123)"
_FILTER: Final = re.compile(r"[0-9]{2}|[0-9]{6}")


def region_prefix(wanted: str) -> str:
    """Return the digits with which the codes in a region begin: 34, 340000: `34`; 340100: `3401`; else all six.

    Raises ValueError for what names no region.
    """
    if not _FILTER.fullmatch(wanted):
        raise ValueError(f"a region is {FILTER_WORDS}")
    while len(wanted) > 2 and wanted.endswith("00"):
        wanted = wanted[:-2]
    return wanted


def in_region(region: str | None, wanted: str) -> bool:
    """Return whether a seat lies in a region; one that is not on record lies in none."""
    return region is not None and region.startswith(region_prefix(wanted))


def concerned(city: str, wanted: str | None) -> bool:
    """Return whether a city lies in a region, or has it inside; without a region each does."""
    return wanted is None or in_region(city, wanted) or city[:4] == wanted[:4]


def city_code(region: str | None) -> str:
    """Return the code of the city of a 6-digit region (341125 lies in 341100); empty where none is known."""
    return f"{region[:4]}00" if region else ""
