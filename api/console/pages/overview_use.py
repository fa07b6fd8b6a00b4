"""The overview's figures of what was received: use by month as a picture with its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup

from api.console.drawing.months import months
from api.console.language.text import phrase
from api.console.queries import Record


def shown_use(read: tuple[datetime, Sequence[Record]] | None) -> dict[str, Any]:
    """Return what the page shows of use: the picture, and months with their sums."""
    if read is None:
        return {"use_at": None, "use": [], "drawn": {}}
    moment, rows = read
    use = by_month(rows)
    drawn: dict[str, Markup] = {
        "months": months(phrase("各月用量（卡时）"), [(month[2:], hours, f"{hours:,}") for month, hours, _, _ in use])
    }
    return {"use_at": moment.isoformat(), "use": use, "drawn": drawn}


def by_month(use: Sequence[Record]) -> list[tuple[str, int, int, int]]:
    """Return months in order with card-hours, fen and records of all cities."""
    found: dict[str, tuple[int, int, int]] = {}
    for one in use:
        hours, fen, records = found.get(one["month"], (0, 0, 0))
        found[one["month"]] = hours + one["card_hours"], fen + one["charge_fen"], records + one["records"]
    return [(month, *sums) for month, sums in sorted(found.items())]
