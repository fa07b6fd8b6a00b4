"""Months side by side as upright bars, each with its number told."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from api.console.drawing.shapes import box, line, svg, words

WIDTH, HEIGHT, FOOT, HEAD = 640, 200, 24, 18


def months(title: str, rows: Sequence[tuple[str, int, str]]) -> Markup:
    """Return upright bars of (name, value, told) on one scale, the largest with its number."""
    most = max((value for _, value, _ in rows), default=0) or 1
    step = WIDTH / max(len(rows), 1)
    room, drawn = HEIGHT - FOOT - HEAD, [line(0, HEIGHT - FOOT, WIDTH, HEIGHT - FOOT)]
    for place, (name, value, told) in enumerate(rows):
        height = room * max(value, 0) / most
        left = place * step + step * 0.15
        drawn.append(box(left, HEIGHT - FOOT - height, step * 0.7, height, "use", told))
        if len(rows) <= 14 or place % 3 == 0:
            drawn.append(words(left + step * 0.35, HEIGHT - 8, name, "middle", "label"))
        if value == most:
            drawn.append(words(left + step * 0.35, HEIGHT - FOOT - height - 5, told, "middle", "value"))
    return svg(WIDTH, HEIGHT, title, drawn, "months")
