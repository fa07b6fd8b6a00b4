"""The sheet by city (分市): entities and money of each city's lines, and their sum."""

from __future__ import annotations

from settlement.report.labels import city_name
from settlement.report.sheet import Column, Kind, Sheet
from settlement.report.survey import Survey
from settlement.rounds import Round

_MONEY = (
    ("eligible_expenditure_fen", "计入支出"),
    ("base_fen", "补助基数"),
    ("award_fen", "补助金额"),
    ("held_fen", "待核金额"),
    ("payable_fen", "应付金额"),
    ("adjustment_fen", "调整金额"),
)


def city_sheet(survey: Survey, of_round: Round, *, adjusted: bool) -> Sheet:
    """Return one row a city in order of its code, seats outside the province and unregistered entities included."""
    money = [item for item in _MONEY if item[0] != "adjustment_fen" or adjusted]
    columns = (
        Column("region", "地区代码", Kind.CODE, 11),
        Column("city", "所在市", Kind.TEXT, 16),
        Column("entities", "单位数", Kind.COUNT, 9),
        Column("payable_entities", "应付单位数", Kind.COUNT, 11),
        Column("held_entities", "待核单位数", Kind.COUNT, 11),
        *(Column(name, head, Kind.FEN, 20) for name, head in money),
    )
    rows = [
        [
            city["city"] or None,
            city_name(of_round, city["city"] or None),
            *(city[column.name] for column in columns[2:]),
        ]
        for city in survey.cities().iter_rows(named=True)
    ]
    return Sheet.of("分市", columns, rows)
