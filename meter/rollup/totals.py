"""Metered totals between two edges: from the rollup when both are local midnights, else split exactly from the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import asyncpg
import polars as pl

from meter.days import DATE_WORDS, EVER, NEVER, date_of, day_number, first_second, read_date, read_instant
from meter.decimals import decimal_text
from meter.rollup.frames import USE_SUMS
from meter.rollup.store import last_number, measured_rows, names_of, use_as_of
from meter.rollup.windows import TOTALS_BY, window_totals

_FIRST, _LAST = -(2**62), 2**62
_CARD_HOUR = 3_600_000  # millicard-seconds


class NotATotal(ValueError):
    """What was asked for cannot be answered; `code` is stable."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True)
class Span:
    """Half-open, in epoch seconds."""

    start: int
    end: int

    @property
    def whole_days(self) -> bool:
        """Whether both edges are local midnights (or none)."""
        return all(edge == first_second(day_number(edge)) for edge in (self.start, self.end) if _FIRST < edge < _LAST)


def parse_span(start: str | None, end: str | None) -> Span:
    """Return edges as Asia/Shanghai days or as instants with an offset; none: unbounded. Raises NotATotal."""
    span = Span(_edge("from", start, _FIRST), _edge("to", end, _LAST))
    if span.start > span.end:
        raise NotATotal("empty_period", "`to` must not lie before `from`")
    return span


def _edge(name: str, text: str | None, absent: int) -> int:
    if text is None or text == "":
        return absent
    text = text.replace(" ", "+")  # a plus sign that a query string turned into a space
    if (day := read_date(text)) is not None:
        return first_second(day_number(day))
    if (moment := read_instant(text)) is not None:
        return int(moment.timestamp() // 1)
    raise NotATotal("bad_time", f"`{name}` is neither {DATE_WORDS} nor an instant with an offset on such a day")


async def usage_totals(connection: asyncpg.Connection, span: Span, by: Sequence[str]) -> list[dict[str, Any]]:
    """Return totals over the records that count: items with the `by` columns, card_hours, charge_fen and records.

    Every total is exact, also beyond 64 bits. Raises NotATotal for an unknown column.
    """
    unknown = sorted(set(by) - set(TOTALS_BY))
    if unknown:
        raise NotATotal("unknown_column", f"totals go by {', '.join(TOTALS_BY)}, not {', '.join(unknown)}")
    head = await last_number(connection)
    columns = [name for name in TOTALS_BY if name in by]
    if span.whole_days:
        days = _days_of(span)
        totals = _of_days(await use_as_of(connection, head, days), days, columns)
    else:
        totals = window_totals(await measured_rows(connection, 1, head), span.start, span.end, columns)
    totals = totals.filter((pl.col("records") != 0) | (pl.col("charge_fen") != 0) | (pl.col("millicard_seconds") != 0))
    names = {name: await names_of(connection, name) for name in columns if name != "day"}
    items = []
    for row in totals.iter_rows(named=True):
        item: dict[str, Any] = {}
        for name in by:
            item[name] = date_of(row["day"]).isoformat() if name == "day" else names[name][row[name]]
        items.append(item | {
            "card_hours": decimal_text(Fraction(row["millicard_seconds"], _CARD_HOUR)),
            "charge_fen": row["charge_fen"],
            "records": row["records"],
        })  # fmt: skip
    items.sort(key=lambda item: [item[name] for name in by])
    return items


def _days_of(span: Span) -> tuple[int, int]:
    """Return the first local day of a span and the first behind it."""
    first = day_number(span.start) if span.start > _FIRST else EVER
    return first, day_number(span.end) if span.end < _LAST else NEVER


def _of_days(use: pl.DataFrame, days: tuple[int, int], columns: list[str]) -> pl.DataFrame:
    """Return totals of whole local days out of the rollup."""
    first, end = days
    rows = use.filter((pl.col("day") >= first) & (pl.col("day") < end))
    if "day" in columns:
        records = pl.col("pieces").sum()
    else:  # whoever starts inside, and whoever runs into the first day
        records = pl.col("starts").sum() + (pl.col("pieces") - pl.col("starts")).filter(pl.col("day") == first).sum()
    sums = [pl.col(name).cast(pl.Int128).sum() for name in USE_SUMS[:2]]  # in 64 bits Polars would wrap round silently
    if not columns:
        return rows.select(*sums, records.alias("records"))
    return rows.group_by(columns).agg(*sums, records.alias("records")).sort(columns)
