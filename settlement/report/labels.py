"""Chinese names of what is no reason, flag or reading: states, totals, kinds, cities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from meter.regions import city_code
from settlement.rounds import Round

STATUS: Final[Mapping[str, str]] = {
    "computed": "已计算", "submitted": "已提交", "reviewed": "已复核", "returned": "已退回", "approved": "已批准",
    "published": "公示中", "locked": "已锁定", "paid": "已支付", "cancelled": "已取消",
}  # fmt: skip

OUTCOME: Final[Mapping[str, str]] = {"payable": "应付", "held": "待核", "nothing": "无金额"}

KIND: Final[Mapping[str, str]] = {
    "enterprise": "企业", "university": "高校", "research_institute": "科研院所", "new_rnd_institution": "新型研发机构",
    "government": "政府部门", "other": "其他",
}  # fmt: skip

PURPOSE: Final[Mapping[str, str]] = {"research": "科技创新", "commercial": "经营性"}

TOTAL: Final[Mapping[str, str]] = {
    "award_fen": "补助金额", "held_fen": "待核金额", "payable_fen": "应付金额", "adjustment_fen": "调整金额",
    "charge_in_window_fen": "统计期内费用", "charge_outside_window_fen": "统计期外费用",
}  # fmt: skip


def city_name(of_round: Round, region: str | None) -> str:
    """Return the city of a region as the round's annex names it, else what is known of it."""
    code = city_code(region)
    for city in of_round.cities:
        if city.code == code:
            return city.name
    if not code:
        return "未登记"
    return f"地区{region}" if code.startswith("34") else f"省外地区{region}"


def city_names(of_round: Round, regions: pl.Series) -> pl.Series:
    """Return the city of each region of a column; a column of lines has few that differ."""
    unlike = regions.unique().to_list()
    return (
        regions.replace_strict(unlike, [city_name(of_round, region) for region in unlike], return_dtype=pl.String)
        if unlike
        else regions.cast(pl.String)
    )
