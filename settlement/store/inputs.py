"""What a settlement is computed from, read as of one batch: use, registry facts and conflicts in quarantine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import asyncpg
import polars as pl

from meter.database.copy import frame
from meter.database.snapshot import both
from meter.registry.queries import dictionary, facts_as_of
from meter.rollup.store import use_as_of, use_from_records
from settlement.inputs.frames import COLUMNS, Inputs
from settlement.inputs.ranks import DICTIONARIES, ranked

_CONFLICTS = """
select e.consumer, extract(epoch from e.started_at)::bigint, extract(epoch from e.ended_at)::bigint, p.id,
       extract(epoch from q.started_at)::bigint, extract(epoch from q.ended_at)::bigint
from quarantine q join entry e on e.key = q.against left join party p on p.uscc = q.consumer
where q.status = 'conflict' and q.batch <= {batch} and (e.action <> 2 or q.consumer is not null)
"""
_CONFLICT_SCHEMA = {
    "first": pl.Int32, "first_started": pl.Int64, "first_ended": pl.Int64,
    "second": pl.Int32, "second_started": pl.Int64, "second_ended": pl.Int64,
}  # fmt: skip


async def head_at(connection: asyncpg.Connection, batch: int | None) -> tuple[int, str | None]:
    """Return the last batch (up to `batch`) with its digest as algorithm:hex; 0 and None where nothing is recorded."""
    head = await connection.fetchrow(
        "select batch, algorithm || ':' || encode(digest, 'hex') as digest from batch "
        "where $1::bigint is null or batch <= $1 order by batch desc limit 1",
        batch,
    )
    return (head["batch"], head["digest"]) if head else (0, None)


async def inputs_as_of(
    connection: asyncpg.Connection,
    beside: asyncpg.Connection,
    batch: int,
    *,
    from_records: bool = False,
    settled: Mapping[str, int] | None = None,
    applications: list[dict[str, Any]] | None = None,
    matches: list[dict[str, Any]] | None = None,
) -> tuple[Inputs, bool]:
    """Return the inputs as of a batch, read by two connections that see one snapshot.

    `settled` is what an earlier, locked settlement paid: entity code -> fen. Use comes from the rollup, or is added up
    `from_records` anew: then the second value says whether the rollup agrees.
    """
    use, (frames, codes, kept) = await both(
        use_from_records(connection, batch) if from_records else use_as_of(connection, batch),
        _facts(beside, batch, with_rollup=from_records),
    )
    agrees = kept is None or use.equals(kept)
    frames["use"] = use
    # applicants and who was settled before need not be known to the journal
    named = {str(one.get("consumer")) for one in applications or []} | set(settled or {})
    codes["parties"] = _with(codes["parties"], named)
    if settled is not None:
        frames["settled_before"] = _settled(settled, codes["parties"])
    inputs = await asyncio.to_thread(
        ranked, frames, codes, has_settled=settled is not None, applications=applications or [], matches=matches or []
    )
    return inputs, agrees


async def _facts(
    connection: asyncpg.Connection, batch: int, *, with_rollup: bool
) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame], pl.DataFrame | None]:
    """Return everything but use: frames and dictionaries by name; and what the rollup says of use, where wanted."""
    frames = await facts_as_of(connection, batch)
    frames["conflicts"] = _crossed(await frame(connection, _CONFLICTS.format(batch=int(batch)), _CONFLICT_SCHEMA))
    codes = {name: await dictionary(connection, name) for name in DICTIONARIES}
    return frames, codes, await use_as_of(connection, batch) if with_rollup else None


def _with(codes: pl.DataFrame, more: set[str]) -> pl.DataFrame:
    """Return the codes and those that are new, numbered behind the last."""
    fresh = sorted(more - set(codes["code"].to_list()))
    first = int(codes["number"].max() or 0) + 1  # type: ignore[arg-type]
    return pl.concat([codes, pl.DataFrame({"number": range(first, first + len(fresh)), "code": fresh}, codes.schema)])


def _crossed(conflicts: pl.DataFrame) -> pl.DataFrame:
    """Return each consumer of either version with the span of each version; a void version has neither."""
    parts = [
        conflicts.select(
            pl.col(who).alias("party"),
            pl.col(f"{span}_started").alias("started"),
            pl.col(f"{span}_ended").alias("ended"),
        ).filter(pl.col("party").is_not_null() & (pl.col("party") > 0) & pl.col("started").is_not_null())
        for who in ("first", "second")
        for span in ("first", "second")
    ]
    return pl.concat(parts).unique().sort("party", "started", "ended")


def _settled(settled: Mapping[str, int], parties: pl.DataFrame) -> pl.DataFrame:
    numbers = dict(zip(parties["code"].to_list(), parties["number"].to_list(), strict=True))
    rows = sorted((numbers[code], fen) for code, fen in settled.items())
    return pl.DataFrame(rows, schema=dict(COLUMNS["settled_before"]), orient="row")
