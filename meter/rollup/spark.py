"""The rollup on a Spark cluster: the same tables and kernels, run where the files are read (needs `suanbu[spark]`)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

import polars as pl
import pyarrow as pa

from meter.rollup.columns import MEASURED_DTYPE, measured
from meter.rollup.frames import USE_KEY, USE_SCHEMA, empty_use
from meter.rollup.merge import merge
from meter.rollup.table import GroupTable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MEASURED: Final = tuple(MEASURED_DTYPE.names or ())
USE_ON_SPARK: Final = (
    "day int, consumer int, facility int, chip int, purpose tinyint, via_platform boolean, "
    "millicard_seconds bigint, charge_fen bigint, pieces bigint, starts bigint"
)


def roll_up_on_spark(
    session: "SparkSession", paths: Sequence[str], as_of: int | None = None, buckets: int = 64
) -> pl.DataFrame:
    """Return the `use` frame of sealed files (already checked), equal to what `recompute` gives.

    Every task rolls the files it reads up by itself, so only groups travel; then each of `buckets` of consumers adds
    its groups up. Workers need this package and the files under the same paths.
    """
    from pyspark.sql import functions as on_spark

    if not paths:
        return empty_use()
    rows = session.read.parquet(*paths)
    if as_of is not None:
        rows = rows.filter(on_spark.col("batch") <= as_of)
    partial = rows.select(*MEASURED).mapInArrow(_roll_up_batches, USE_ON_SPARK)
    whole = partial.groupBy(on_spark.col("consumer") % buckets).applyInArrow(_merge_bucket, USE_ON_SPARK)
    return _as_use(whole.toArrow()).sort(USE_KEY)


def _roll_up_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    table = GroupTable()
    for batch in batches:
        table.add_entries(measured({name: batch[name].to_numpy(zero_copy_only=False) for name in MEASURED}))
    yield from _for_spark(table.frame()).to_batches()


def _merge_bucket(groups: pa.Table) -> pa.Table:
    return _for_spark(merge([_as_use(groups)]))


def _as_use(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame.select(pl.col(name).cast(kind) for name, kind in USE_SCHEMA.items())


def _for_spark(use: pl.DataFrame) -> pa.Table:
    return use.to_arrow(compat_level=pl.CompatLevel.oldest())
