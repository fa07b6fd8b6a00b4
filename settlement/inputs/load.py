"""Loading what a settlement is computed from: journal and registry as of one batch, as ranks instead of numbers.

Database numbers depend on the order of arrival; ranks in the sorted lists of codes do not. So the same facts give the
same inputs, whatever way they came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncpg
import numpy as np
import numpy.typing as npt
import polars as pl

from meter.database.copy import frame
from meter.registry.queries import dictionary, facts_as_of
from meter.rollup.frames import USE_KEY
from meter.rollup.store import use_as_of
from settlement.inputs.frames import COLUMNS, RANKS, Inputs, empty

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
_DICTIONARIES = {"parties": "uscc", "facilities": "code", "chips": "code"}
_FIRST_COLUMN = {"parties": "party", "facilities": "facility", "chips": "chip"}


async def inputs_as_of(
    connection: asyncpg.Connection,
    batch: int,
    *,
    settled: Mapping[str, int] | None = None,
    applications: list[dict[str, Any]] | None = None,
    matches: list[dict[str, Any]] | None = None,
) -> Inputs:
    """The inputs as of a batch; `settled` is what an earlier, locked settlement paid: entity code -> fen."""
    frames = await facts_as_of(connection, batch)
    frames["use"] = await use_as_of(connection, batch)
    frames["conflicts"] = _crossed(await frame(connection, _CONFLICTS.format(batch=int(batch)), _CONFLICT_SCHEMA))
    codes = {name: await dictionary(connection, name) for name in _DICTIONARIES}
    # applicants and who was settled before need not be known to the journal
    named = {str(one.get("consumer")) for one in applications or []} | set(settled or {})
    codes["parties"] = _with(codes["parties"], named)
    if settled is not None:
        frames["settled_before"] = _settled(settled, codes["parties"])
    return ranked(
        frames, codes, has_settled=settled is not None, applications=applications or [], matches=matches or []
    )


def ranked(
    frames: Mapping[str, pl.DataFrame],
    codes: Mapping[str, pl.DataFrame],
    *,
    has_settled: bool = False,
    applications: list[dict[str, Any]] | None = None,
    matches: list[dict[str, Any]] | None = None,
) -> Inputs:
    """Inputs from frames that name parties, facilities and chips by numbers; `codes` say whose number is whose.

    `codes` have the columns number (Int32, at least 0) and code; only codes that the frames or the applications name
    become ranks.
    """
    applicants = {str(one.get("consumer")) for one in applications or []}
    ranks = {name: _ranks(name, frames, codes[name], applicants) for name in _DICTIONARIES}
    found: dict[str, pl.DataFrame] = {}
    for name, of in RANKS.items():
        table = frames.get(name, empty(name))
        replaced = [
            pl.Series(column, ranks[target][1][table[column].fill_null(-1).to_numpy()], pl.Int32)
            for column, target in of.items()
        ]
        table = table.with_columns(replaced).with_columns(
            pl.when(pl.col(column) < 0).then(None).otherwise(pl.col(column)).alias(column) for column in of
        )
        found[name] = table.select(list(COLUMNS[name]))
    found["use"] = found["use"].sort(USE_KEY)
    for name, (table, _) in ranks.items():
        found[name] = table
    return Inputs(**found, has_settled=has_settled, applications=applications or [], matches=matches or [])


def _ranks(
    name: str, frames: Mapping[str, pl.DataFrame], codes: pl.DataFrame, applicants: set[str]
) -> tuple[pl.DataFrame, npt.NDArray[np.int32]]:
    """The sorted list of codes that the frames name, and number -> rank (-1 for numbers nobody names)."""
    largest = int(codes["number"].max() or 0)  # type: ignore[arg-type]
    named = np.zeros(largest + 2, bool)
    for table_name, of in RANKS.items():
        for column, target in of.items():
            if target == name and table_name in frames:
                named[frames[table_name][column].drop_nulls().to_numpy()] = True
    if name == "parties":
        named[codes.filter(pl.col("code").is_in(sorted(applicants)))["number"].to_numpy()] = True
    listed = codes.filter(pl.Series(named[codes["number"].to_numpy()])).sort("code")
    rank = np.full(largest + 2, -1, np.int32)  # the last place answers for "none", number -1
    rank[listed["number"].to_numpy()] = np.arange(listed.height, dtype=np.int32)
    table = pl.DataFrame(
        {
            _FIRST_COLUMN[name]: pl.Series(np.arange(listed.height, dtype=np.int32)),
            _DICTIONARIES[name]: listed["code"],
        },
        schema=dict(COLUMNS[name]),
    )
    return table, rank


def _with(codes: pl.DataFrame, more: set[str]) -> pl.DataFrame:
    """The codes and those that are new, numbered behind the last."""
    fresh = sorted(more - set(codes["code"].to_list()))
    first = int(codes["number"].max() or 0) + 1  # type: ignore[arg-type]
    return pl.concat([codes, pl.DataFrame({"number": range(first, first + len(fresh)), "code": fresh}, codes.schema)])


def _crossed(conflicts: pl.DataFrame) -> pl.DataFrame:
    """Each consumer of either version with the span of each version; a void version has neither."""
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
