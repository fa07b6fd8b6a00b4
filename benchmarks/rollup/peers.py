"""The same exact rollup and sweeps in DuckDB, ClickHouse and Polars, written as well as we could for each.

How peers are helped: the year's products fit 64 bits, so none needs wider integers (ours does not rely on it); rows
that stay on one day skip the split; results need not be sorted; the second sweep names the inner records only.
"""

from pathlib import Path
from typing import Any, Final

import polars as pl

from meter.rollup.frames import USE_KEY, USE_SCHEMA, USE_SUMS

KEY: Final = ", ".join(USE_KEY)

# One day costs no division; only the rows that touch several are unfolded. DuckDB stops at an overflow of BIGINT.
DUCKDB_ROLLUP: Final = """
with entry as (
    select consumer, facility, chip, purpose, via_platform, sign::bigint as sign, millicards, started, ended,
        charge_fen,
        (started + 28800) // 86400 as first_day, (greatest(started, ended - 1) + 28800) // 86400 as last_day
    from read_parquet('{files}')
), part as (
    select first_day as day, consumer, facility, chip, purpose, via_platform,
        sign * millicards * (ended - started) as millicard_seconds, sign * charge_fen as charge_fen,
        sign as pieces, sign as starts
    from entry where first_day = last_day
    union all
    select day, consumer, facility, chip, purpose, via_platform,
        sign * millicards * (least(ended, day * 86400 + 57600) - greatest(started, day * 86400 - 28800)),
        sign * (charge_fen * (least(ended, day * 86400 + 57600) - started) // (ended - started)
            - charge_fen * (greatest(started, day * 86400 - 28800) - started) // (ended - started)),
        sign, case when day = first_day then sign else 0 end
    from (select *, unnest(range(first_day, last_day + 1)) as day from entry where first_day < last_day)
)
select day::integer as day, consumer, facility, chip, purpose, via_platform,
    sum(millicard_seconds)::bigint as millicard_seconds, sum(charge_fen)::bigint as charge_fen,
    sum(pieces)::bigint as pieces, sum(starts)::bigint as starts
from part group by all
"""

CLICKHOUSE_ROLLUP: Final = """
select toInt32(day) as day, consumer, facility, chip, purpose, via_platform,
    sum(q) as millicard_seconds, sum(c) as charge_fen, sum(p) as pieces, sum(s) as starts
from (
    select intDiv(started + 28800, 86400) as day, consumer, facility, chip, purpose, via_platform,
        sign * millicards * (ended - started) as q, sign * charge_fen as c, toInt64(sign) as p, toInt64(sign) as s
    from file('{files}', Parquet)
    where intDiv(started + 28800, 86400) = intDiv(greatest(started, ended - 1) + 28800, 86400)
    union all
    select arrayJoin(range(toInt64(intDiv(started + 28800, 86400)),
                           toInt64(intDiv(greatest(started, ended - 1) + 28800, 86400) + 1))) as day,
        consumer, facility, chip, purpose, via_platform,
        sign * millicards * (least(ended, day * 86400 + 57600) - greatest(started, day * 86400 - 28800)) as q,
        sign * (intDiv(charge_fen * (least(ended, day * 86400 + 57600) - started), ended - started)
            - intDiv(charge_fen * (greatest(started, day * 86400 - 28800) - started), ended - started)) as c,
        toInt64(sign) as p, if(day = intDiv(started + 28800, 86400), toInt64(sign), 0) as s
    from file('{files}', Parquet)
    where intDiv(started + 28800, 86400) != intDiv(greatest(started, ended - 1) + 28800, 86400)
)
group by day, consumer, facility, chip, purpose, via_platform
having millicard_seconds != 0 or charge_fen != 0 or pieces != 0 or starts != 0
"""


