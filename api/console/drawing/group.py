"""A group as a small drawing: this entity, the head of its group, what they used and what others used of theirs."""

from __future__ import annotations

from markupsafe import Markup

from api.console.drawing.shapes import box, line, svg, words

WIDTH, HEIGHT, CARD, TALL = 640, 150, 270, 104
Card = tuple[str, str, str, str]
"""A heading, a code, what it used, what was used of it."""


def group_picture(title: str, own: Card, group: Card, relation: str) -> Markup:
    """Return the entity beside its group, with what relates them."""
    drawn = [line(CARD, 60, WIDTH - CARD, 60), words(WIDTH / 2, 52, relation, "middle", "label")]
    for left, (heading, code, used, supplied) in ((0, own), (WIDTH - CARD, group)):
        drawn += [
            box(left, 8, CARD, TALL, "tile shade-1"), words(left + 12, 32, heading, "start", "strong"),
            words(left + 12, 52, code, "start", "label"), words(left + 12, 76, used, "start", "value"),
            words(left + 12, 98, supplied, "start", "value"),
        ]  # fmt: skip
    return svg(WIDTH, HEIGHT - 30, title, drawn, "group")
