"""The random worlds reach every rule: each reason, flag and situation occurs reasonably often in 2,000 of them."""

from collections import Counter
from fractions import Fraction
from typing import Any

from tests.laws.worlds import World, world_of
from tests.reference import settle

WORLDS = 2_000

# How many of the worlds show it at least; about half of what was measured when the generator was tuned.
REASONS = {
    "NOT_VIA_PLATFORM": 250,
    "PURPOSE_NOT_ELIGIBLE": 250,
    "OUT_OF_PROVINCE": 150,
    "NOT_INTELLIGENT_COMPUTE": 100,
    "SELF_BUILT_SELF_USED": 400,
    "PURPOSE_NOT_STATED": 200,
    "EXTERNAL_SHARE_BELOW_HOLD_THRESHOLD": 100,
    "NOT_INDEPENDENT_LEGAL_PERSON": 100,
    "NOT_REGISTERED_IN_ANHUI": 150,
    "NOT_AI_ENTERPRISE": 60,
    "KIND_NOT_LISTED": 200,
    "AI_ENTERPRISE_NOT_ATTESTED": 100,
    "ENTITY_NOT_IN_REGISTRY": 200,
    "EVIDENCE_MISSING": 150,
    "NO_ELIGIBLE_USE": 500,
    "NET_NOT_POSITIVE": 300,
    "GROUP_NET_NOT_POSITIVE": 20,
    # Yinchuan
    "PUE_NOT_BELOW_1_2": 15,
    "MODEL_PARAMETERS_BELOW_THRESHOLD": 20,
    "SCENES_BELOW_THRESHOLD": 20,
    "NOT_LANDED_IN_YINCHUAN": 15,
    "MODEL_ALREADY_CLAIMED": 5,
    "HONOUR_NOT_LISTED": 10,
    "ONE_OFF_ALREADY_RECEIVED": 10,
    "HIGHER_OF_MUNICIPAL_POLICIES": 20,
}
FLAGS = {
    "OUT_OF_PROVINCE_ALLOWED_BY_TEXT": 30,
    "NOT_REGISTERED_IN_ANHUI_ALLOWED_BY_TEXT": 50,
    "NO_EXPENDITURE_EVIDENCE": 700,
    "EVIDENCE_BELOW_CHARGES": 500,
    "PUBLIC_SHARE_ABOVE_HALF": 200,
    "INTRA_GROUP_CHARGES": 200,
    "HOLD_IN_GROUP": 8,
    "CONFLICT_IN_QUARANTINE": 100,
    "BUDGET_SHORTFALL": 60,
    "FORECAST_NOT_PAYABLE": 100,
    "DRAFT_NOT_PAYABLE": 80,
    "SAME_COST_TWICE": 7,
}
SITUATIONS = {
    "refused RATE_ABOVE_CEILING": 8,
    "refused RATE_NEGATIVE": 5,
    "award with nothing against it": 400,
    "award although compute was supplied": 150,
    "award cut by the group's ratio": 20,
    "award and held money on one line": 60,
    "net exactly zero beside supply": 8,
    "member of another's group": 300,
    "group figures that are not its own": 250,
    "a quantity that is no finite decimal": 100,
    "negative adjustment": 60,
    "positive adjustment": 20,
    "duplicate": 200,
    "conflict": 100,
    "refused record": 300,
    "matches": 20,
}


def seen_in(world: World) -> set[str]:
    """The reasons, flags and situations of one world."""
    result = settle(world)
    if "refused" in result:
        return {f"refused {result['refused']}"}
    seen = {name for name in ("duplicate", "conflict") if result["ingest"][name]}
    if result["ingest"]["refused"]:
        seen.add("refused record")
    if "matches" in result:
        seen.add("matches")
    for line in result["lines"].values():
        seen |= set(line["reasons"]) | set(line["flags"])
        if "net_pflops_hours" in line:
            seen |= situations(line)
    return seen


def situations(line: dict[str, Any]) -> set[str]:
    """The situations of one line."""
    consumed, supplied = Fraction(line["consumed_pflops_hours"]), Fraction(line["supplied_pflops_hours"])
    group_consumed = Fraction(line["group_consumed_pflops_hours"])
    group_supplied = Fraction(line["group_supplied_pflops_hours"])
    award = line["award_fen"] > 0
    adjustment_fen = line.get("adjustment_fen", 0)
    holds = {
        "award with nothing against it": award and not line["reasons"],
        "award although compute was supplied": award and supplied > 0,
        "award cut by the group's ratio": award and group_supplied * consumed > supplied * group_consumed,
        "award and held money on one line": award and line["held_fen"] > 0,
        "net exactly zero beside supply": consumed == supplied > 0,
        "member of another's group": line["group"] != line["uscc"],
        "group figures that are not its own": (group_consumed, group_supplied) != (consumed, supplied),
        "a quantity that is no finite decimal": "/" in line["net_pflops_hours"],
        "negative adjustment": adjustment_fen < 0,
        "positive adjustment": adjustment_fen > 0,
    }
    return {name for name, true in holds.items() if true}


def test_random_worlds_reach_every_reason_flag_and_situation() -> None:
    """A generator that stops reaching a rule fails here."""
    counts: Counter[str] = Counter()
    for seed in range(WORLDS):
        counts.update(seen_in(world_of(seed)))
    wanted = REASONS | FLAGS | SITUATIONS
    rare = {name: (counts[name], least) for name, least in wanted.items() if counts[name] < least}
    assert not rare, f"too rare (found, wanted): {rare}"
    unheard_of = set(counts) - set(wanted)
    assert not unheard_of, f"codes that this table does not know: {unheard_of}"


def test_the_same_seed_gives_the_same_world() -> None:
    """So that a failure can be repeated."""
    assert [world_of(seed) for seed in range(50)] == [world_of(seed) for seed in range(50)]