def without_nothing(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a result in the shape of `use`: typed, sorted, without groups that came to nothing."""
    frame = frame.select(pl.col(name).cast(kind) for name, kind in USE_SCHEMA.items())
    return frame.filter(pl.any_horizontal(pl.col(name) != 0 for name in USE_SUMS)).sort(USE_KEY)


def _frame(table: Any) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame


def duckdb_rollup(archive: Path, threads: int) -> pl.DataFrame:
    """Roll up with DuckDB."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(f"set threads = {threads}; set preserve_insertion_order = false")
        return _frame(connection.sql(DUCKDB_ROLLUP.format(files=archive / "*" / "*.parquet")).to_arrow_table())


def clickhouse_rollup(archive: Path, threads: int) -> pl.DataFrame:
    """Roll up with ClickHouse (chdb)."""
    import chdb

    query = CLICKHOUSE_ROLLUP.format(files=archive / "*" / "*.parquet")
    ask: Any = chdb.query
    return _frame(ask(f"{query} settings max_threads = {threads}", "ArrowTable"))


def polars_rollup(archive: Path) -> pl.DataFrame:
    """Roll up with plain Polars, its streaming engine; POLARS_MAX_THREADS must be set before Polars is imported."""
    started, ended, day = pl.col("started"), pl.col("ended"), pl.col("day")
    sign = pl.col("sign").cast(pl.Int64)
    entry = pl.scan_parquet(archive / "*" / "*.parquet").with_columns(
        ((started + 28_800) // 86_400).alias("day"),
        ((pl.max_horizontal(started, ended - 1) + 28_800) // 86_400).alias("last_day"),
    )
    whole = entry.filter(day == pl.col("last_day")).select(
        *USE_KEY,
        (sign * pl.col("millicards") * (ended - started)).alias("millicard_seconds"),
        (sign * pl.col("charge_fen")).alias("charge_fen"),
        sign.alias("pieces"),
        sign.alias("starts"),
    )
    begins = pl.max_horizontal(started, day * 86_400 - 28_800)
    ends = pl.min_horizontal(ended, day * 86_400 + 57_600)
    charged_from = pl.col("charge_fen") * (begins - started) // (ended - started)
    charged_to = pl.col("charge_fen") * (ends - started) // (ended - started)
    cut = (
        entry.filter(day < pl.col("last_day"))
        .with_columns(day.alias("first_day"), pl.int_ranges("day", pl.col("last_day") + 1).alias("day"))
        .explode("day")
        .select(
            *USE_KEY,
            (sign * pl.col("millicards") * (ends - begins)).alias("millicard_seconds"),
            (sign * (charged_to - charged_from)).alias("charge_fen"),
            sign.alias("pieces"),
            pl.when(day == pl.col("first_day")).then(sign).otherwise(0).alias("starts"),
        )
    )
    return (
        pl.concat([whole, cut])
        .group_by(USE_KEY)
        .agg(pl.col(name).sum() for name in USE_SUMS)
        .collect(engine="streaming")
    )


DUCKDB_CAPACITY: Final = """
with corrected as (
    select corrected_batch as batch, corrected_ordinal as ordinal from read_parquet('{files}') where sign < 0
), live as (
    select facility, chip, millicards, started, ended from read_parquet('{files}') as entry
        anti join corrected on entry.batch = corrected.batch and entry.ordinal = corrected.ordinal
    where sign > 0 and ended > started
), event as (
    select facility, chip, started as instant, millicards as change
    from live semi join capacities using (facility, chip)
    union all
    select facility, chip, ended, -millicards
    from live semi join capacities using (facility, chip)
    union all
    select facility, chip, unnest(range({first}, (select max(ended) from live) + 86400, 86400)), 0
    from (select distinct facility, chip from capacities)
), step as (
    select facility, chip, instant, sum(change) as change from event group by all
), running as (
    select facility, chip, instant, (instant + 28800) // 86400 as day,
        sum(change) over (partition by facility, chip order by instant) as millicards
    from step
)
select facility, chip, day, max(row(running.millicards - capacities.millicards, -instant)) as peak
from running join capacities using (facility, chip)
where day >= day_from and day < day_to and running.millicards > capacities.millicards
group by all
"""

DUCKDB_TWICE: Final = """
with corrected as (
    select corrected_batch as batch, corrected_ordinal as ordinal from read_parquet('{files}') where sign < 0
), live as (
    select batch, ordinal, consumer, facility, millicards, order_digest, started, ended
    from read_parquet('{files}') as entry
        anti join corrected on entry.batch = corrected.batch and entry.ordinal = corrected.ordinal
    where sign > 0 and ended > started and order_digest != 0
)
select batch, ordinal from (
    select batch, ordinal, ended, max(ended) over (
        partition by order_digest, consumer, facility, millicards order by started, ended desc, batch, ordinal
        rows between unbounded preceding and 1 preceding
    ) as latest
    from live
) where ended <= latest
"""


def duckdb_sweeps(
    archive: Path, capacities: pl.DataFrame, threads: int, first: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return (days above capacity, inner records metered twice) with DuckDB's window functions."""
    import duckdb

    files = archive / "*" / "*.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"set threads = {threads}; set preserve_insertion_order = false")
        connection.execute(f"set temp_directory = '{archive.parent / 'duckdb'}'; set memory_limit = '8GB'")
        connection.register("capacities", capacities.to_arrow())
        days = _frame(connection.sql(DUCKDB_CAPACITY.format(files=files, first=first)).to_arrow_table())
        twice = _frame(connection.sql(DUCKDB_TWICE.format(files=files)).to_arrow_table())
    return days, twice
