"""A sheet: named and typed columns over rows, whatever file it then becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a cell holds."""

    TEXT = "text"
    CODE = "code"  # a text of fixed form: a credit code, a region
    QUANTITY = "quantity"  # an exact number as text: "600" or "7/36"
    CODES = "codes"  # a list of reasons or flags
    COUNT = "count"  # a small integer
    FEN = "fen"  # money, int fen, shown as fen
    YUAN = "yuan"  # money, int fen, shown in yuan
    WAN = "wan"  # money, int fen, shown in 万元


MONEY = (Kind.FEN, Kind.YUAN, Kind.WAN)


@dataclass(frozen=True)
class Column:
    """A column: its name for programs, its head for people, what its cells hold, its width in characters."""

    name: str
    head: str
    kind: Kind
    width: int = 14


@dataclass(frozen=True)
class Sheet:
    """A table. Every row has one cell a column; a cell that does not apply is None."""

    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[object]]

    def __post_init__(self) -> None:
        assert all(len(row) == len(self.columns) for row in self.rows), f"{self.title}: a row has another width"
