"""The sheet by city (分市): entities and money of each city's lines, and their sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from meter.regions import city_code
from settlement.report.labels import city_name
from settlement.report.sheet import Column, Kind, Sheet
from settlement.rounds import Round

_MONEY = (
    ("eligible_expenditure_fen", "计入支出"),
    ("base_fen", "补助基数"),
    ("award_fen", "补助金额"),
    ("held_fen", "待核金额"),
    ("payable_fen", "应付金额"),
    ("adjustment_fen", "调整金额"),
)


def city_sheet(lines: Sequence[Mapping[str, Any]], of_round: Round) -> Sheet:
    """One row a city in order of its code, seats outside the province and unregistered entities included."""
    money = [item for item in _MONEY if item[0] != "adjustment_fen" or any("adjustment_fen" in line for line in lines)]
    columns = (
        Column("region", "地区代码", Kind.CODE, 11),
        Column("city", "所在市", Kind.TEXT, 16),
        Column("entities", "单位数", Kind.COUNT, 9),
        Column("payable_entities", "应付单位数", Kind.COUNT, 11),
        Column("held_entities", "待核单位数", Kind.COUNT, 11),
        *(Column(name, head, Kind.FEN, 20) for name, head in money),
    )
    by_city: dict[str, list[Mapping[str, Any]]] = {}
    for line in lines:
        by_city.setdefault(city_code(line.get("region")), []).append(line)
    rows = []
    for code in sorted(by_city):
        members = by_city[code]
        rows.append(
            [
                code or None,
                city_name(of_round, code or None),
                len(members),
                sum(1 for line in members if line["payable_fen"] > 0),
                sum(1 for line in members if line["held_fen"] > 0),
                *(sum(line.get(name, 0) for line in members) for name, _ in money),
            ]
        )
    return Sheet("分市", columns, rows)
