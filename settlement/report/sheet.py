"""A sheet: named and typed columns over rows, whatever file it then becomes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import polars as pl


class Kind(Enum):
    """What a cell holds."""

    TEXT = "text"
    CODE = "code"  # a text of fixed form: a credit code, a region
    QUANTITY = "quantity"  # an exact number as text: "600" or "7/36"
    NUMBER = "number"  # the same rounded to six decimals, for a spreadsheet to count with
    CODES = "codes"  # a list of reasons or flags
    COUNT = "count"  # a small integer
    FEN = "fen"  # money, int fen, shown as fen
    YUAN = "yuan"  # money, int fen, shown in yuan
    WAN = "wan"  # money, int fen, shown in 万元


MONEY = (Kind.FEN, Kind.YUAN, Kind.WAN)
UNIT: Final[Mapping[Kind, str]] = {Kind.FEN: "分", Kind.YUAN: "元", Kind.WAN: "万元"}
# sums of money have no limit that a sheet could rely on
TYPES: Final[Mapping[Kind, Any]] = {
    Kind.TEXT: pl.String,
    Kind.CODE: pl.String,
    Kind.QUANTITY: pl.String,
    Kind.NUMBER: pl.String,
    Kind.CODES: pl.List(pl.String),
    Kind.COUNT: pl.Int64,
    **dict.fromkeys(MONEY, pl.Int128),
}


@dataclass(frozen=True)
class Column:
    """A column: its name for programs, its head for people, what its cells hold, its width in characters."""

    name: str
    head: str
    kind: Kind
    width: int = 14

    @property
    def shown_head(self) -> str:
        """Return the head with the unit of its money."""
        unit = UNIT.get(self.kind)
        return f"{self.head}（{unit}）" if unit and unit not in self.head else self.head


@dataclass(frozen=True)
class Sheet:
    """A table of so many rows. Its frames have one column a column, typed by its kind; a cell that does not apply is
    null. The frames are made anew for whoever asks. `total` gives the row of sums once the rows have gone by."""

    title: str
    columns: tuple[Column, ...]
    count: int
    frames: Callable[[], Iterator[pl.DataFrame]]
    total: Callable[[], Mapping[str, object]] | None = None

    @classmethod
    def of(cls, title: str, columns: tuple[Column, ...], rows: Sequence[Sequence[object]]) -> Sheet:
        """Return a sheet of a few rows."""
        assert all(len(row) == len(columns) for row in rows), f"{title}: a row has another width"
        cells = zip(*rows, strict=True) if rows else ((),) * len(columns)
        frame = pl.DataFrame(
            {column.name: pl.Series(values, dtype=TYPES[column.kind])
             for column, values in zip(columns, map(list, cells), strict=True)}
        )  # fmt: skip
        return cls(title, columns, len(rows), lambda: iter([frame]))

    def total_sheet(self) -> Sheet:
        """Return the row of sums as a sheet of its own, to stand below the rows."""
        total = self.total
        assert total is not None

        def frames() -> Iterator[pl.DataFrame]:
            row = total()
            yield pl.DataFrame(
                {one.name: pl.Series([row.get(one.name)], dtype=TYPES[one.kind]) for one in self.columns}
            )

        return Sheet(self.title, self.columns, 1, frames)

    def typed(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the sheet's columns of a frame, each of its type."""
        return frame.select(pl.col(column.name).cast(TYPES[column.kind]) for column in self.columns)
