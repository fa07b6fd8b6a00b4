"""The sheet of all lines (明细), and the sheet of the use that does not count or waits, by entity and reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from settlement.report.labels import city_name
from settlement.report.reason_words import word_of
from settlement.report.sheet import Column, Kind, Sheet
from settlement.rounds import Round

Line = Mapping[str, Any]

# The fields of the contract (section 3), in its order.
_FIELDS = (
    Column("uscc", "统一社会信用代码", Kind.CODE, 22),
    Column("name", "单位名称", Kind.TEXT, 32),
    Column("region", "注册地代码", Kind.CODE, 11),
    Column("consumed_pflops_hours", "算力使用量（P时）", Kind.QUANTITY, 20),
    Column("supplied_pflops_hours", "算力被使用量（P时）", Kind.QUANTITY, 20),
    Column("net_pflops_hours", "算力补助量（P时）", Kind.QUANTITY, 20),
    Column("group", "关联企业集团（根代码）", Kind.CODE, 22),
    Column("group_consumed_pflops_hours", "集团算力使用量（P时）", Kind.QUANTITY, 20),
    Column("group_supplied_pflops_hours", "集团算力被使用量（P时）", Kind.QUANTITY, 20),
    Column("eligible_expenditure_fen", "计入支出", Kind.FEN, 18),
    Column("base_fen", "补助基数", Kind.FEN, 18),
    Column("award_fen", "补助金额", Kind.FEN, 18),
    Column("held_fen", "待核金额", Kind.FEN, 18),
    Column("payable_fen", "应付金额", Kind.FEN, 18),
)
_ADJUSTMENT = Column("adjustment_fen", "调整金额", Kind.FEN, 18)
_ITEMS = Column("items", "各项申请", Kind.TEXT, 30)
_CODES = (Column("reasons", "原因", Kind.CODES, 36), Column("flags", "提示", Kind.CODES, 36))


def lines_sheet(lines: Sequence[Line]) -> Sheet:
    """All contract fields of all lines; the adjustment and the items of Yinchuan only where a line has them."""
    columns = list(_FIELDS)
    if any("adjustment_fen" in line for line in lines):
        columns.append(_ADJUSTMENT)
    if any("items" in line for line in lines):
        columns.append(_ITEMS)
    columns += _CODES
    return Sheet("明细", tuple(columns), [[_cell(line, column) for column in columns] for line in lines])


def _cell(line: Line, column: Column) -> object:
    value = line.get(column.name)
    if column is _ITEMS and isinstance(value, Mapping):
        return "; ".join(f"{name}={fen}" for name, fen in sorted(value.items()))
    return value


def excluded_sheet(
    lines: Sequence[Line], excluded: Mapping[str, Sequence[Mapping[str, Any]]], of_round: Round
) -> Sheet:
    """The use of the lines that is excluded or held, one row for an entity and reason."""
    columns = (
        Column("uscc", "统一社会信用代码", Kind.CODE, 22),
        Column("name", "单位名称", Kind.TEXT, 32),
        Column("city", "所在市", Kind.TEXT, 12),
        Column("status", "处理", Kind.TEXT, 10),
        Column("reason", "原因", Kind.TEXT, 24),
        Column("rule", "规则", Kind.CODE, 14),
        Column("pflops_hours", "用量（P时）", Kind.QUANTITY, 20),
        Column("charge_fen", "费用", Kind.FEN, 18),
        Column("pieces", "记录段数", Kind.COUNT, 10),
    )
    rows = [
        [
            line["uscc"],
            line.get("name"),
            city_name(of_round, line.get("region")),
            "待核" if item.get("status") == "held" else "不计入",
            word_of(item["reason"]).title,
            word_of(item["reason"]).rule,
            item.get("pflops_hours"),
            item.get("charge_fen"),
            item.get("pieces"),
        ]
        for line in lines
        for item in excluded.get(line["uscc"], ())
    ]
    return Sheet("未计入用量", columns, rows)
