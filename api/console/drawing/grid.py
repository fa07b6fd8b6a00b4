"""Rows by columns as a grid of shades: cities by month, the darker the more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from api.console.drawing.map import SHADES
from api.console.drawing.shapes import box, svg, words

WIDTH: Final = 640
ROW, FOOT, NAMES = 24, 22, 84


def grid(title: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[tuple[int, str]]]]) -> Markup:
    """Return a cell for each (value, told) of each named row, all on one scale, with the columns' names below; what is
    below zero has a minus sign in it."""
    most = max((value for _, cells in rows for value, _ in cells), default=0) or 1
    step = (WIDTH - NAMES) / max(len(columns), 1)
    drawn = []
    for place, (name, cells) in enumerate(rows):
        drawn.append(words(NAMES - 8, place * ROW + 16, name, "end", "label"))
        for column, (value, told) in enumerate(cells):
            shade = 0 if value <= 0 else 1 + min(SHADES - 1, value * SHADES // (most + 1))
            drawn.append(box(NAMES + column * step, place * ROW, step, ROW, f"tile shade-{shade}", told))
            if value < 0:
                drawn.append(words(NAMES + (column + 0.5) * step, place * ROW + 16, "−", "middle", "label"))
    for column, name in enumerate(columns):
        drawn.append(words(NAMES + (column + 0.5) * step, len(rows) * ROW + 15, name, "middle", "label"))
    return svg(WIDTH, max(len(rows), 1) * ROW + FOOT, title, drawn, "grid")
