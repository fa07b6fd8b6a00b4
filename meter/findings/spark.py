"""The sweeps on a Spark cluster: every facility is swept by itself with the same functions (needs `suanbu[spark]`)."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from meter.findings.month import NEEDED, Columns
from meter.findings.sweeps import DAY_SECONDS, UTC_PLUS_8, Month, sweep_months

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ABOVE: Final = {
    "facility": pl.Int32, "chip": pl.Int32, "day": pl.Int32, "instant": pl.Int64, "millicards": pl.Int64,
    "capacity": pl.Int64,
}  # fmt: skip
TWICE: Final = {
    "outer": pl.Int64, "inner": pl.Int64, "consumer": pl.Int32, "facility": pl.Int32, "chip": pl.Int32,
    "started": pl.Int64, "ended": pl.Int64, "millicard_seconds": pl.Int64,
}  # fmt: skip
# One frame carries both: rows with a day are days above capacity, the others records metered twice.
_BOTH: Final = {**ABOVE, **TWICE}
_ON_SPARK: Final = ", ".join(f"{name} {'int' if kind == pl.Int32 else 'bigint'}" for name, kind in _BOTH.items())


def sweep_on_spark(
    session: "SparkSession", paths: Sequence[str], capacities: pl.DataFrame, as_of: int | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what `sweeps.sweep_months` finds in sealed files (already checked).

    Both sweeps look at one facility at a time, so the rows of a facility travel to one task, which has to hold them.
    """
    from pyspark.sql import functions as on_spark

    rows = session.read.parquet(*paths)
    if as_of is not None:
        rows = rows.filter(on_spark.col("batch") <= as_of)
    # Plain values only: a closure that travels must not hold a frame of another library's version.
    facts = capacities.rows(named=True)

    def sweep(some: pa.Table) -> pa.Table:  # Spark reads the types of a function, so it cannot be a `partial`
        return _sweep_facility(facts, some)

    found = rows.select(*NEEDED).groupBy("facility").applyInArrow(sweep, _ON_SPARK)
    both = pl.from_arrow(found.toArrow())
    assert isinstance(both, pl.DataFrame)
    above = both.filter(pl.col("day").is_not_null()).select(pl.col(name).cast(kind) for name, kind in ABOVE.items())
    twice = both.filter(pl.col("day").is_null()).select(pl.col(name).cast(kind) for name, kind in TWICE.items())
    return above.sort("facility", "chip", "day"), twice.sort("inner")


def _sweep_facility(facts: list[dict[str, Any]], rows: pa.Table) -> pa.Table:
    columns = {name: rows[name].to_numpy() for name in NEEDED}
    facility = int(columns["facility"][0]) if rows.num_rows else None
    schema = {"facility": pl.Int32, "chip": pl.Int32, "day_from": pl.Int32, "day_to": pl.Int32, "millicards": pl.Int64}
    mine = pl.DataFrame([fact for fact in facts if fact["facility"] == facility], schema=schema, orient="row")
    above, twice = sweep_months(by_month(columns), mine, threads=1)
    both = pl.concat([above, twice], how="diagonal").select(
        (pl.col(name) if name in above.columns or name in twice.columns else pl.lit(None)).cast(kind)
        for name, kind in _BOTH.items()
    )
    return both.to_arrow(compat_level=pl.CompatLevel.oldest())


def by_month(columns: Columns) -> list[Month]:
    """Return rows by local month of start, as `sweep_months` takes them."""
    local = (columns["started"] + UTC_PLUS_8) // DAY_SECONDS
    months: NDArray[np.int64] = local.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    found = []
    for month in np.unique(months).tolist():
        some = {name: array[months == month] for name, array in columns.items()}
        first_day = int(np.datetime64(month, "M").astype("datetime64[D]").astype(np.int64))
        found.append(Month(first_day, len(some["batch"]), [partial(_give, some)]))
    return found


def _give(columns: Columns) -> Columns:
    return columns
