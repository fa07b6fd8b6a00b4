"""Bars: one row a name, its parts one after the other, and what they come to at the end."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from api.console.drawing.shapes import box, svg, words

WIDTH, ROW, LABEL, END = 640, 26, 96, 120
Row = tuple[str, Sequence[tuple[str, int, str]], str]
"""A name, its parts as (kind, value, told), and the text at its end."""


def bars(title: str, rows: Sequence[Row]) -> Markup:
    """Return horizontal bars on one scale."""
    most = max((sum(max(value, 0) for _, value, _ in parts) for _, parts, _ in rows), default=0) or 1
    room, drawn = WIDTH - LABEL - END, []
    for place, (name, parts, end) in enumerate(rows):
        top, x = place * ROW, float(LABEL)
        drawn.append(words(LABEL - 8, top + 18, name, "end", "label"))
        for kind, value, told in parts:
            width = room * max(value, 0) / most
            drawn.append(box(x, top + 5, width, ROW - 10, kind, told))
            x += width
        drawn.append(words(x + 6, top + 18, end, "start", "value"))
    return svg(WIDTH, ROW * len(rows) + 4, title, drawn, "bars")
