"""A waterfall from what was spent to what is paid: where each yuan stayed."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from api.console.drawing.shapes import box, line, svg, words

WIDTH, ROW, LABEL, END = 640, 30, 150, 110
DIGIT = 8  # what a digit is wide at most
Stage = tuple[str, int, int, str]
"""A name, from where to where it goes (fen; from 0: a level), and its amount in words."""


def waterfall(title: str, stages: Sequence[Stage]) -> Markup:
    """Return the stages from top to bottom; what falls away hangs where it fell."""
    most = max((max(start, end) for _, start, end, _ in stages), default=0) or 1
    end_room = max(END, *(DIGIT * len(told) + 6 for _, _, _, told in stages))
    room, drawn, before = WIDTH - LABEL - end_room, [], None
    for place, (name, start, end, told) in enumerate(stages):
        top = place * ROW
        left, right = (LABEL + room * value / most for value in sorted((start, end)))
        kind = "level" if start == 0 else "fell" if end <= start else "rose"
        drawn.append(words(LABEL - 8, top + 20, name, "end", "label"))
        if before is not None:
            drawn.append(line(before, top - 6, before, top + 6))
        drawn.append(box(left, top + 6, max(right - left, 1), ROW - 12, kind, told))
        drawn.append(words(right + 6, top + 20, told, "start", "value"))
        before = LABEL + room * end / most
    return svg(WIDTH, ROW * len(stages) + 4, title, drawn, "waterfall")
