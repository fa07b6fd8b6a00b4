"""What all pictures are made of: a frame with a name for who cannot see it, rectangles and texts."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup


def svg(width: int, height: int, title: str, parts: Iterable[Markup], kind: str) -> Markup:
    """Return a picture that fits its column, with its name."""
    return Markup('<svg class="picture {}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        kind, width, height, title, Markup("").join(parts)
    )


def box(x: float, y: float, width: float, height: float, kind: str, told: str = "") -> Markup:
    """Return a rectangle of a kind; `told` is said where somebody points at it."""
    tip = Markup("<title>{}</title>").format(told) if told else ""
    return Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}">{}</rect>').format(
        kind, x, y, max(width, 0), max(height, 0), tip
    )


def words(x: float, y: float, text: str, anchor: str = "start", kind: str = "") -> Markup:
    """Return a text at a point: start, middle or end of it."""
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(kind, x, y, anchor, text)


def line(x: float, y: float, to_x: float, to_y: float, kind: str = "rule") -> Markup:
    """Return a straight line."""
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(kind, x, y, to_x, to_y)
