"""One line of a settlement: gates, money now and with holds released, reasons (docs/rules.md, sections 3 to 6)."""

from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Any

from tests.reference.facts import Item, Registry
from tests.reference.family import Families
from tests.reference.judgement import Judged
from tests.reference.money import EVIDENCE, Evidence, eligible_expenditure, evidence_of, rate_of, rounded
from tests.reference.netting import Net, net_of
from tests.reference.quantity import text_of
from tests.reference.rounds import Round

Line = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """What all lines of one settlement share."""

    round_: Round
    order: Item
    readings: dict[str, str]
    registry: Registry
    families: Families
    judged: list[Judged]
    in_conflict: set[str]  # consumers of a conflict that touches the window


@dataclass(frozen=True)
class Money:
    """The figures of one computation."""

    net: Net
    eligible_expenditure: Fraction
    base: Fraction
    award_fen: int


def line_of(entity: str, case: Case) -> Line:
    """Everything about one entity but its payable and its adjustment, which depend on the others."""
    own = [one for one in case.judged if one.part.consumer == entity]
    facts = case.registry.entities.last_on(entity, case.round_.first_day, case.round_.end_day - 1)
    evidence = evidence_of(entity, case.registry.expenditures, case.round_)
    refusals, entity_holds = gates(facts, evidence, case.round_)

    now = money_of(entity, own, evidence, facts, case, released=False)
    then = money_of(entity, own, evidence, facts, case, released=True)
    award_fen = 0 if refusals or entity_holds else now.award_fen
    released_fen = 0 if refusals else then.award_fen
    held_fen = max(0, released_fen - award_fen)

    part_holds = {hold for one in own for hold in one.holds}
    reasons = {one.exclusion for one in own if one.exclusion is not None} | part_holds | refusals | entity_holds
    reasons |= no_award_reasons(own, now.net, case.readings)
    flags = flags_of(entity, own, facts, evidence, award_fen, case)
    if held_fen > 0 and not part_holds and not entity_holds:
        flags.add("HOLD_IN_GROUP")
    return {
        "uscc": entity,
        "name": None if facts is None else facts["name"],
        "region": None if facts is None else facts["region"],
        "consumed_pflops_hours": text_of(now.net.consumed),
        "supplied_pflops_hours": text_of(now.net.supplied),
        "net_pflops_hours": text_of(now.net.net),
        "group": case.families.root(entity, case.round_.end_day - 1),
        "group_consumed_pflops_hours": text_of(now.net.group_consumed),
        "group_supplied_pflops_hours": text_of(now.net.group_supplied),
        "eligible_expenditure_fen": floor(now.eligible_expenditure),
        "base_fen": floor(now.base),
        "award_fen": award_fen,
        "held_fen": held_fen,
        "reasons": reasons,
        "flags": flags,
    }


def gates(facts: Item | None, evidence: Evidence, round_: Round) -> tuple[set[str], set[str]]:
    """Refusals and holds of the entity itself (R-ENTITY, EVIDENCE_MISSING)."""
    refusals: set[str] = set()
    holds: set[str] = set()
    if facts is None:
        holds.add("ENTITY_NOT_IN_REGISTRY")
    else:
        if not facts["independent_legal_person"]:
            refusals.add("NOT_INDEPENDENT_LEGAL_PERSON")
        if round_.user_in_anhui and not facts["region"].startswith("34"):
            refusals.add("NOT_REGISTERED_IN_ANHUI")
        if round_.general_ai and facts["kind"] == "enterprise":
            if facts["ai_enterprise"] is False:
                refusals.add("NOT_AI_ENTERPRISE")
            if facts["ai_enterprise"] is None:
                holds.add("AI_ENTERPRISE_NOT_ATTESTED")
        if facts["kind"] not in round_.kinds:
            holds.add("KIND_NOT_LISTED")
    if any(kind not in evidence.totals for kind in round_.evidence):
        holds.add("EVIDENCE_MISSING")
    return refusals, holds


def money_of(
    entity: str, own: list[Judged], evidence: Evidence, facts: Item | None, case: Case, *, released: bool
) -> Money:
    """The award before gates: floor(rate x eligible expenditure x ratio), with no other rounding."""
    net = net_of(entity, case.judged, case.readings, case.families, released)
    eligible_charges_fen = sum(one.part.charge_fen for one in own if one.eligible(released))
    expenditure = eligible_expenditure(
        eligible_charges_fen, all_charges_of(own), evidence, case.readings["spend_basis"]
    )
    base = expenditure * net.ratio(case.readings["net_effect"])
    rate = rate_of(case.order, case.readings, None if facts is None else facts["region"])
    return Money(net, expenditure, base, rounded(rate * base, case.readings["rounding"]))


def all_charges_of(own: list[Judged]) -> int:
    """Charges of all platform parts in the window, eligible or not."""
    return sum(one.part.charge_fen for one in own if one.part.via_platform)


def no_award_reasons(own: list[Judged], net: Net, readings: dict[str, str]) -> set[str]:
    """NO_ELIGIBLE_USE, NET_NOT_POSITIVE, GROUP_NET_NOT_POSITIVE."""
    reasons = set()
    if all(one.exclusion is not None for one in own):  # or there is none
        reasons.add("NO_ELIGIBLE_USE")
    if readings["filter_order"] == "net_then_filter":
        something_to_net = any(one.in_scheme for one in own)
    else:
        something_to_net = any(one.eligible(released=False) for one in own)
    if something_to_net and net.net <= 0:
        reasons.add("NET_NOT_POSITIVE")
    elif something_to_net and net.group_net <= 0:
        reasons.add("GROUP_NET_NOT_POSITIVE")
    return reasons


def flags_of(
    entity: str, own: list[Judged], facts: Item | None, evidence: Evidence, award_fen: int, case: Case
) -> set[str]:
    """The flags that do not depend on budget, order or holds."""
    flags = set()
    round_ = case.round_
    if not round_.facility_in_anhui and any(
        one.exclusion is None and not one.part.region.startswith("34") for one in own
    ):
        flags.add("OUT_OF_PROVINCE_ALLOWED_BY_TEXT")
    if not round_.user_in_anhui and facts is not None and not facts["region"].startswith("34"):
        flags.add("NOT_REGISTERED_IN_ANHUI_ALLOWED_BY_TEXT")
    all_charges_fen = all_charges_of(own)
    if not evidence.totals:
        flags.add("NO_EXPENDITURE_EVIDENCE")
    if evidence.coverage(EVIDENCE, all_charges_fen) < 1:
        flags.add("EVIDENCE_BELOW_CHARGES")
    if 2 * (evidence.public_support_fen + award_fen) > all_charges_fen:
        flags.add("PUBLIC_SHARE_ABOVE_HALF")
    if any(one.insider and one.eligible(released=False) and one.part.charge_fen > 0 for one in own):
        flags.add("INTRA_GROUP_CHARGES")
    if entity in case.in_conflict:
        flags.add("CONFLICT_IN_QUARANTINE")
    return flags
