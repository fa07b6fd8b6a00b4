"""The overview's figures of use: by month, and by month and city, as pictures with their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from markupsafe import Markup

from api.console.drawing.grid import grid
from api.console.drawing.months import months
from api.console.language.text import phrase
from api.console.queries import Record
from api.console.wording.vocabulary import city_name
from settlement.report.money import yuan_text
from settlement.rounds import Round

MONTHS_SHOWN: Final = 12  # of cities by month: the newest; all of them stand in the months' own table


def shown_use(read: tuple[datetime, Sequence[Record]] | None, of_round: Round) -> dict[str, Any]:
    """Return what the page shows of use: pictures, months with their sums, and cities by month."""
    if read is None:
        return {"use_at": None, "use": [], "use_cities": None, "drawn": {}}
    moment, rows = read
    use = by_month(rows)
    cities = by_city_and_month(rows, of_round)
    drawn: dict[str, Markup] = {
        "months": months(phrase("各月用量（卡时）"), [(month[2:], hours, f"{hours:,}") for month, hours, _, _ in use])
    }
    for name, place, title in (
        ("city_hours", 0, phrase("各市各月用量（卡时）")), ("city_spend", 1, phrase("各市各月费用（元）")),
    ):  # fmt: skip
        drawn[name] = grid(
            title,
            [month[2:] for month in cities["months"]],
            [
                (city, [
                    (sums[place], f"{city} {month} {f'{sums[0]:,}' if place == 0 else yuan_text(sums[1])}")
                    for month, sums in zip(cities["months"], row, strict=True)
                ])
                for city, row, _ in cities["rows"]
            ],
        )  # fmt: skip
    return {"use_at": moment.isoformat(), "use": use, "use_cities": cities, "drawn": drawn}


def by_month(use: Sequence[Record]) -> list[tuple[str, int, int, int]]:
    """Return months in order with card-hours, fen and records of all cities."""
    found: dict[str, tuple[int, int, int]] = {}
    for one in use:
        hours, fen, records = found.get(one["month"], (0, 0, 0))
        found[one["month"]] = hours + one["card_hours"], fen + one["charge_fen"], records + one["records"]
    return [(month, *sums) for month, sums in sorted(found.items())]


def by_city_and_month(use: Sequence[Record], of_round: Round) -> dict[str, Any]:
    """Return the newest months, and for each city, the one with most charges first, card-hours and fen of each."""
    named = sorted({one["month"] for one in use})[-MONTHS_SHOWN:]
    found: dict[str | None, dict[str, tuple[int, int]]] = {}
    for one in use:
        if one["month"] in named:
            found.setdefault(one["city"], {})[one["month"]] = one["card_hours"], one["charge_fen"]
    rows = [
        (city_name(of_round, city), [sums.get(month, (0, 0)) for month in named],
         (sum(hours for hours, _ in sums.values()), sum(fen for _, fen in sums.values())))
        for city, sums in found.items()
    ]  # fmt: skip
    return {"months": named, "rows": sorted(rows, key=lambda row: (-row[2][1], row[0]))}
