"""The arithmetic of a step with its numbers in it, as one line a person can follow with a calculator."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from api.console.language.text import phrase
from api.console.wording.digits import Digits
from api.console.wording.quantity import DECIMALS, shown
from api.console.wording.values import GATE, brief
from api.console.wording.vocabulary import reading_text
from settlement.rounds.reading_table import capped_by


class _Written(dict[str, Any]):
    """Values of a step that know how many decimals they are written with."""

    def __init__(self, values: Mapping[str, Any], digits: Digits) -> None:
        super().__init__(values)
        self.digits = digits


Values = _Written
_ROUNDED = re.compile(r"≈(?=[-\d])")


def formula_of(step: Mapping[str, Any], digits: Digits | None = None) -> str:
    """Return the formula of a step; empty where a step only states what is given, or where it is of an unknown kind."""
    write = _FORMULAS.get(str(step.get("operation")))
    if write is None:
        return ""
    text = write(*(_Written(step[part], digits or Digits()) for part in ("before", "parameters", "after")))
    # what is rounded for reading is said once, at the result; a result that is exact stays "=" whatever was rounded
    return _ROUNDED.sub("", text.replace("= ≈", "≈ "))


def _leave_out(before: Values, parameters: Values, after: Values) -> str:
    money = phrase(
        "费用 {charges_fen} − {charge_fen} = {charges_fen_2} 元",
        charges_fen=_m(before, "charges_fen"),
        charge_fen=_m(parameters, "charge_fen"),
        charges_fen_2=_m(after, "charges_fen"),
    )
    if "use_pflops_hours" not in before:
        return money
    use = phrase(
        "{use_pflops_hours} − {pflops_hours} = {use_pflops_hours_2} P时",
        use_pflops_hours=_m(before, "use_pflops_hours"),
        pflops_hours=_m(parameters, "pflops_hours"),
        use_pflops_hours_2=_m(after, "use_pflops_hours"),
    )
    return phrase("用量 {use}；{money}", use=use, money=money)


def _net(before: Values, parameters: Values, after: Values) -> str:
    supplied = _m(parameters, "supplied_pflops_hours")
    return phrase(
        "{consumed_pflops_hours} − {supplied} = {net_pflops_hours} P时",
        consumed_pflops_hours=_m(before, "consumed_pflops_hours"),
        supplied=supplied,
        net_pflops_hours=_m(after, "net_pflops_hours"),
    )


def _group_net(_before: Values, parameters: Values, after: Values) -> str:
    left, right = _m(parameters, "group_consumed_pflops_hours"), _m(parameters, "group_supplied_pflops_hours")
    return phrase(
        "{left} − {right} = {group_net_pflops_hours} P时",
        left=left,
        right=right,
        group_net_pflops_hours=_m(after, "group_net_pflops_hours"),
    )


def _ratio(before: Values, parameters: Values, after: Values) -> str:
    net, group = Fraction(before["net_pflops_hours"]), Fraction(before["group_net_pflops_hours"])
    if net <= 0 or group <= 0:
        return phrase("{value}补助量不大于0，系数为 0", value=phrase("本单位") if net <= 0 else phrase("集团"))
    if parameters["net_effect"] == "gate":
        return phrase("两者均大于0，按全额，系数为 1")
    own = f"{_m(before, 'net_pflops_hours')} ÷ {_m(before, 'consumed_pflops_hours')}"
    other = f"{_m(before, 'group_net_pflops_hours')} ÷ {_m(before, 'group_consumed_pflops_hours')}"
    return phrase("min( {own}，{other} ) = {ratio}", own=own, other=other, ratio=_m(after, "ratio"))


def _coverage(before: Values, parameters: Values, after: Values) -> str:
    kinds = capped_by(parameters["spend_basis"])
    if not kinds:
        return phrase(
            "{spend_basis}，凭证不作上限，覆盖率为 1",
            spend_basis=reading_text("spend_basis", parameters["spend_basis"])[1],
        )
    on_file = [f"{kind}_fen" for kind in kinds if parameters[f"{kind}_fen"] is not None]
    if not on_file or not before["all_charges_fen"]:
        return phrase("没有登记凭证或没有账单，覆盖率为 1")
    least = min(on_file, key=lambda name: parameters[name])
    quotient = f"{_m(parameters, least)} ÷ {_m(before, 'all_charges_fen')}"
    return phrase("min( 1，凭证最小者 {quotient} ) = {kappa}", quotient=quotient, kappa=_m(after, "kappa"))


def _outlay(before: Values, parameters: Values, after: Values) -> str:
    if not before["all_charges_fen"]:
        return phrase("没有账单，自担比例为 0")
    public = f"{_m(parameters, 'public_support_fen')} ÷ {_m(before, 'all_charges_fen')}"
    return phrase(
        "{kappa} − {public}，限于 0 至 1 之间 = {covered_share}",
        kappa=_m(before, "kappa"),
        public=public,
        covered_share=_m(after, "covered_share"),
    )


def _expenditure(before: Values, _parameters: Values, after: Values) -> str:
    left, right = _m(before, "eligible_charges_fen"), _m(before, "covered_share")
    return phrase(
        "{left} × {right} = {eligible_expenditure} 元",
        left=left,
        right=right,
        eligible_expenditure=_m(after, "eligible_expenditure"),
    )


def _base(before: Values, _parameters: Values, after: Values) -> str:
    return phrase(
        "{eligible_expenditure} × {ratio} = {base} 元",
        eligible_expenditure=_m(before, "eligible_expenditure"),
        ratio=_m(before, "ratio"),
        base=_m(after, "base"),
    )


def _uplift(before: Values, parameters: Values, after: Values) -> str:
    if parameters["uplift"] == "off":
        return phrase("不上浮，比例为 {rate}", rate=_m(after, "rate"))
    if not parameters["north"]:
        return phrase("注册地不在皖北，比例为 {rate}", rate=_m(after, "rate"))
    product = f"{_m(before, 'order_rate')} × {_m(parameters, 'factor')}"
    capped = (
        phrase("min( {product}，{ceiling} )", product=product, ceiling=_m(before, "ceiling"))
        if parameters["uplift"] == "capped"
        else product
    )
    return f"{capped} = {_m(after, 'rate')}"


def _gate(_before: Values, _parameters: Values, after: Values) -> str:
    return GATE.get(str(after["gate"]), str(after["gate"]))


def _award(before: Values, parameters: Values, after: Values) -> str:
    if before["gate"] != "open":
        return phrase("资格为“{GATE}”，补助金额为 0", GATE=GATE[before["gate"]])
    rounding = phrase("四舍五入到分") if parameters["rounding"] == "half_up" else phrase("向下取整到分")
    product = f"{_m(before, 'base')} × {_m(before, 'rate')}"
    exact = Fraction(before["base"]) * Fraction(before["rate"]) / 100
    read = Fraction(str(before.digits.rounded("base", before["base"]))) * Fraction(before["rate"]) / 100
    if int(read * 100) != int(exact * 100):  # no digits suffice: the product lies on a whole fen
        product += f" ≈ {shown(exact, DECIMALS).text.removeprefix('≈')}"
    return phrase(
        "{product}，{rounding} = {award_fen} 元", product=product, rounding=rounding, award_fen=_m(after, "award_fen")
    )


def _hold(before: Values, _parameters: Values, after: Values) -> str:
    if before["gate"] == "refused":
        return phrase("不予兑现的单位没有待核金额")
    return phrase(
        "{released_award_fen} − {award_fen}，不小于0 = {held_fen} 元",
        released_award_fen=_m(after, "released_award_fen"),
        award_fen=_m(before, "award_fen"),
        held_fen=_m(after, "held_fen"),
    )


def _budget(before: Values, parameters: Values, after: Values) -> str:
    award, payable = _m(before, "award_fen"), _m(after, "payable_fen")
    if parameters["forecast"]:
        return phrase("没有下达补助比例，仅作测算，应付为 0")
    if parameters["budget_fen"] is None:
        return phrase("没有设定预算，应付即补助金额 {award} 元", award=award)
    if parameters["sum_of_awards_fen"] <= parameters["budget_fen"]:
        return phrase("预算足够，应付即补助金额 {award} 元", award=award)
    product = f"{award} × {_m(parameters, 'budget_fen')} ÷ {_m(parameters, 'sum_of_awards_fen')}"
    return phrase(
        "{product}，向下取整，加余分 {odd_fen} = {payable} 元",
        product=product,
        odd_fen=_m(parameters, "odd_fen"),
        payable=payable,
    )


def _adjust(before: Values, parameters: Values, after: Values) -> str:
    return phrase(
        "{payable_fen} − {settled_fen} = {adjustment_fen} 元",
        payable_fen=_m(before, "payable_fen"),
        settled_fen=_m(parameters, "settled_fen"),
        adjustment_fen=_m(after, "adjustment_fen"),
    )


def _clause(_before: Values, parameters: Values, after: Values) -> str:
    product = phrase(
        "{measure} × {fen_per_unit} 分", measure=_m(parameters, "measure"), fen_per_unit=_m(parameters, "fen_per_unit")
    )
    cap = (
        phrase("，最高 {cap_fen} 元", cap_fen=_m(parameters, "cap_fen"))
        if parameters.get("cap_fen") is not None
        else ""
    )
    return phrase("{product}{cap} = {clause_fen} 元", product=product, cap=cap, clause_fen=_m(after, "clause_fen"))


def _higher(before: Values, parameters: Values, after: Values) -> str:
    if parameters["against"]:
        return phrase("不符合条件，金额为 0")
    if parameters["other_fen"] is None:
        return phrase("没有相似的市级条款，{clause_fen} 元", clause_fen=_m(before, "clause_fen"))
    paid = phrase("已支付，扣减") if parameters["other_paid"] else phrase("未支付，取高者")
    return phrase(
        "{clause_fen} 与 {other_fen}（{paid}） = {ours_fen} 元",
        clause_fen=_m(before, "clause_fen"),
        other_fen=_m(parameters, "other_fen"),
        paid=paid,
        ours_fen=_m(after, "ours_fen"),
    )


def _stack(before: Values, parameters: Values, after: Values) -> str:
    (found,) = after.values()
    result = brief("item_fen:", found, after.digits)
    if parameters["cost_fen"] is None or not parameters["paid_before_fen"]:
        return phrase("{ours_fen} = {result} 元", ours_fen=_m(before, "ours_fen"), result=result)
    left = f"{_m(parameters, 'cost_fen')} − {_m(parameters, 'paid_before_fen')}"
    return phrase("min( {ours_fen}，{left} ) = {result} 元", ours_fen=_m(before, "ours_fen"), left=left, result=result)


def _draft(before: Values, _parameters: Values, after: Values) -> str:
    parts = " + ".join(brief(name, value, before.digits) for name, value in before.items()) or "0.00"
    return phrase("{parts} = {award_fen} 元，不予支付", parts=parts, award_fen=_m(after, "award_fen"))


def _m(values: Values, name: str) -> str:
    return brief(name, values[name], values.digits)


_FORMULAS: Mapping[str, Callable[[Values, Values, Values], str]] = {
    "leave_out": _leave_out, "net": _net, "group_net": _group_net, "ratio": _ratio, "coverage": _coverage,
    "outlay": _outlay, "expenditure": _expenditure, "base": _base, "uplift": _uplift, "gate": _gate, "award": _award,
    "hold": _hold, "budget": _budget, "adjust": _adjust, "clause": _clause, "higher": _higher, "stack": _stack,
    "draft": _draft,
}  # fmt: skip
