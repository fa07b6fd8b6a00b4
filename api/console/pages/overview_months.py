"""The overview's figures by month and city: used, supplied, net, charges and awards, as pictures with their numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from api.console.drawing.grid import grid
from api.console.drawing.months import months
from api.console.language.text import later, phrase
from api.console.queries import Record
from api.console.wording.vocabulary import city_name
from settlement.report.money import yuan_text
from settlement.rounds import Round

MONTHS_SHOWN: Final = 12  # the newest
OF_USE: Final = (
    ("consumed", later("使用量（P时）")), ("supplied", later("被使用量（P时）")),
    ("net", later("使用量减被使用量（P时）")), ("spend_fen", later("费用（元）")),
    ("unstated_fen", later("其中用途未说明、待核的费用（元）")),
)  # fmt: skip
OF_AWARDS: Final = (("award_fen", later("当月锁定的补助（元）")),)


@dataclass(frozen=True)
class Monthly:
    """One figure by month and city: its picture, and the same numbers as they are written, with their sums."""

    title: str
    picture: Markup
    months: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str], str]]
    sums: Sequence[str]
    """By month, and of all at the end."""


def monthly_use(balance: Sequence[Record], of_round: Round, region: str | None) -> list[Monthly]:
    """Return the figures of use, of one city where the reader is bound to it."""
    return _figures(OF_USE, balance, of_round, region)


def monthly_awards(awarded: Sequence[Record], of_round: Round, region: str | None) -> list[Monthly]:
    """Return awards by the month in which they were locked."""
    return _figures(OF_AWARDS, awarded, of_round, region)


def _figures(
    named: Sequence[tuple[str, str]], found: Sequence[Record], of_round: Round, region: str | None
) -> list[Monthly]:
    mine = [one for one in found if region is None or one["city"] == region]
    return [
        _figure(phrase(title), name, mine, of_round)
        for name, title in named
        if any(one[name] for one in mine)
    ]  # fmt: skip


def _figure(title: str, name: str, found: Sequence[Record], of_round: Round) -> Monthly:
    """Draw a grid of cities by month, the largest first; of one city its months are bars."""
    written = yuan_text if name.endswith("_fen") else _pflops_hours
    columns = sorted({one["month"] for one in found})[-MONTHS_SHOWN:]
    values: dict[str | None, dict[str, int]] = {}
    for one in found:
        if one["month"] in columns:
            of_city = values.setdefault(one["city"], {})
            of_city[one["month"]] = of_city.get(one["month"], 0) + one[name]
    cities = sorted(values, key=lambda city: (-sum(values[city].values()), city or ""))
    rows = [(city_name(of_round, city), [values[city].get(month, 0) for month in columns]) for city in cities]
    sums = [sum(column) for column in zip(*(row for _, row in rows), strict=True)]
    return Monthly(
        title, _picture(title, columns, rows, written), columns,
        [(city, [written(value) for value in row], written(sum(row))) for city, row in rows],
        [written(value) for value in (*sums, sum(sums))],
    )  # fmt: skip


def _picture(
    title: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[int]]], written: Callable[[int], str]
) -> Markup:
    if len(rows) == 1:
        return months(
            title, [(month[2:], value, written(value)) for month, value in zip(columns, rows[0][1], strict=True)]
        )
    return grid(
        title,
        [month[2:] for month in columns],
        [
            (city, [(value, f"{city} {month} {written(value)}") for month, value in zip(columns, row, strict=True)])
            for city, row in rows
        ],
    )  # fmt: skip


def _pflops_hours(tenths: int) -> str:
    whole, rest = divmod(abs(tenths), 10)
    return f"{'−' if tenths < 0 else ''}{whole:,}.{rest}"
