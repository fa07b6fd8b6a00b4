"""The list for the public notice (公示名单): who is to get how much, by city, in the words of the notice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import polars as pl

from meter.regions import concerned
from settlement.report.about import moment_text, window_text
from settlement.report.labels import city_names
from settlement.report.sheet import Column, Kind, Sheet
from settlement.report.survey import Survey
from settlement.rounds import Round

OBJECTIONS: Final = "公示期内对名单有异议的，请以书面形式向所在市归口管理部门反映，并写明单位、事由和联系方式。"
_COLUMNS: Final = (
    Column("number", "序号", Kind.COUNT, 7),
    Column("city", "所在市", Kind.TEXT, 18),
    Column("name", "单位名称", Kind.TEXT, 44),
    Column("uscc", "统一社会信用代码", Kind.CODE, 24),
    Column("claimed", "拟兑现金额", Kind.YUAN, 20),
)


def notice_title(of_round: Round) -> str:
    """Return the heading of the list."""
    return f"{of_round.title}算力补助拟兑现名单（公示）"


def notice_lines(settlement: Mapping[str, Any], of_round: Round, *, adjusted: bool) -> list[str]:
    """Return what stands above the list: what it is about, how long it is shown, where to object."""
    order = settlement.get("order") or {}
    about = f"统计期 {window_text(of_round)}　结算编号 {settlement['id']}"
    lines = [about + (f"　下达文号 {order['number']}" if order.get("number") else "")]
    lines.append(_period(settlement))
    if adjusted:
        lines.append("同一批次此前已有锁定的结算：金额为与前次结算的差额，负数表示应退回。")
    return [*lines, OBJECTIONS]


def telephone_rows(of_round: Round, region: str | None) -> list[tuple[str, str]]:
    """Return the departments that take objections, with their telephones as the notice lists them."""
    cities = [one for one in of_round.cities if one.contact and concerned(one.code, region)]
    return [(f"{city.name}科技局", city.contact or "") for city in cities]


def notice_sheet(survey: Survey, of_round: Round) -> Sheet:
    """Return the list: one row for everybody who is to get something, by city."""

    def frames() -> Iterator[pl.DataFrame]:
        number = 0
        for key in sorted(survey.requests.heights):
            for asked in survey.requests.frames(key):
                yield sheet.typed(_rows(asked, number, of_round))
                number += asked.height

    count = sum(survey.requests.heights.values())
    asked_fen = sum(survey.requested_fen.values())
    sheet = Sheet("公示名单", _COLUMNS, count, frames, lambda: {"name": f"合计 {count} 家", "claimed": asked_fen})
    return sheet


def _rows(asked: pl.DataFrame, number: int, of_round: Round) -> pl.DataFrame:
    named = pl.when(pl.col("name").fill_null("") == "").then(pl.lit("（未登记）")).otherwise(pl.col("name"))
    return asked.select(
        number=pl.int_range(number + 1, number + 1 + asked.height, dtype=pl.Int64),
        city=city_names(of_round, asked["region"]),
        name=named,
        uscc=pl.col("uscc"),
        claimed=pl.col("requested_fen"),
    )


def _period(settlement: Mapping[str, Any]) -> str:
    """Return how long the list is shown, once it is."""
    published = [event for event in settlement.get("events") or () if event["event"] == "publish"]
    if published:
        first, days = moment_text(published[-1]["at"])[:10], published[-1]["detail"].get("days")
        return f"公示期：自 {first} 起" + (f" {days} 天" if days is not None else "")
    days = (settlement.get("order") or {}).get("notice_days")
    return f"公示期：　　　年　　月　　日起 {days} 天" if days else "公示期：　　　年　　月　　日至　　　年　　月　　日"
