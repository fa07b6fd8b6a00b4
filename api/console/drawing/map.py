"""A small map of the sixteen cities of Anhui: a tile each, about where it lies, the darker the more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from markupsafe import Markup

from api.console.drawing.shapes import box, svg, words
from api.console.language.text import phrase

TILE, GAP = 88, 6
PLACES: Final[Mapping[str, tuple[int, int]]] = {  # column and row, from the north-west
    "341600": (0, 1), "340600": (2, 0), "341300": (3, 0), "341200": (0, 2), "340300": (3, 1), "340400": (2, 1),
    "341500": (0, 3), "340100": (2, 2), "341100": (3, 2), "340500": (4, 3), "340200": (3, 3), "341800": (4, 4),
    "340800": (1, 4), "340700": (2, 3), "341700": (2, 4), "341000": (3, 5),
}  # fmt: skip
SHADES = 5


def city_map(title: str, cities: Mapping[str, tuple[str, int, str]]) -> Markup:
    """Return the tiles of (name, value, told) by city code; a city without a value is empty."""
    most = max((value for _, value, _ in cities.values()), default=0) or 1
    drawn = []
    for code, (column, row) in PLACES.items():
        name, value, told = cities.get(code, ("", 0, "—"))
        shade = 0 if value <= 0 else 1 + min(SHADES - 1, value * SHADES // (most + 1))
        x, y = column * (TILE + GAP), row * (TILE - 28 + GAP)
        drawn.append(box(x, y, TILE, TILE - 28, f"tile shade-{shade}", f"{name} {told}"))
        kind = "on-dark" if shade >= 4 else "label"
        drawn.append(words(x + TILE / 2, y + 25, name.removesuffix(phrase("市")), "middle", f"{kind} strong"))
        drawn.append(words(x + TILE / 2, y + 44, told, "middle", kind))
    return svg(5 * (TILE + GAP), 6 * (TILE - 28 + GAP), title, drawn, "map")
