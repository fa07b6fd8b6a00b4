"""What no single table of a round can see: rules present, values possible together, windows that join."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from meter.days import date_of
from meter.vocabulary import ENTITY_KINDS, EVIDENCE_KINDS, PURPOSES
from settlement.errors import SettlementRefused
from settlement.rounds import reading_table
from settlement.rounds.catalogue import DRAFT_RULES, MATCH_RULES, SETTLED_RULES
from settlement.rounds.reading_table import choices, fractions_of
from settlement.rounds.round import Round

EDGES = ("opens", "before", "minute")


def check_round(loaded: Round) -> None:
    """Refuse a round whose rules are incomplete or whose values contradict each other. Raises SettlementRefused."""
    _check_rules(loaded)
    _check_unique(loaded)
    if loaded.draft:
        if loaded.window is not None or loaded.gaps:
            raise _contradiction(loaded.id, "a draft has no dates, so no window and no gaps")
        return
    if loaded.window is None:
        raise SettlementRefused("ROUND_MISSING_KEY", f"{loaded.id}: 'window' is missing")
    _check_lists(loaded)
    _check_numbers(loaded)
    match = [rule for rule in MATCH_RULES if rule in loaded.rules]
    if match and len(match) != len(MATCH_RULES):
        raise _contradiction(loaded.id, f"the compute-centre match needs all of {', '.join(MATCH_RULES)}")


def check_among(place: str, key: str, values: Iterable[str], allowed: tuple[str, ...]) -> None:
    """Refuse a value that is not a word of its closed list. Raises SettlementRefused ROUND_CONTRADICTION."""
    for value in values:
        if value not in allowed:
            raise SettlementRefused(
                "ROUND_CONTRADICTION", f"{place}: '{key}' must be of {', '.join(allowed)}, not '{value}'"
            )


def _contradiction(place: str, detail: str) -> SettlementRefused:
    return SettlementRefused("ROUND_CONTRADICTION", f"{place}: {detail}")


def _check_rules(loaded: Round) -> None:
    """Check that there is every rule that a round of its sort needs, and none of the other sort."""
    needed, foreign = (DRAFT_RULES, "R-") if loaded.draft else (SETTLED_RULES, "Y-")
    for rule in needed:
        if rule not in loaded.rules:
            raise SettlementRefused("ROUND_MISSING_KEY", f"{loaded.id}: the rule '{rule}' is missing")
    for rule in loaded.rules:
        if rule.startswith(foreign):
            kind = "a draft" if loaded.draft else "no draft"
            raise _contradiction(loaded.id, f"the round is {kind}, yet it carries the rule '{rule}'")


def _check_unique(loaded: Round) -> None:
    if len({city.code for city in loaded.cities}) != len(loaded.cities):
        raise _contradiction(loaded.id, "a city's code occurs twice")
    if len({deadline.name for deadline in loaded.deadlines}) != len(loaded.deadlines):
        raise _contradiction(loaded.id, "a deadline's name occurs twice")


def _check_lists(loaded: Round) -> None:
    """Check values that are words of closed lists."""
    place = loaded.id
    check_among(f"{place}.rules.R-PURPOSE", "purposes", loaded.purposes, tuple(PURPOSES))
    check_among(f"{place}.rules.R-KIND", "kinds", loaded.kinds, ENTITY_KINDS)
    check_among(f"{place}.rules.R-MATERIALS", "evidence_required", loaded.evidence_required, EVIDENCE_KINDS)
    check_among(f"{place}.rules.R-SPEND", "spend_basis", [loaded.spend_basis], choices("spend_basis"))
    if not loaded.kinds:
        raise _contradiction(place, "no kind of entity is listed, so nobody could be paid")
    if loaded.asks_ai_enterprise and "enterprise" not in loaded.kinds:
        raise _contradiction(place, "an attribute of enterprises is asked, yet none is listed")


def _check_numbers(loaded: Round) -> None:
    """Check that rates and shares lie within their bounds."""
    place = loaded.id
    if not 0 < loaded.ceiling <= 1:
        raise _contradiction(place, "the ceiling must lie above 0 and not above 1")
    if loaded.uplift_factor < 1:
        raise _contradiction(place, "an uplift below 1 lowers")
    insider = loaded.rules["R-INSIDER"].parameters["share"]
    if not isinstance(insider, Fraction) or not 0 < insider <= 1 or (insider * 10**9).denominator != 1:
        raise _contradiction(place, "the share of R-INSIDER must lie in (0, 1] with 9 decimals")
    for name, reading in reading_table.TABLE.items():
        rule = reading.rule
        if rule is not None and loaded.rules[rule].parameters["share"] not in fractions_of(name):
            allowed = " or ".join(str(choice) for choice in fractions_of(name))
            raise _contradiction(place, f"the share of {rule} is {allowed}, the readings there are")


def check_series(rounds: list[Round]) -> None:
    """Check that windows of one series neither overlap nor leave a gap that the later round does not declare."""
    dated = sorted((item for item in rounds if item.window is not None), key=lambda item: item.window or (0, 0))
    for index, later in enumerate(dated):
        assert later.window is not None
        declared = [(gap.from_day, gap.to_day) for gap in later.gaps]
        actual: list[tuple[int, int]] = []
        if index > 0:
            earlier = dated[index - 1]
            assert earlier.window is not None
            if later.window[0] < earlier.window[1]:
                raise SettlementRefused("ROUND_OVERLAP", f"the windows of '{earlier.id}' and '{later.id}' overlap")
            if later.window[0] > earlier.window[1]:
                actual = [(earlier.window[1], later.window[0])]
        if declared != actual:
            wanted = ", ".join(f"[{date_of(a)}, {date_of(b)})" for a, b in actual) or "none"
            given = ", ".join(f"[{date_of(a)}, {date_of(b)})" for a, b in declared) or "none"
            raise SettlementRefused(
                "ROUND_GAP", f"'{later.id}': gap before it: {wanted}, declared with a reason: {given}"
            )
