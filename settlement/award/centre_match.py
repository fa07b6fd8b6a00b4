"""The compute-centre match (R-DC): what the province adds to a city's own subsidy of a new centre."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from meter.regions import REGION
from settlement.errors import SettlementRefused
from settlement.numbers.exact import exact_day, exact_number, whole_number
from settlement.rounds import Round
from settlement.rounds.readings import Readings

FIELDS = {"id", "city", "new_single_site_pflops", "completed", "city_paid_fen", "document"}


@dataclass(frozen=True)
class MatchLine:
    """What one city gets for one centre; the payee is the city."""

    id: str
    city: str
    city_paid_fen: int
    share: str
    award_fen: int
    reasons: tuple[str, ...]
    document: str | None

    def as_dict(self) -> dict[str, object]:
        """Return the match as JSON values."""
        return {
            "id": self.id,
            "city": self.city,
            "city_paid_fen": self.city_paid_fen,
            "share": self.share,
            "award_fen": self.award_fen,
            "reasons": list(self.reasons),
            "document": self.document,
        }


def award_matches(given: list[dict[str, Any]], of_round: Round, readings: Readings) -> list[MatchLine]:
    """Return all matches in order of id. A round without the clause awards nothing and says so.

    Raises SettlementRefused MATCH_INVALID.
    """
    lines = [_match(item, of_round, readings) for item in given]
    if len({line.id for line in lines}) != len(lines):
        raise SettlementRefused("MATCH_INVALID", "R-DC: a match occurs twice")
    return sorted(lines, key=lambda line: line.id)


def _match(given: Mapping[str, Any], of_round: Round, readings: Readings) -> MatchLine:
    identity = given.get("id")
    unknown = sorted(map(str, set(given) - FIELDS))
    if unknown:
        raise SettlementRefused("MATCH_INVALID", f"R-DC: match {identity!r}: unknown field '{unknown[0]}'")
    city, paid, document = given.get("city"), given.get("city_paid_fen"), given.get("document")
    if not isinstance(identity, str) or not identity:
        raise SettlementRefused("MATCH_INVALID", "R-DC: a match needs an id")
    if not isinstance(city, str) or not REGION.fullmatch(city):
        raise SettlementRefused(
            "MATCH_INVALID", f"R-DC: match '{identity}': city is a region code of 6 digits, not {city!r}"
        )
    if document is not None and not isinstance(document, str):
        raise SettlementRefused("MATCH_INVALID", f"R-DC: match '{identity}': document is a text, not {document!r}")
    if whole_number(paid) is None or not isinstance(paid, int):
        raise SettlementRefused(
            "MATCH_INVALID", f"R-DC: match '{identity}': city_paid_fen is a whole number of fen: {paid!r}"
        )
    size, completed = _size(given, identity), _completed(given, identity)
    if "R-DC" not in of_round.rules:
        return MatchLine(identity, city, paid, "0", 0, ("MATCH_NOT_IN_ROUND",), document)
    reasons = []
    least, latest = of_round.parameter("R-DC-SIZE", "pflops_at_least"), of_round.parameter("R-DC-DATE", "completed_by")
    assert isinstance(least, Fraction)
    assert isinstance(latest, datetime.date)
    if size < least:
        reasons.append("BELOW_400_PFLOPS")
    if completed > latest:
        reasons.append("COMPLETED_LATE")
    if paid == 0:
        reasons.append("CITY_MONEY_NOT_PROVEN")
    share = of_round.parameter("R-DC", "share")
    assert isinstance(share, Fraction)
    if readings.uplift != "off" and city.startswith(of_round.north_prefixes(readings.north_places)):
        share *= of_round.uplift_factor  # the clause names no ceiling
    award_fen = 0 if reasons else paid * share.numerator // share.denominator
    return MatchLine(identity, city, paid, str(share), award_fen, tuple(sorted(reasons)), document)


def _size(given: Mapping[str, Any], identity: str) -> Fraction:
    value = given.get("new_single_site_pflops")
    size = exact_number(value)
    if size is None:
        raise SettlementRefused(
            "MATCH_INVALID", f"R-DC: match '{identity}': new_single_site_pflops must be exact, not {value!r}"
        )
    return size


def _completed(given: Mapping[str, Any], identity: str) -> datetime.date:
    completed = exact_day(given.get("completed"))
    if completed is None:
        raise SettlementRefused("MATCH_INVALID", f"R-DC: match '{identity}': completed must be a date YYYY-MM-DD")
    return completed
