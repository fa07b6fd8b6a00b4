"""Where a report's lines come from: blocks of stored lines, read anew for every pass, and their fields as columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

import polars as pl

BLOCK_LINES: Final = 2_000
_TEXTS = (
    "uscc", "name", "region", "consumed_pflops_hours", "supplied_pflops_hours", "net_pflops_hours", "group",
    "group_consumed_pflops_hours", "group_supplied_pflops_hours",
)  # fmt: skip
_MONEY = ("eligible_expenditure_fen", "base_fen", "award_fen", "held_fen", "payable_fen", "adjustment_fen")
LINE: Final[Any] = pl.Struct(
    {
        **dict.fromkeys(_TEXTS, pl.String),
        **dict.fromkeys(_MONEY, pl.Int64),
        "reasons": pl.List(pl.String),
        "flags": pl.List(pl.String),
    }
)
EXCLUDED: Final[Any] = pl.Struct(
    {
        "status": pl.String,
        "reason": pl.String,
        "pflops_hours": pl.String,
        "charge_fen": pl.Int64,
        "pieces": pl.Int64,
    }
)
# a line of the contract as JSON text, and its use that does not count or waits (empty where nobody asks for it)
BLOCK: Final[Mapping[str, Any]] = {"line": pl.String, "excluded": pl.List(EXCLUDED)}


class Source(Protocol):
    """The lines of one settlement, or those of one region, in order of code."""

    @property
    def count(self) -> int:
        """How many lines there are."""

    @property
    def adjusted(self) -> bool:
        """Whether any of them has the difference from an earlier settlement."""

    def blocks(self, *, excluded: bool) -> Iterator[pl.DataFrame]:
        """Yield frames BLOCK from the first line to the last, a few thousand lines each; may be asked for again."""


class Given:
    """Lines that are in memory already, in the shapes of the contract."""

    def __init__(self, lines: Sequence[Mapping[str, Any]], excluded: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        self._lines, self._excluded = lines, excluded
        self.count = len(lines)
        self.adjusted = any("adjustment_fen" in line for line in lines)

    def blocks(self, *, excluded: bool) -> Iterator[pl.DataFrame]:
        """Yield the lines, in their order."""
        for first in range(0, self.count, BLOCK_LINES):
            lines = self._lines[first : first + BLOCK_LINES]
            parts = [list(self._excluded.get(line["uscc"], ())) if excluded else [] for line in lines]
            texts = [json.dumps(line, ensure_ascii=False) for line in lines]
            yield pl.DataFrame({"line": texts, "excluded": parts}, schema=BLOCK)


def fields_of(block: pl.DataFrame, *, items: bool) -> pl.DataFrame:
    """Return the fields of a block's lines as columns; with `items`, an application's amounts as one text."""
    found = block["line"].str.json_decode(LINE).struct.unnest()
    return found.with_columns(items=_items(block["line"])) if items else found


def _items(lines: pl.Series) -> pl.Series:
    """Return the items of a draft round's lines, which are few: each with its amount, by name."""
    texts = lines.str.json_path_match("$.items").to_list()
    shown = (sorted(json.loads(text).items()) if text else [] for text in texts)
    joined = ["; ".join(f"{name}={fen}" for name, fen in items) or None for items in shown]
    return pl.Series("items", joined, dtype=pl.String)
