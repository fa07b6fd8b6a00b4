"""The `use` frame: what was used on one local day, by whom, where, on which chip, for what and through which door."""

from typing import Final

import polars as pl

USE_KEY: Final = ("day", "consumer", "facility", "chip", "purpose", "via_platform")
USE_SUMS: Final = ("millicard_seconds", "charge_fen", "pieces", "starts")
USE_SCHEMA: Final = pl.Schema(
    {
        "day": pl.Int32,  # local day (Asia/Shanghai) as days since 1970-01-01
        "consumer": pl.Int32,
        "facility": pl.Int32,
        "chip": pl.Int32,
        "purpose": pl.Int8,  # 0 not stated, 1 research, 2 commercial
        "via_platform": pl.Boolean,
        "millicard_seconds": pl.Int64,
        "charge_fen": pl.Int64,
        "pieces": pl.Int64,  # counted records with a part on that day
        "starts": pl.Int64,  # counted records that start that day
    }
)


class NotAUseFrame(ValueError):
    """A frame at a border of the rollup has other columns, types or order than the contract says."""


def empty_use() -> pl.DataFrame:
    """Return a `use` frame without rows."""
    return pl.DataFrame(schema=USE_SCHEMA)


def check_use(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame when it has the columns and types of `use`, in that order; else raise NotAUseFrame."""
    if frame.schema != USE_SCHEMA:
        raise NotAUseFrame(f"expected the columns of `use`, got {dict(frame.schema)}")
    return frame
