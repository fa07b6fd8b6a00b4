"""The steps of a line of a draft round: each application, then their sum."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from meter.decimals import decimal_text
from settlement.award.yinchuan import DraftItem
from settlement.explain.operations import Values
from settlement.explain.story import Story


def tell_application(story: Story, item: DraftItem) -> None:
    """Tell one application: the clause, the other policy, the cost paid before."""
    rule = f"Y-{item.article}"
    words = story.setting.round.rules[rule]
    if item.article == "5":
        fen_per_kwh = Fraction(str(words.parameters["yuan_per_kwh"])) * 100
        amounts: dict[str, Any] = {"fen_per_unit": decimal_text(fen_per_kwh)}
    else:
        amounts = {
            "fen_per_unit": decimal_text(Fraction(str(words.parameters["rate"]))),
            "cap_fen": words.parameters["cap_fen"],
        }
    story.add(
        rule,
        words.title,
        "clause",
        {"application": item.id, "measure": decimal_text(item.measure), **amounts},
        {},
        {"clause_fen": item.clause_fen},
    )
    against = [reason for reason in item.reasons if reason != "HIGHER_OF_MUNICIPAL_POLICIES"]
    story.add(
        "Y-HIGHER",
        "资格与就高不重复",
        "higher",
        {
            "application": item.id,
            "against": sorted(against),
            "other_fen": None if item.other is None else item.other[0],
            "other_paid": None if item.other is None else item.other[1],
        },
        {"clause_fen": item.clause_fen},
        {},
    )
    story.add(
        "Y-STACK",
        "同一成本合计不超过成本",
        "stack",
        {
            "application": item.id,
            "cost_fen": None if item.article == "5" else int(item.measure),
            "paid_before_fen": item.paid_before_fen,
        },
        {"ours_fen": story.last["ours_fen"]},
        {f"item_fen:{item.id}": item.fen},
    )


def tell_sum(story: Story, row: Values) -> None:
    """Tell the sum of the items; nothing is payable."""
    items = {f"item_fen:{item.id}": item.fen for item in story.setting.drafts[row["uscc"]]}
    story.add(
        "Y-DRAFT",
        "征求意见稿，仅供测算，不予支付",
        "draft",
        {},
        items,
        {"award_fen": row["award_fen"], "held_fen": 0, "payable_fen": 0},
    )
