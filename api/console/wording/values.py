"""The values a step names, in Chinese: what each is called and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from api.console.language.text import phrase, words
from api.console.wording.digits import EXACT_FEN, Digits, is_exact_number
from api.console.wording.quantity import DECIMALS, percent, shown
from api.console.wording.vocabulary import reading_label, reading_text, titles, word_of
from meter.days import SHANGHAI
from settlement.report.money import yuan_text

LABEL = words({
    "charges_fen": "费用", "use_pflops_hours": "用量", "released_charges_fen": "放行口径的费用",
    "released_consumed_pflops_hours": "放行口径的使用量", "eligible_charges_fen": "计入的费用",
    "consumed_pflops_hours": "算力使用量", "all_charges_fen": "平台账单总额", "supplied_pflops_hours": "算力被使用量",
    "net_pflops_hours": "算力补助量", "group": "集团（根代码）", "group_consumed_pflops_hours": "集团使用量",
    "group_supplied_pflops_hours": "集团被使用量", "group_net_pflops_hours": "集团补助量", "ratio": "净额系数",
    "kappa": "凭证覆盖率", "covered_share": "自担比例", "eligible_expenditure": "计入支出（精确）",
    "eligible_expenditure_fen": "计入支出", "base": "补助基数（精确）", "base_fen": "补助基数",
    "order_rate": "下达比例",
    "ceiling": "比例上限", "rate": "适用比例", "gate": "资格", "award_fen": "补助金额",
    "released_award_fen": "全部放行时的补助", "held_fen": "待核金额", "payable_fen": "应付金额",
    "adjustment_fen": "调整金额", "from_second": "起", "to_second": "止（不含）", "status": "处理", "reason": "原因",
    "charge_fen": "费用", "pflops_hours": "用量", "pieces": "记录段数", "contract_fen": "合同", "invoice_fen": "发票",
    "payment_fen": "付款", "public_support_fen": "其他公共资金", "north": "位于皖北", "factor": "上浮倍数",
    "region": "注册地", "refused": "不予兑现的原因", "held": "待核的原因",
    "group_released_consumed_pflops_hours": "集团放行口径的使用量", "forecast": "仅测算", "budget_fen": "预算",
    "sum_of_awards_fen": "全部补助合计", "odd_fen": "余分", "settled_fen": "前次已结算", "application": "申请编号",
    "measure": "计量", "fen_per_unit": "每单位（分）", "cap_fen": "封顶", "clause_fen": "条款金额",
    "against": "不符之处",
    "other_fen": "其他条款金额", "other_paid": "其他条款已支付", "cost_fen": "成本", "paid_before_fen": "同一成本已计",
    "ours_fen": "本条款金额",
})  # fmt: skip
GATE = words({"open": "符合", "held": "待核", "refused": "不予兑现"})
HANDLING = words({"excluded": "不计入", "held": "待核"})
RATIOS = ("ratio", "kappa", "covered_share", "rate", "order_rate", "ceiling")


@dataclass(frozen=True)
class Value:
    """A named value: what people read, and the exact value where that is not all of it."""

    label: str
    text: str
    exact: str = ""


def label_of(name: str) -> str:
    """Return what a value is called; one that is not known keeps its name."""
    if name.startswith("item_fen:"):
        return phrase("申请 {partition}", partition=name.partition(":")[2])
    return reading_label(name) or LABEL.get(name, name)


def value_of(name: str, value: Any) -> Value:
    """Return a value of a step as people read it."""
    text, exact = _written(name, value)
    return Value(label_of(name), text, exact)


def values_of(named: Mapping[str, Any]) -> list[Value]:
    """Return all values of a mapping, in its order."""
    return [value_of(name, value) for name, value in named.items()]


def brief(name: str, value: Any, digits: Digits) -> str:
    """Return a value inside a formula: without unit, with the decimals that its result asks for."""
    if value is None:
        return phrase("无")
    if name.endswith("_fen") or name.startswith("item_fen:"):
        return yuan_text(int(value))
    if name in EXACT_FEN:
        return with_fen(shown(Fraction(str(value)) / 100, digits.of(name)).text)
    return shown(str(value), digits.of(name) if is_exact_number(name, value) else DECIMALS).text


def with_fen(text: str) -> str:
    """Return an amount of yuan with at least two decimals."""
    whole, _, rest = text.partition(".")
    return f"{whole}.{rest:0<2}"


def _written(name: str, value: Any) -> tuple[str, str]:
    if value is None:
        return phrase("无"), ""
    if isinstance(value, bool):
        return (phrase("是") if value else phrase("否")), ""
    if isinstance(value, (list, tuple)):
        return (titles(value) or phrase("无")), ""
    if isinstance(value, Mapping):
        return phrase("；").join(f"{item.label} {item.text}" for item in values_of(value)), ""
    if name.endswith("_fen") or name.startswith("item_fen:"):
        return phrase("{value} 元", value=yuan_text(int(value))), phrase("{value} 分", value=value)
    if name.endswith("_second"):
        return datetime.fromtimestamp(int(value), SHANGHAI).strftime("%Y-%m-%d %H:%M:%S"), ""
    return _written_text(name, str(value))


def _written_text(name: str, value: str) -> tuple[str, str]:
    if name in EXACT_FEN:
        text, exact = _yuan_of_exact(value)
        return phrase("{text} 元", text=text), exact
    if name.endswith("pflops_hours"):
        found = shown(value)
        return phrase("{text} P时", text=found.text), found.exact
    if name in RATIOS:
        found = percent(value)
        return found.text, found.exact or value
    if reading_label(name) is not None:
        return reading_text(name, value)[1], ""
    known = {"gate": GATE, "status": HANDLING}.get(name, {})
    return known.get(value, word_of(value).title if name == "reason" else value), ""


def _yuan_of_exact(fen: str) -> tuple[str, str]:
    """Return an exact amount of fen (perhaps a fraction) in yuan, and the fen themselves."""
    found = shown(Fraction(fen) / 100)
    return found.text, phrase("{fen} 分", fen=fen)
