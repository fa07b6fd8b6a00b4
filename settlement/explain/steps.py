"""The explanation of a line: its steps from use to money, each with its words, and each replayable on its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

from settlement.award.yinchuan import DraftItem
from settlement.compute.settlement import Settlement
from settlement.inputs.frames import EXPENDITURE_KINDS
from settlement.numbers.quantities import pflops_hours_text, use_text
from settlement.rounds.readings import decimal_text
from settlement.rounds.reason_codes import ENTITY_HOLDS, REFUSALS

Step = dict[str, Any]
Values = Mapping[str, Any]

RUNNING: Final = ("charges_fen", "use_pflops_hours")
RULE_OF_REASON: Final = {
    "NOT_VIA_PLATFORM": "R-PLATFORM",
    "PURPOSE_NOT_ELIGIBLE": "R-PURPOSE",
    "PURPOSE_NOT_STATED": "R-PURPOSE",
    "OUT_OF_PROVINCE": "R-PROV",
    "NOT_INTELLIGENT_COMPUTE": "R-INTELLIGENT",
    "SELF_BUILT_SELF_USED": "R-SELF",
    "EXTERNAL_SHARE_BELOW_HOLD_THRESHOLD": "R-HOLD-EXTERNAL",
}
READINGS_OF_REASON: Final = {
    "PURPOSE_NOT_STATED": ("purpose_missing",),
    "SELF_BUILT_SELF_USED": ("self_test", "related"),
    "EXTERNAL_SHARE_BELOW_HOLD_THRESHOLD": ("hold_below_external_share", "related"),
}
TITLE_OF_REASON: Final = {
    "NOT_VIA_PLATFORM": "未经平台统一入口的使用不计",
    "PURPOSE_NOT_ELIGIBLE": "用途不符的使用不计",
    "PURPOSE_NOT_STATED": "用途未注明的使用",
    "OUT_OF_PROVINCE": "省外算力不计",
    "NOT_INTELLIGENT_COMPUTE": "非智能算力不计",
    "SELF_BUILT_SELF_USED": "自建自用不计",
    "EXTERNAL_SHARE_BELOW_HOLD_THRESHOLD": "外部使用占比过低，待核",
}


def steps_of(settlement: Settlement, uscc: str) -> list[Step]:
    """The steps of one line, in order of evaluation; empty where the entity has no line.

    A step is {rule, title, document, article, quote or ext, reading, operation, parameters, before, after}: money as
    whole fen, everything else as exact strings (a decimal or a reduced fraction; quantities in PFLOPS-hours).
    """
    row = settlement.line(uscc)
    if row is None:
        return []
    teller = _Teller(settlement)
    if settlement.round.draft:
        for item in settlement.drafts[uscc]:
            teller.tell_draft(item)
        teller.tell_draft_end(row)
    else:
        teller.tell_use(row)
        teller.tell_net(row)
        teller.tell_spend(row)
        teller.tell_award(row)
        teller.tell_held(row)
        teller.tell_payable(row)
    if row["settled_fen"] is not None:
        teller.add(
            "Y-DRAFT" if settlement.round.draft else "R-CORR",
            "与已结算金额的差额",
            "adjust",
            {"settled_fen": row["settled_fen"]},
            {"payable_fen": row["payable_fen"]},
            {"adjustment_fen": row["adjustment_fen"]},
        )
    return teller.steps


def replay(steps: Sequence[Step]) -> dict[str, Any]:
    """Recomputes a line from its steps alone and returns every value they name, among them award_fen, held_fen,
    payable_fen. Raises ValueError where a step does not follow from the ones before it or from its own operation."""
    known: dict[str, Any] = {}
    for number, step in enumerate(steps):
        place = f"step {number} ({step['rule']}, {step['operation']})"
        for name, value in step["before"].items():
            if name in known and known[name] != value:
                raise ValueError(f"{place}: {name} was {known[name]!r} before, yet the step starts from {value!r}")
        found = OPERATIONS[step["operation"]](step["before"], step["parameters"])
        if found != step["after"]:
            raise ValueError(f"{place}: it says {step['after']!r}, recomputed it is {found!r}")
        known.update(found)
    return known


class _Teller:
    """Collects steps and the values they have produced so far."""

    def __init__(self, settlement: Settlement) -> None:
        self.settlement = settlement
        self.readings = settlement.readings.as_dict()
        self.steps: list[Step] = []

    def add(
        self,
        rule: str,
        title: str,
        operation: str,
        parameters: Values,
        before: Values,
        after: Values,
        switches: Sequence[str] = (),
    ) -> None:
        """Appends a step; what it produced is what its own operation makes of it, checked against the line."""
        words = self.settlement.round.rules[rule]
        computed = OPERATIONS[operation](before, parameters)
        for name, value in after.items():
            assert computed[name] == value, f"{rule}: {name} is {value!r} on the line, {computed[name]!r} by its step"
        self.steps.append(
            {
                "rule": rule,
                "title": title,
                "document": words.source.document,
                "article": words.source.article,
                "quote": words.source.quote,
                "ext": words.source.ext,
                "reading": {name: self.readings[name] for name in switches},
                "operation": operation,
                "parameters": dict(parameters),
                "before": dict(before),
                "after": computed,
            }
        )

    @property
    def last(self) -> dict[str, Any]:
        """What the last step produced."""
        found: dict[str, Any] = self.steps[-1]["after"]
        return found

    def tell_use(self, row: Values) -> None:
        """From all use in the window to the eligible use."""
        parts = self.settlement.parts(row["uscc"])
        by_scheme = self.readings["filter_order"] == "net_then_filter"
        off_platform = sum(part["charge_fen"] for part in parts if part["reason"] == "NOT_VIA_PLATFORM")
        start: dict[str, Any] = {"charges_fen": row["all_charges_fen"] + off_platform}
        if not by_scheme:
            use = Fraction(row["consumed_units"], 10**9) + sum(part["use"] for part in parts)
            start["use_pflops_hours"] = use_text(int(use))
        window = self.settlement.round.window_seconds
        assert window is not None, "a draft is told otherwise"
        self.add(
            "R-WIN", "批次期间内的使用", "given", {"from_second": window[0], "to_second": window[1], **start}, {}, {}
        )
        for status in ("excluded", "held"):
            for part in parts:
                if part["status"] == status:
                    self._leave_out(part, by_scheme=by_scheme)
            if status == "excluded":
                self.add(
                    "R-BASE",
                    "不计部分之外的使用",
                    "name",
                    {"charges_fen": "released_charges_fen"}
                    | ({} if by_scheme else {"use_pflops_hours": "released_consumed_pflops_hours"}),
                    self._use(),
                    {"released_charges_fen": row["released_charges_fen"]},
                )
        names = {"charges_fen": "eligible_charges_fen"}
        after: dict[str, Any] = {"eligible_charges_fen": row["eligible_charges_fen"]}
        if not by_scheme:
            names["use_pflops_hours"] = "consumed_pflops_hours"
            after["consumed_pflops_hours"] = pflops_hours_text(row["consumed_units"])
        self.add("R-BASE", "计入的使用", "name", names, self._use(), after)
        self.add("R-SPEND", "平台账单总额", "given", {"all_charges_fen": row["all_charges_fen"]}, {}, {})
        if by_scheme:
            given = {
                "consumed_pflops_hours": pflops_hours_text(row["consumed_units"]),
                "released_consumed_pflops_hours": pflops_hours_text(row["released_consumed_units"]),
            }
            title = "先抵后筛：政策范围内的全部平台使用"
            self.add("R-NET", title, "given", given, {}, {}, ("filter_order", "self_test"))

    def _use(self) -> dict[str, Any]:
        """Charges and use as they stand after the last step that changed them."""
        for step in reversed(self.steps):
            if "charges_fen" in step["after"]:
                return {name: step["after"][name] for name in RUNNING if name in step["after"]}
        raise AssertionError("the first step gives charges")

    def _leave_out(self, part: Values, *, by_scheme: bool) -> None:
        parameters = {
            "status": part["status"],
            "reason": part["reason"],
            "charge_fen": part["charge_fen"],
            "pflops_hours": use_text(part["use"]),
            "pieces": part["pieces"],
        }
        self.add(
            RULE_OF_REASON[part["reason"]],
            TITLE_OF_REASON[part["reason"]] + ("（待核）" if part["status"] == "held" else ""),
            "leave_out",
            parameters,
            self._use(),
            {},
            (*READINGS_OF_REASON.get(part["reason"], ()), *(("filter_order",) if by_scheme else ())),
        )

    def tell_net(self, row: Values) -> None:
        """Supply, group and ratio."""
        self.add(
            "R-NET-FORMULA",
            "算力补助量=算力使用量-算力被使用量",
            "net",
            {"supplied_pflops_hours": pflops_hours_text(row["supplied_units"])},
            {"consumed_pflops_hours": pflops_hours_text(row["consumed_units"])},
            {"net_pflops_hours": pflops_hours_text(row["consumed_units"] - row["supplied_units"])},
            ("supply_owner", "self_test"),
        )
        self.add(
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
        self.add(
            "R-NET",
            "补助比例：本单位与集团两者取小",
            "ratio",
            {"net_effect": self.readings["net_effect"]},
            {
                "consumed_pflops_hours": pflops_hours_text(row["consumed_units"]),
                "net_pflops_hours": pflops_hours_text(row["consumed_units"] - row["supplied_units"]),
                "group_consumed_pflops_hours": pflops_hours_text(row["group_consumed_units"]),
                "group_net_pflops_hours": pflops_hours_text(row["group_consumed_units"] - row["group_supplied_units"]),
            },
            {},
            ("net_effect",),
        )
        self.ratio = self.last["ratio"]

    def tell_spend(self, row: Values) -> None:
        """Evidence, public support, eligible expenditure, base."""
        evidence = {f"{kind}_fen": row[f"{kind}_fen"] for kind in EXPENDITURE_KINDS[:3]}
        self.add(
            "R-SPEND",
            "材料对账单的覆盖",
            "coverage",
            {"spend_basis": self.readings["spend_basis"], **evidence},
            {"all_charges_fen": row["all_charges_fen"]},
            {},
            ("spend_basis",),
        )
        kappa = self.last["kappa"]
        self.add(
            "R-NODUP",
            "扣除其他公共资金",
            "outlay",
            {"public_support_fen": row["public_support_fen"] or 0},
            {"kappa": kappa, "all_charges_fen": row["all_charges_fen"]},
            {},
        )
        self.covered = self.last["covered_share"]
        self.add(
            "R-SPEND",
            "计入的算力支出",
            "expenditure",
            {},
            {"eligible_charges_fen": row["eligible_charges_fen"], "covered_share": self.covered},
            {"eligible_expenditure_fen": row["eligible_expenditure_fen"]},
        )
        self.add(
            "R-NET",
            "补助基数",
            "base",
            {},
            {"eligible_expenditure": self.last["eligible_expenditure"], "ratio": self.ratio},
            {"base_fen": row["base_fen"]},
        )
        self.base = self.last["base"]

    def tell_award(self, row: Values) -> None:
        """Rate, gates, the one floor."""
        of_round, order = self.settlement.round, self.settlement.order
        forecast = order.rate is None
        self.add(
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
        self.add(
            "R-NORTH",
            "皖北地区上浮",
            "uplift",
            {
                "north": row["north"],
                "uplift": self.readings["uplift"],
                "factor": decimal_text(of_round.uplift_factor),
                "region": row["region"],
            },
            {"order_rate": self.last["order_rate"], "ceiling": self.last["ceiling"]},
            {"rate": row["rate"]},
            ("uplift", "north_places"),
        )
        self.rate = self.last["rate"]
        self.add(
            "R-ENTITY",
            "兑现单位资格",
            "gate",
            {
                "refused": sorted(set(row["reasons"]) & set(REFUSALS)),
                "held": sorted(set(row["reasons"]) & set(ENTITY_HOLDS)),
            },
            {},
            {},
        )
        self.gate = self.last["gate"]
        self.add(
            "R-ROUND",
            "补助金额",
            "award",
            {"rounding": self.readings["rounding"]},
            {"base": self.base, "rate": self.rate, "gate": self.gate},
            {"award_fen": row["award_fen"]},
            ("rounding",),
        )

    def tell_held(self, row: Values) -> None:
        """The same with all holds released."""
        self.add(
            "R-HOLD",
            "待核金额：全部放行时的差额",
            "hold",
            {
                "net_effect": self.readings["net_effect"],
                "rounding": self.readings["rounding"],
                "group_released_consumed_pflops_hours": pflops_hours_text(row["group_released_consumed_units"]),
            },
            {
                "released_charges_fen": row["released_charges_fen"],
                "released_consumed_pflops_hours": pflops_hours_text(row["released_consumed_units"]),
                "supplied_pflops_hours": pflops_hours_text(row["supplied_units"]),
                "group_supplied_pflops_hours": pflops_hours_text(row["group_supplied_units"]),
                "covered_share": self.covered,
                "rate": self.rate,
                "gate": self.gate,
                "award_fen": row["award_fen"],
            },
            {"held_fen": row["held_fen"]},
            ("net_effect", "rounding"),
        )

    def tell_payable(self, row: Values) -> None:
        """Budget, or why nothing is payable."""
        order = self.settlement.order
        parameters = {
            "forecast": order.rate is None,
            "budget_fen": order.budget_fen,
            "sum_of_awards_fen": self.settlement.totals["award_fen"],
            "odd_fen": row["odd_fen"],
        }
        after = {"payable_fen": row["payable_fen"]}
        self.add("R-BUDGET", "应付金额", "budget", parameters, {"award_fen": row["award_fen"]}, after)

    def tell_draft(self, item: DraftItem) -> None:
        """One application: the clause, the other policy, the cost paid before."""
        rule = f"Y-{item.article}"
        words = self.settlement.round.rules[rule]
        if item.article == "5":
            fen_per_kwh = Fraction(str(words.parameters["yuan_per_kwh"])) * 100
            amounts: dict[str, Any] = {"fen_per_unit": decimal_text(fen_per_kwh)}
        else:
            amounts = {
                "fen_per_unit": decimal_text(Fraction(str(words.parameters["rate"]))),
                "cap_fen": words.parameters["cap_fen"],
            }
        self.add(
            rule,
            words.title,
            "clause",
            {"application": item.id, "measure": decimal_text(item.measure), **amounts},
            {},
            {"clause_fen": item.clause_fen},
        )
        against = [reason for reason in item.reasons if reason != "HIGHER_OF_MUNICIPAL_POLICIES"]
        self.add(
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
        self.add(
            "Y-STACK",
            "同一成本合计不超过成本",
            "stack",
            {
                "application": item.id,
                "cost_fen": None if item.article == "5" else int(item.measure),
                "paid_before_fen": item.paid_before_fen,
            },
            {"ours_fen": self.last["ours_fen"]},
            {f"item_fen:{item.id}": item.fen},
        )

    def tell_draft_end(self, row: Values) -> None:
        """The sum of the items; nothing is payable."""
        items = {f"item_fen:{item.id}": item.fen for item in self.settlement.drafts[row["uscc"]]}
        self.add(
            "Y-DRAFT",
            "征求意见稿，仅供测算，不予支付",
            "draft",
            {},
            items,
            {"award_fen": row["award_fen"], "held_fen": 0, "payable_fen": 0},
        )


def _given(_before: Values, parameters: Values) -> dict[str, Any]:
    return dict(parameters)


def _name(before: Values, parameters: Values) -> dict[str, Any]:
    return {new: before[old] for old, new in parameters.items()}


def _leave_out(before: Values, parameters: Values) -> dict[str, Any]:
    after: dict[str, Any] = {"charges_fen": before["charges_fen"] - parameters["charge_fen"]}
    if "use_pflops_hours" in before:
        rest = Fraction(before["use_pflops_hours"]) - Fraction(parameters["pflops_hours"])
        after["use_pflops_hours"] = decimal_text(rest)
    return after


def _net(before: Values, parameters: Values) -> dict[str, Any]:
    net = Fraction(before["consumed_pflops_hours"]) - Fraction(parameters["supplied_pflops_hours"])
    return {
        "net_pflops_hours": decimal_text(net),
        "supplied_pflops_hours": parameters["supplied_pflops_hours"],
    }


def _group_net(_before: Values, parameters: Values) -> dict[str, Any]:
    consumed = parameters["group_consumed_pflops_hours"]
    supplied = parameters["group_supplied_pflops_hours"]
    return {
        "group_consumed_pflops_hours": consumed,
        "group_supplied_pflops_hours": supplied,
        "group_net_pflops_hours": decimal_text(Fraction(consumed) - Fraction(supplied)),
    }


def _ratio_of(
    effect: str, consumed: Fraction, net: Fraction, group_consumed: Fraction, group_net: Fraction
) -> Fraction:
    if net <= 0 or group_net <= 0:
        return Fraction(0)
    return Fraction(1) if effect == "gate" else min(net / consumed, group_net / group_consumed)


def _ratio(before: Values, parameters: Values) -> dict[str, Any]:
    names = ("consumed_pflops_hours", "net_pflops_hours", "group_consumed_pflops_hours", "group_net_pflops_hours")
    found = _ratio_of(parameters["net_effect"], *(Fraction(before[name]) for name in names))
    return {"ratio": decimal_text(found)}


def _coverage(before: Values, parameters: Values) -> dict[str, Any]:
    kinds = {"least_evidenced": ("contract", "invoice", "payment"), "invoiced": ("invoice",), "settled": ()}
    totals = [parameters[f"{kind}_fen"] for kind in kinds[parameters["spend_basis"]]]
    on_file = [total for total in totals if total is not None]
    charges = before["all_charges_fen"]
    kappa = min(Fraction(1), Fraction(min(on_file), charges)) if on_file and charges else Fraction(1)
    return {"kappa": decimal_text(kappa)}


def _outlay(before: Values, parameters: Values) -> dict[str, Any]:
    charges = before["all_charges_fen"]
    if not charges:
        return {"covered_share": "0"}
    share = Fraction(before["kappa"]) - Fraction(parameters["public_support_fen"], charges)
    return {"covered_share": decimal_text(min(Fraction(1), max(Fraction(0), share)))}


def _expenditure(before: Values, _parameters: Values) -> dict[str, Any]:
    exact = before["eligible_charges_fen"] * Fraction(before["covered_share"])
    return {"eligible_expenditure": decimal_text(exact), "eligible_expenditure_fen": exact // 1}


def _base(before: Values, _parameters: Values) -> dict[str, Any]:
    exact = Fraction(before["eligible_expenditure"]) * Fraction(before["ratio"])
    return {"base": decimal_text(exact), "base_fen": exact // 1}


def _uplift(before: Values, parameters: Values) -> dict[str, Any]:
    rate = Fraction(before["order_rate"])
    if parameters["north"] and parameters["uplift"] != "off":
        rate *= Fraction(parameters["factor"])
        if parameters["uplift"] == "capped":
            rate = min(rate, Fraction(before["ceiling"]))
    return {"rate": decimal_text(rate)}


def _gate(_before: Values, parameters: Values) -> dict[str, Any]:
    if parameters["refused"]:
        return {"gate": "refused"}
    return {"gate": "held" if parameters["held"] else "open"}


def _rounded(exact: Fraction, rounding: str) -> int:
    return (exact + Fraction(1, 2)) // 1 if rounding == "half_up" else exact // 1


def _award(before: Values, parameters: Values) -> dict[str, Any]:
    if before["gate"] != "open":
        return {"award_fen": 0}
    exact = Fraction(before["base"]) * Fraction(before["rate"])
    return {"award_fen": _rounded(exact, parameters["rounding"])}


def _hold(before: Values, parameters: Values) -> dict[str, Any]:
    if before["gate"] == "refused":
        return {"released_award_fen": 0, "held_fen": 0}
    consumed = Fraction(before["released_consumed_pflops_hours"])
    group_consumed = Fraction(parameters["group_released_consumed_pflops_hours"])
    ratio = _ratio_of(
        parameters["net_effect"],
        consumed,
        consumed - Fraction(before["supplied_pflops_hours"]),
        group_consumed,
        group_consumed - Fraction(before["group_supplied_pflops_hours"]),
    )
    exact = before["released_charges_fen"] * Fraction(before["covered_share"]) * ratio * Fraction(before["rate"])
    released = _rounded(exact, parameters["rounding"])
    return {"released_award_fen": released, "held_fen": max(0, released - before["award_fen"])}


def _budget(before: Values, parameters: Values) -> dict[str, Any]:
    award, budget, total = before["award_fen"], parameters["budget_fen"], parameters["sum_of_awards_fen"]
    if parameters["forecast"]:
        return {"payable_fen": 0}
    if budget is None or total <= budget:
        return {"payable_fen": award}
    return {"payable_fen": award * budget // total + parameters["odd_fen"]}


def _adjust(before: Values, parameters: Values) -> dict[str, Any]:
    return {"adjustment_fen": before["payable_fen"] - parameters["settled_fen"]}


def _clause(_before: Values, parameters: Values) -> dict[str, Any]:
    fen = Fraction(parameters["measure"]) * Fraction(parameters["fen_per_unit"]) // 1
    return {"clause_fen": min(fen, parameters.get("cap_fen", fen))}


def _higher(before: Values, parameters: Values) -> dict[str, Any]:
    ours, other = before["clause_fen"], parameters["other_fen"]
    if parameters["against"]:
        ours = 0
    elif other is not None and parameters["other_paid"]:
        ours = max(0, ours - other)
    elif other is not None and other > ours:
        ours = 0
    return {"ours_fen": ours}


def _stack(before: Values, parameters: Values) -> dict[str, Any]:
    ours, cost, paid = before["ours_fen"], parameters["cost_fen"], parameters["paid_before_fen"]
    if cost is not None and paid > 0:
        ours = min(ours, max(0, cost - paid))
    return {f"item_fen:{parameters['application']}": ours}


def _draft(before: Values, _parameters: Values) -> dict[str, Any]:
    return {"award_fen": sum(before.values()), "held_fen": 0, "payable_fen": 0}


OPERATIONS: Final[Mapping[str, Callable[[Values, Values], dict[str, Any]]]] = {
    "given": _given,
    "name": _name,
    "leave_out": _leave_out,
    "net": _net,
    "group_net": _group_net,
    "ratio": _ratio,
    "coverage": _coverage,
    "outlay": _outlay,
    "expenditure": _expenditure,
    "base": _base,
    "uplift": _uplift,
    "gate": _gate,
    "award": _award,
    "hold": _hold,
    "budget": _budget,
    "adjust": _adjust,
    "clause": _clause,
    "higher": _higher,
    "stack": _stack,
    "draft": _draft,
}
