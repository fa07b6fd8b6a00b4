"""The steps of a line from what counts to what is paid: net, group, expenditure, rate, award, hold, budget."""

from __future__ import annotations

from meter.decimals import decimal_text
from meter.vocabulary import EVIDENCE_KINDS
from settlement.explain.operations import Values
from settlement.explain.story import Story
from settlement.numbers.quantities import pflops_hours_text
from settlement.rounds.reason_codes import ENTITY_HOLDS, LIMITS, REFUSALS


def tell_money(story: Story, row: Values) -> None:
    """Append the steps from the use that counts to the payable amount."""
    ratio = _tell_net(story, row)
    covered_share, base = _tell_spend(story, row, ratio)
    rate = _tell_rate(story, row)
    gate = _tell_award(story, row, base, rate)
    _tell_held(story, row, covered_share, rate, gate)
    _tell_payable(story, row)


def _tell_net(story: Story, row: Values) -> str:
    """Tell supply, group and ratio; return the ratio."""
    story.add(
        "R-NET-FORMULA",
        "算力补助量=算力使用量-算力被使用量",
        "net",
        {"supplied_pflops_hours": pflops_hours_text(row["supplied_units"])},
        {"consumed_pflops_hours": pflops_hours_text(row["consumed_units"])},
        {"net_pflops_hours": pflops_hours_text(row["consumed_units"] - row["supplied_units"])},
        ("supply_owner", "self_test"),
    )
    story.add(
        "R-GROUP",
        "关联企业集团的算力补助量",
        "group_net",
        {
            "group": row["group"],
            "group_consumed_pflops_hours": pflops_hours_text(row["group_consumed_units"]),
            "group_supplied_pflops_hours": pflops_hours_text(row["group_supplied_units"]),
        },
        {},
        {},
        ("supply_owner", "related"),
    )
    story.add(
        "R-NET",
        "补助比例：本单位与集团两者取小",
        "ratio",
        {"net_effect": story.readings["net_effect"]},
        {
            "consumed_pflops_hours": pflops_hours_text(row["consumed_units"]),
            "net_pflops_hours": pflops_hours_text(row["consumed_units"] - row["supplied_units"]),
            "group_consumed_pflops_hours": pflops_hours_text(row["group_consumed_units"]),
            "group_net_pflops_hours": pflops_hours_text(row["group_consumed_units"] - row["group_supplied_units"]),
        },
        {},
        ("net_effect",),
    )
    return str(story.last["ratio"])


def _tell_spend(story: Story, row: Values, ratio: str) -> tuple[str, str]:
    """Tell evidence, public support, eligible expenditure and base; return the covered share and the base."""
    evidence = {f"{kind}_fen": row[f"{kind}_fen"] for kind in EVIDENCE_KINDS}
    story.add(
        "R-SPEND",
        "材料对账单的覆盖",
        "coverage",
        {"spend_basis": story.readings["spend_basis"], **evidence},
        {"all_charges_fen": row["all_charges_fen"]},
        {},
        ("spend_basis",),
    )
    kappa = story.last["kappa"]
    story.add(
        "R-NODUP",
        "扣除其他公共资金",
        "outlay",
        {"public_support_fen": row["public_support_fen"] or 0},
        {"kappa": kappa, "all_charges_fen": row["all_charges_fen"]},
        {},
    )
    covered_share = str(story.last["covered_share"])
    story.add(
        "R-SPEND",
        "计入的算力支出",
        "expenditure",
        {},
        {"eligible_charges_fen": row["eligible_charges_fen"], "covered_share": covered_share},
        {"eligible_expenditure_fen": row["eligible_expenditure_fen"]},
    )
    story.add(
        "R-NET",
        "补助基数",
        "base",
        {},
        {"eligible_expenditure": story.last["eligible_expenditure"], "ratio": ratio},
        {"base_fen": row["base_fen"]},
    )
    return covered_share, str(story.last["base"])


def _tell_rate(story: Story, row: Values) -> str:
    """Tell the rate of the order and its uplift; return the rate."""
    of_round, order = story.setting.round, story.setting.order
    forecast = order.rate is None
    story.add(
        "R-CAP20",
        "按上限测算（未下达比例）" if forecast else "下达的补助比例",
        "given",
        {
            "order_rate": decimal_text(of_round.ceiling if order.rate is None else order.rate),
            "ceiling": decimal_text(of_round.ceiling),
        },
        {},
        {},
    )
    story.add(
        "R-NORTH",
        "皖北地区上浮",
        "uplift",
        {
            "north": row["north"],
            "uplift": story.readings["uplift"],
            "factor": decimal_text(of_round.uplift_factor),
            "region": row["region"],
        },
        {"order_rate": story.last["order_rate"], "ceiling": story.last["ceiling"]},
        {"rate": row["rate"]},
        ("uplift", "north_places"),
    )
    return str(story.last["rate"])


def _tell_award(story: Story, row: Values, base: str, rate: str) -> str:
    """Tell the gate and the one floor; return the gate."""
    story.add(
        "R-ENTITY",
        "兑现单位资格",
        "gate",
        {
            "refused": sorted(set(row["reasons"]) & {*REFUSALS, *LIMITS}),
            "held": sorted(set(row["reasons"]) & set(ENTITY_HOLDS)),
        },
        {},
        {},
    )
    gate = str(story.last["gate"])
    story.add(
        "R-ROUND",
        "补助金额",
        "award",
        {"rounding": story.readings["rounding"]},
        {"base": base, "rate": rate, "gate": gate},
        {"award_fen": row["award_fen"]},
        ("rounding",),
    )
    return gate


def _tell_held(story: Story, row: Values, covered_share: str, rate: str, gate: str) -> None:
    """Tell the same with all holds released."""
    story.add(
        "R-HOLD",
        "待核金额：全部放行时的差额",
        "hold",
        {
            "net_effect": story.readings["net_effect"],
            "rounding": story.readings["rounding"],
            "group_released_consumed_pflops_hours": pflops_hours_text(row["group_released_consumed_units"]),
        },
        {
            "released_charges_fen": row["released_charges_fen"],
            "released_consumed_pflops_hours": pflops_hours_text(row["released_consumed_units"]),
            "supplied_pflops_hours": pflops_hours_text(row["supplied_units"]),
            "group_supplied_pflops_hours": pflops_hours_text(row["group_supplied_units"]),
            "covered_share": covered_share,
            "rate": rate,
            "gate": gate,
            "award_fen": row["award_fen"],
        },
        {"held_fen": row["held_fen"]},
        ("net_effect", "rounding"),
    )


def _tell_payable(story: Story, row: Values) -> None:
    """Tell the budget, or why nothing is payable."""
    order, all_awards = story.setting.order, story.setting.sum_of_awards_fen
    if order.budget_fen is not None and all_awards is None:  # a city sees no figure of the province
        story.add("R-BUDGET", "应付金额（按全省预算分配）", "given", {"payable_fen": row["payable_fen"]}, {}, {})
        return
    parameters = {
        "forecast": order.rate is None,
        "budget_fen": order.budget_fen,
        "sum_of_awards_fen": None if order.budget_fen is None else all_awards,
        "odd_fen": row["odd_fen"],
    }
    after = {"payable_fen": row["payable_fen"]}
    story.add("R-BUDGET", "应付金额", "budget", parameters, {"award_fen": row["award_fen"]}, after)
