"""The sheet of all lines (明细), and the sheet of the use that does not count or waits, by entity and reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import polars as pl

from settlement.report.labels import city_names
from settlement.report.quantities import QuantitySums, number_texts, rounded_text
from settlement.report.reason_words import word_of
from settlement.report.sheet import MONEY, Column, Kind, Sheet
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
_SUMMED = ("consumed_pflops_hours", "supplied_pflops_hours", "net_pflops_hours", "pflops_hours")
"""Quantities with a sum: those of a group stand on the line of each of its members."""
_NUMBER = "_number"
_CODES = (Column("reasons", "原因", Kind.CODES, 36), Column("flags", "提示", Kind.CODES, 36))


def lines_sheet(
    source: Source,
    of_round: Round,
    survey: Survey | None = None,
    excluded: Spill | None = None,
    *,
    people: bool = False,
) -> Sheet:
    """Return all contract fields of all lines; the adjustment and the items of Yinchuan only where a line has them.

    For people, money is in yuan and every quantity stands there as a number beside its exact value. While the frames
    are made, the lines are taken into the `survey` and their uncounted use into `excluded`.
    """
    items = of_round.draft
    columns = list(_FIELDS)
    if source.adjusted:
        columns.append(_ADJUSTMENT)
    if items and source.count:
        columns.append(_ITEMS)
    columns += _CODES
    shown = for_people(columns) if people else tuple(columns)
    sums = _Sums(shown, "uscc")

    def frames() -> Iterator[pl.DataFrame]:
        sums.begin()
        for block in source.blocks(excluded=excluded is not None):
            lines = fields_of(block, items=items)
            if survey is not None:
                survey.add(lines)
            if excluded is not None:
                _put_aside(lines, block["excluded"], excluded)
            rows = sheet.typed(with_numbers(lines, shown))
            sums.add(rows)
            yield rows

    sheet = Sheet("明细", shown, source.count, frames, sums.row if people else None)
    return sheet


def for_people(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns as people read them: money in yuan, before every exact quantity its number."""
    found: list[Column] = []
    for one in columns:
        if one.kind is Kind.QUANTITY:
            found.append(Column(one.name + _NUMBER, one.head, Kind.NUMBER, 17))
            found.append(replace(one, head=f"{one.head.partition('（')[0]}精确值"))
        else:
            found.append(replace(one, kind=Kind.YUAN) if one.kind is Kind.FEN else one)
    return tuple(found)


def with_numbers(rows: pl.DataFrame, columns: Sequence[Column]) -> pl.DataFrame:
    """Return rows with the numbers of their exact quantities, where a column shows them."""
    exact = [one.name.removesuffix(_NUMBER) for one in columns if one.kind is Kind.NUMBER]
    return rows.with_columns(number_texts(rows[name]).alias(name + _NUMBER) for name in exact)


class _Sums:
    """The row below a table: how many rows there are, sums of money and of what each row has for itself."""

    def __init__(self, columns: Sequence[Column], label: str) -> None:
        self._columns, self._label = columns, label
        self.begin()

    def begin(self) -> None:
        """Begin anew."""
        self._rows = 0
        self._whole = {one.name: 0 for one in self._columns if one.kind in (*MONEY, Kind.COUNT)}
        self._quantities = {one.name: QuantitySums() for one in self._columns if one.name in _SUMMED}

    def add(self, rows: pl.DataFrame) -> None:
        """Take in some rows."""
        self._rows += rows.height
        for name in self._whole:
            self._whole[name] += int(rows[name].cast(pl.Int128).sum())
        for name, quantities in self._quantities.items():
            quantities.add(pl.repeat("", rows.height, dtype=pl.String, eager=True), rows[name])

    def row(self) -> dict[str, object]:
        """Return the sums by column."""
        exact = {name: sums.whole() for name, sums in self._quantities.items()}
        numbers = {name + _NUMBER: rounded_text(text) for name, text in exact.items()}
        label = {self._label: "合计", "name": f"{self._rows} 行"}
        return {**label, **self._whole, **exact, **numbers}


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
    columns = for_people(_EXCLUDED)
    sums = _Sums(columns, "uscc")

    def frames() -> Iterator[pl.DataFrame]:
        sums.begin()
        for rows in excluded.frames(EXCLUDED_KEY):
            reasons = rows["reason"].unique().to_list()
            title, rule = ([getattr(word_of(reason), name) for reason in reasons] for name in ("title", "rule"))
            held = pl.col("status") == "held"
            told = rows.with_columns(
                city=city_names(of_round, rows["region"]),
                status=pl.when(held).then(pl.lit("待核")).otherwise(pl.lit("不计入")),
                reason=pl.col("reason").replace_strict(reasons, title, return_dtype=pl.String),
                rule=pl.col("reason").replace_strict(reasons, rule, return_dtype=pl.String),
            )
            shown = sheet.typed(with_numbers(told, columns))
            sums.add(shown)
            yield shown

    sheet = Sheet("未计入用量", columns, excluded.heights.get(EXCLUDED_KEY, 0), frames, sums.row)
    return sheet
