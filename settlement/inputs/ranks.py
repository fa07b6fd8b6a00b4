"""Inputs as ranks in the sorted lists of codes, instead of the numbers of a database.

Database numbers depend on the order of arrival; ranks in the sorted lists of codes do not. So the same facts give the
same inputs, whatever way they came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from meter.rollup.frames import USE_KEY
from settlement.inputs.frames import COLUMNS, RANKS, Inputs, empty

DICTIONARIES = {"parties": "uscc", "facilities": "code", "chips": "code"}
_FIRST_COLUMN = {"parties": "party", "facilities": "facility", "chips": "chip"}


def ranked(
    frames: Mapping[str, pl.DataFrame],
    codes: Mapping[str, pl.DataFrame],
    *,
    has_settled: bool = False,
    applications: list[dict[str, Any]] | None = None,
    matches: list[dict[str, Any]] | None = None,
) -> Inputs:
    """Return inputs from frames that name parties, facilities and chips by numbers; `codes` say whose number is whose.

    `codes` have the columns number (Int32, at least 0) and code; only codes that the frames or the applications name
    become ranks.
    """
    applicants = {str(one.get("consumer")) for one in applications or []}
    ranks = {name: _ranks(name, frames, codes[name], applicants) for name in DICTIONARIES}
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
    """Return the sorted list of codes that the frames name, and number -> rank (-1 for numbers nobody names)."""
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
            DICTIONARIES[name]: listed["code"],
        },
        schema=dict(COLUMNS[name]),
    )
    return table, rank
