"""The sheet by city (分市): entities, use and money of each city's lines, and their sum."""

from __future__ import annotations

from typing import Any

from settlement.report.labels import city_name
from settlement.report.lines import for_people, with_numbers
from settlement.report.quantities import rounded_text
from settlement.report.sheet import Column, Kind, Sheet
from settlement.report.survey import Survey
from settlement.rounds import Round

_QUANTITIES = (
    ("consumed_pflops_hours", "算力使用量（P时）"),
    ("supplied_pflops_hours", "算力被使用量（P时）"),
    ("net_pflops_hours", "算力补助量（P时）"),
)
_MONEY = (
    ("eligible_expenditure_fen", "计入支出"),
    ("base_fen", "补助基数"),
    ("award_fen", "补助金额"),
    ("held_fen", "待核金额"),
    ("payable_fen", "应付金额"),
    ("adjustment_fen", "调整金额"),
)


def city_sheet(survey: Survey, of_round: Round, *, adjusted: bool, people: bool = False) -> Sheet:
    """Return one row a city in order of its code, seats outside the province and unregistered entities included.

    For people, money is in yuan and every quantity stands there as a number beside its exact value.
    """
    money = [item for item in _MONEY if item[0] != "adjustment_fen" or adjusted]
    columns = (
        Column("region", "地区代码", Kind.CODE, 11),
        Column("city", "所在市", Kind.TEXT, 16),
        Column("entities", "单位数", Kind.COUNT, 9),
        Column("payable_entities", "应付单位数", Kind.COUNT, 11),
        Column("held_entities", "待核单位数", Kind.COUNT, 11),
        *(Column(name, head, Kind.QUANTITY, 20) for name, head in _QUANTITIES),
        *(Column(name, head, Kind.FEN, 20) for name, head in money),
    )
    rows = [_row(city, survey, of_round, columns) for city in survey.cities().iter_rows(named=True)]
    made = Sheet.of("分市", columns, rows)
    if not people:
        return made
    shown = for_people(columns)
    whole = {name: sums.whole() for name, sums in survey.quantities.items()}
    total = {
        "region": "合计",
        **{name: sum(row[place] for row in rows) for place, name in _places(columns)},
        **whole,
        **{f"{name}_number": rounded_text(text) for name, text in whole.items()},
    }
    sheet = Sheet(
        made.title,
        shown,
        made.count,
        lambda: (sheet.typed(with_numbers(frame, shown)) for frame in made.frames()),
        lambda: total,
    )
    return sheet


def _row(city: dict[str, Any], survey: Survey, of_round: Round, columns: tuple[Column, ...]) -> list[Any]:
    known = {
        **city,
        "region": city["city"] or None,
        "city": city_name(of_round, city["city"] or None),
        **{name: sums.text(city["city"]) for name, sums in survey.quantities.items()},
    }
    return [known[column.name] for column in columns]


def _places(columns: tuple[Column, ...]) -> list[tuple[int, str]]:
    """Return the columns that have a sum in whole numbers, with their places."""
    return [(place, one.name) for place, one in enumerate(columns) if one.kind in (Kind.FEN, Kind.COUNT)]
