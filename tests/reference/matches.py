"""The compute-centre match of the 2023 policy (R-DC, docs/rules.md, section 8b)."""

from fractions import Fraction
from math import floor
from typing import Any

from tests.reference.days import day_from_text
from tests.reference.facts import Item
from tests.reference.rounds import is_north


def settle(matches: list[Item], readings: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The award of each match by its id, with what stands against it."""
    return {match["id"]: settle_one(match, readings) for match in matches}


def settle_one(match: Item, readings: dict[str, str]) -> dict[str, Any]:
    """A third of what the city really paid."""
    reasons = []
    if Fraction(str(match["new_single_site_pflops"])) < 400:
        reasons.append("BELOW_400_PFLOPS")
    if day_from_text(match["completed"]) > day_from_text("2024-12-31"):
        reasons.append("COMPLETED_LATE")
    if match["city_paid_fen"] <= 0:
        reasons.append("CITY_MONEY_NOT_PROVEN")
    award = Fraction(match["city_paid_fen"], 3)
    if readings["uplift"] != "off" and is_north(match["city"], readings["north_places"]):
        award *= Fraction(12, 10)  # no ceiling in the text
    return {"award_fen": 0 if reasons else floor(award), "reasons": sorted(reasons)}
