"""A finding: what was seen, where, by how much, and the records that prove it."""

from collections.abc import Mapping
from typing import Final

import polars as pl

RECORD: Final = pl.Struct({"batch": pl.Int64, "ordinal": pl.Int32})

_COLUMNS: Final[Mapping[str, pl.DataType | type[pl.DataType]]] = {
    "kind": pl.String,  # above_capacity, metered_twice, price_stray or ring
    "facility": pl.Int32,  # null where several are concerned
    "chip": pl.Int32,
    "consumer": pl.Int32,
    "started": pl.Int64,  # epoch seconds; what the finding is about lies in [started, ended)
    "ended": pl.Int64,
    # above_capacity: millicards at the peak; metered_twice: millicard-seconds of the inner record;
    # price_stray: thousandths of a fen a card-hour; ring: the quantity that cancels
    "found": pl.Int64,
    "expected": pl.Int64,  # the registered millicards; 0; the median price; 0
    "parties": pl.List(pl.Int32),  # ring: who uses whose compute, in order; else empty
    "records": pl.List(RECORD),  # where they stand in the journal
}
FINDING_SCHEMA: Final = pl.Schema(_COLUMNS)


def no_findings() -> pl.DataFrame:
    """Return a frame of findings without rows."""
    return pl.DataFrame(schema=FINDING_SCHEMA)
