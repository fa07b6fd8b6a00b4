"""The sheet of all lines (明细), and the sheet of the use that does not count or waits, by entity and reason."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from settlement.report.labels import city_names
from settlement.report.reason_words import word_of
from settlement.report.sheet import Column, Kind, Sheet
from settlement.report.source import Source, fields_of
from settlement.report.spill import Spill
from settlement.report.survey import Survey
from settlement.rounds import Round

EXCLUDED_KEY = "excluded"

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
_EXCLUDED = (
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
_CODES = (Column("reasons", "原因", Kind.CODES, 36), Column("flags", "提示", Kind.CODES, 36))


def lines_sheet(source: Source, of_round: Round, survey: Survey | None = None, excluded: Spill | None = None) -> Sheet:
    """Return all contract fields of all lines; the adjustment and the items of Yinchuan only where a line has them.

    While its frames are made, the lines are taken into the `survey` and their uncounted use into `excluded`.
    """
    items = of_round.draft
    columns = list(_FIELDS)
    if source.adjusted:
        columns.append(_ADJUSTMENT)
    if items and source.count:
        columns.append(_ITEMS)
    columns += _CODES

    def frames() -> Iterator[pl.DataFrame]:
        for block in source.blocks(excluded=excluded is not None):
            lines = fields_of(block, items=items)
            if survey is not None:
                survey.add(lines)
            if excluded is not None:
                _put_aside(lines, block["excluded"], excluded)
            yield sheet.typed(lines)

    sheet = Sheet("明细", tuple(columns), source.count, frames)
    return sheet


def survey_of(source: Source, survey: Survey) -> None:
    """Take all lines into a survey."""
    for block in source.blocks(excluded=False):
        survey.add(fields_of(block, items=False))


def _put_aside(lines: pl.DataFrame, parts: pl.Series, excluded: Spill) -> None:
    with_parts = lines.select("uscc", "name", "region", parts.alias("part")).filter(pl.col("part").list.len() > 0)
    rows = with_parts.explode("part").unnest("part")
    excluded.add(pl.repeat(EXCLUDED_KEY, rows.height, dtype=pl.String, eager=True), rows)


def excluded_sheet(excluded: Spill, of_round: Round) -> Sheet:
    """Return the use of the lines that is excluded or held, one row for an entity and reason."""

    def frames() -> Iterator[pl.DataFrame]:
        for rows in excluded.frames(EXCLUDED_KEY):
            reasons = rows["reason"].unique().to_list()
            title, rule = ([getattr(word_of(reason), name) for reason in reasons] for name in ("title", "rule"))
            held = pl.col("status") == "held"
            yield sheet.typed(
                rows.with_columns(
                    city=city_names(of_round, rows["region"]),
                    status=pl.when(held).then(pl.lit("待核")).otherwise(pl.lit("不计入")),
                    reason=pl.col("reason").replace_strict(reasons, title, return_dtype=pl.String),
                    rule=pl.col("reason").replace_strict(reasons, rule, return_dtype=pl.String),
                )
            )

    sheet = Sheet("未计入用量", _EXCLUDED, excluded.heights.get(EXCLUDED_KEY, 0), frames)
    return sheet
