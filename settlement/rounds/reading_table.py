"""Every reading (switch) of docs/rules.md, section 7, in one table: its values, their Chinese words and their meaning.

A new value is added here, and where it acts: what an order may ask for, what errors list, what the report and the
console call it and what the interval tries are all read from this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from meter.vocabulary import EVIDENCE_KINDS


@dataclass(frozen=True)
class Value:
    """One way to read the text. `capped_by`: the kinds of expenditure that cap the spend, where that is asked."""

    name: str
    label: str
    meaning: str
    capped_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """A question that the text leaves open; the first value is the default where it does not come from the round.

    `grows`: an award only grows from the first of these two values to the second (docs/rules.md, section 9, law 10);
    None: a value can move one line up and another down. `rule`: whose parameter `share` the round's default is.
    """

    name: str
    label: str
    values: tuple[Value, ...]
    grows: tuple[str, str] | None = None
    numeric: bool = False
    rule: str | None = None


TABLE: Mapping[str, Reading] = {
    reading.name: reading
    for reading in (
        Reading(
            "net_effect",
            "净额如何作用",
            (
                Value("proportional", "按净额占用量的比例", "spend counts in the share that net use has in use"),
                Value("gate", "净额大于0即全额", "any positive nets open the whole spend (ratio 1)"),
            ),
            grows=("proportional", "gate"),
        ),
        Reading(
            "supply_owner",
            "被使用量归谁",
            (
                Value(
                    "equity_group",
                    "按股权归投资方，并做集团口径",
                    "supply is the investors'; groups are netted",
                ),
                Value("equity_entity", "按股权归投资方，不做集团口径", "supply is the investors'; no group test"),
                Value("legal_person", "归运营法人", "supply is the operator's or sole owner's; no group test"),
            ),
        ),
        Reading(
            "self_test",
            "自建自用如何判断",
            (
                Value("facility", "按设施整体", "by the outside share of the whole facility"),
                Value("use_excluded", "投资方自用一律不计", "what insiders use is always on neither side"),
            ),
        ),
        Reading(
            "hold_below_external_share",
            "外部使用待核线",
            (
                Value("0.10", "低于10%待核", "insiders' parts are held where the outside share is below 10%"),
                Value("0", "不设待核线", "nothing is held for the outside share"),
            ),
            grows=("0.10", "0"),
            numeric=True,
            rule="R-HOLD-EXTERNAL",
        ),
        Reading(
            "related",
            "关联持股比例",
            (
                Value("0.25", "25%及以上", "holdings of 25% and above relate"),
                Value("0.50", "50%及以上", "holdings of 50% and above relate"),
            ),
            numeric=True,
            rule="R-RELATED",
        ),
        Reading(
            "spend_basis",
            "算力总支出口径",
            (
                Value("least_evidenced", "合同、发票、付款取小", "the least of the three kinds caps", EVIDENCE_KINDS),
                Value("invoiced", "以发票为限", "the invoices cap", ("invoice",)),
                Value("settled", "以平台结算为准", "what the platform settled; evidence caps nothing"),
            ),
            grows=("least_evidenced", "settled"),
        ),
        Reading(
            "purpose_missing",
            "用途未申明时",
            (
                Value("hold", "待核", "held until somebody states the purpose"),
                Value("refuse", "不计入", "excluded"),
                Value("accept", "计入", "counted"),
            ),
            grows=("refuse", "accept"),
        ),
        Reading(
            "uplift",
            "皖北上浮",
            (
                Value("off", "不上浮", "no uplift"),
                Value("capped", "上浮20%，不超过上限", "1.2 times the rate, not above the ceiling"),
                Value("lifted", "上浮20%，可超过上限", "1.2 times the rate, above the ceiling too"),
            ),
            grows=("off", "lifted"),
        ),
        Reading(
            "north_places",
            "皖北范围",
            (
                Value("six", "六市", "six cities"),
                Value("six_plus_four", "六市及四县市", "six cities and four counties"),
            ),
            grows=("six", "six_plus_four"),
        ),
        Reading(
            "rounding",
            "取整",
            (
                Value("floor", "向下取整到分", "down to the fen"),
                Value("half_up", "四舍五入到分", "to the nearest fen, half up"),
            ),
            grows=("floor", "half_up"),
        ),
        Reading(
            "filter_order",
            "剔除与净额的先后",
            (
                Value("filter_then_net", "先剔除后净额", "what is excluded leaves before netting"),
                Value("net_then_filter", "先净额后剔除", "all use in the scheme is netted, then the ratio is taken"),
            ),
            grows=("filter_then_net", "net_then_filter"),
        ),
    )
}
DEFAULTS: Final = {name: reading.values[0].name for name, reading in TABLE.items()} | {"spend_basis": "settled"}


def choices(name: str) -> tuple[str, ...]:
    """Return the values of a reading, the default first. KeyError where there is no such reading."""
    return tuple(value.name for value in TABLE[name].values)


def fractions_of(name: str) -> tuple[Fraction, ...]:
    """Return the values of a numeric reading as numbers."""
    return tuple(Fraction(value) for value in choices(name))


def capped_by(basis: str) -> tuple[str, ...]:
    """Return the kinds of expenditure that cap the spend under a value of `spend_basis`."""
    return {value.name: value.capped_by for value in TABLE["spend_basis"].values}[basis]


def reading_label(name: str) -> str | None:
    """Return the Chinese name of a reading; None where there is no such reading."""
    return TABLE[name].label if name in TABLE else None


def reading_text(name: str, value: object) -> tuple[str, str]:
    """Return a reading and its value in Chinese; what is not known is shown as it is."""
    values = TABLE[name].values if name in TABLE else ()
    labels = {one.name: one.label for one in values}
    return reading_label(name) or name, labels.get(str(value), str(value))
