"""The Yinchuan draft, what-if only: applications in order of id (docs/rules.md, section 8)."""

from fractions import Fraction
from math import floor
from typing import Any

from tests.reference.days import day_from_text, first_second
from tests.reference.facts import Item, Registry
from tests.reference.parts import charge_on
from tests.reference.records import Record

HONOURS = ("academician", "award", "national_programme")
FEN_A_KWH = 12
MODEL_CAP_FEN = 500_000_000
TALENT_CAP_FEN = 200_000_000


def settle(applications: list[Item], records: list[Record], registry: Registry) -> dict[str, Any]:
    """Lines with `items: {application: fen}`; their sum is the award; nothing is payable."""
    lines: dict[str, dict[str, Any]] = {}
    models: set[str] = set()  # claimed before
    paid_of_cost: dict[tuple[str, str], int] = {}  # consumer and cost_ref -> what was paid on it before
    stated = [{**one, "article": str(one["article"])} for one in applications]
    for application in sorted(stated, key=lambda one: one["id"]):
        consumer = application["consumer"]
        line = lines.setdefault(consumer, {"uscc": consumer, "items": {}, "reasons": set(), "flags": set()})
        cost_fen = cost_of(application, records)
        reasons = gates(application, models, registry)
        amount_fen = 0 if reasons else amount_of(application, cost_fen)
        other = application.get("other_municipal")
        if other is not None and not reasons:  # Y-HIGHER
            if other["paid"]:
                amount_fen = max(0, amount_fen - other["amount_fen"])
                reasons.add("HIGHER_OF_MUNICIPAL_POLICIES")
            elif other["amount_fen"] > amount_fen:
                amount_fen = 0
                reasons.add("HIGHER_OF_MUNICIPAL_POLICIES")
        reference = cost_reference(application)
        if reference is not None and amount_fen > 0:  # Y-STACK
            before_fen = paid_of_cost.get((consumer, reference), 0)
            if before_fen > 0:
                line["flags"].add("SAME_COST_TWICE")
            amount_fen = max(0, min(amount_fen, cost_fen - before_fen))
            paid_of_cost[consumer, reference] = before_fen + amount_fen
        if application["article"] == "9" and amount_fen > 0:
            models.add(application["model"])
        line["items"][application["id"]] = amount_fen
        line["reasons"] |= reasons
    for line in lines.values():
        line["award_fen"], line["held_fen"], line["payable_fen"] = sum(line["items"].values()), 0, 0
        line["reasons"] = sorted(line["reasons"])
        line["flags"] = sorted(line["flags"] | {"DRAFT_NOT_PAYABLE"})
    award_fen = sum(line["award_fen"] for line in lines.values())
    return {"lines": lines, "totals": {"award_fen": award_fen, "held_fen": 0, "payable_fen": 0}}


def gates(application: Item, models: set[str], registry: Registry) -> set[str]:
    """Why an application gets nothing."""
    reasons = set()
    entity = registry.entities.on(application["consumer"], day_from_text(application["from"]))
    if entity is None or not entity["independent_legal_person"]:
        reasons.add("NOT_INDEPENDENT_LEGAL_PERSON")
    if application["article"] == "5" and not Fraction(str(application["pue"])) < Fraction("1.2"):
        reasons.add("PUE_NOT_BELOW_1_2")
    if application["article"] == "9":
        if Fraction(str(application["parameters"])) < 10**10:
            reasons.add("MODEL_PARAMETERS_BELOW_THRESHOLD")
        if application["scenes"] < 5:
            reasons.add("SCENES_BELOW_THRESHOLD")
        if not application["landed"]:
            reasons.add("NOT_LANDED_IN_YINCHUAN")
        if application["model"] in models:
            reasons.add("MODEL_ALREADY_CLAIMED")
    if application["article"] == "14":
        if application["honour"] not in HONOURS:
            reasons.add("HONOUR_NOT_LISTED")
        if application.get("already_received"):
            reasons.add("ONE_OFF_ALREADY_RECEIVED")
    return reasons


def amount_of(application: Item, cost_fen: int) -> int:
    """What the article gives, before other policies and other claims on the same cost."""
    if application["article"] == "5":
        return floor(Fraction(str(application["kwh"])) * FEN_A_KWH)
    cap_fen = MODEL_CAP_FEN if application["article"] == "9" else TALENT_CAP_FEN
    return min(floor(cost_fen * Fraction(30, 100)), cap_fen)


def cost_of(application: Item, records: list[Record]) -> int:
    """The stated cost, or the metered charges of the consumer in [from, to)."""
    if application.get("cost_fen") is not None:
        return int(application["cost_fen"])
    begin, end = first_second(day_from_text(application["from"])), first_second(day_from_text(application["to"]))
    return sum(charge_on(one, begin, end) for one in records if one.consumer == application["consumer"])


def cost_reference(application: Item) -> str | None:
    """Which cost it is: `cost_ref`; all metered ones share one; electricity rests on no cost of compute."""
    if application["article"] == "5":
        return None
    if application.get("cost_fen") is None:
        return "metered"
    reference: str | None = application.get("cost_ref")
    return reference
