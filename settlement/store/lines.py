"""The lines of settlements: written with their settlement, read by city, by code and for digests."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import asyncpg
import polars as pl

from meter.database.errors import UNREACHABLE
from meter.database.sums import with_sums
from meter.regions import region_prefix

LINES_AT_ONCE = 10_000
_PAGE = 2000
_INSERTED_AT_ONCE = 2000  # what unnest makes of these stays in memory
# a line as it is stored: what it is filtered by, the contract's line and what its steps follow from, as JSON
STORED: Final = {
    "uscc": pl.String,
    "name": pl.String,
    "region": pl.String,
    "outcome": pl.String,
    "award_fen": pl.Int64,
    "held_fen": pl.Int64,
    "payable_fen": pl.Int64,
    "adjustment_fen": pl.Int64,
    "line": pl.String,
    "working": pl.String,
}
_COLUMNS = ", ".join(f"string_to_array(${place}, chr(31), '')::{kind}[]" for place, kind in enumerate((
    "text", "text", "text", "bigint", "bigint", "bigint", "bigint", "text", "text"), 3))  # fmt: skip
# A column goes as one text, which the server takes apart, where no value has a control character or is empty
_INSERT = f"""insert into settlement_line (settlement, name, uscc, region, outcome, award_fen, held_fen,
    payable_fen, adjustment_fen, line, working)
    select $1, name, uscc, region, outcome, award, held, payable, adjustment, line::json, working::json
    from unnest($2::text[], {_COLUMNS})
    as l (name, uscc, region, outcome, award, held, payable, adjustment, line, working)"""
_DIGESTED = """json_build_array(uscc, name, region, outcome, award_fen, held_fen, payable_fen, adjustment_fen,
    line::text, working::text)::text"""


async def list_lines(
    connection: asyncpg.Connection,
    settlement: str,
    *,
    region: str | None = None,
    status: str | None = None,
    q: str | None = None,
    after: str = "",
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Return lines in order of code; `region` is a filter as meter/regions.py reads it, `q` a part of name or code.

    `status` held: every line with money that waits, whether or not some of it is payable.
    """
    rows = await connection.fetch(
        """select line from settlement_line where settlement = $1 and uscc > $2
           and ($3::text is null or starts_with(region, $3))
           and ($4::text is null or case $4 when 'held' then held_fen > 0 else outcome = $4 end)
           and ($5::text is null or strpos(lower(name), lower($5)) > 0 or strpos(uscc, upper($5)) > 0)
           order by uscc limit $6""",
        settlement, after, region_prefix(region) if region else None, status, q or None, limit,
    )  # fmt: skip
    return [row["line"] for row in rows]


async def cities_of(connection: asyncpg.Connection, settlement: str) -> list[dict[str, Any]]:
    """Return what each city's lines come to, in order of code; None stands for entities without a seat on record."""
    rows = await connection.fetch(
        """select suanbu_city(region) as city, count(*) as lines, sum(payable_fen) as payable_fen,
           sum(held_fen) as held_fen, -- told from the text: parsing the lines of a whole province takes long
           count(*) filter (where strpos(line::text, '"flags": []') = 0) as flagged
           from settlement_line where settlement = $1 group by 1 order by 1 nulls last""",
        settlement,
    )
    return [with_sums(row) for row in rows]


async def stored_line(
    connection: asyncpg.Connection, settlement: str, uscc: str
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return one line in the shape of the contract and its working as it is kept, or None."""
    row = await connection.fetchrow(
        "select line, working from settlement_line where settlement = $1 and uscc = $2", settlement, uscc
    )
    return None if row is None else (row["line"], row["working"])


def laid_out(lines: pl.DataFrame) -> Iterator[tuple[int, list[str], list[str]]]:
    """Yield some lines (columns STORED, `line` and `working` as JSON text) as INSERT takes them, portions at a time.

    Of a portion: how many lines it has, their names, and every other column as one text.
    """
    assert lines.columns == list(STORED)
    for some in lines.iter_slices(_INSERTED_AT_ONCE):
        whole = some.select(pl.exclude("name").cast(pl.String).fill_null("").str.join("\x1f")).row(0)
        yield some.height, some["name"].to_list(), list(whole)


async def insert_lines(
    connection: asyncpg.Connection, settlement: str, portion: tuple[int, list[str], list[str]]
) -> None:
    """Write a portion of a settlement's lines.

    Row security, which COPY does not go through, holds for stored lines as well.
    """
    _, names, columns = portion
    await connection.execute(_INSERT, settlement, names, *columns)


async def count_lines(connection: asyncpg.Connection) -> None:
    """Let the planner know how many lines there are now: it is not asked about a settlement it has never heard of.

    The lines are stored by then, whatever becomes of this; the server counts them by itself, only later.
    """
    with contextlib.suppress(*UNREACHABLE):
        await connection.execute("select settlement_lines_counted()")


async def stored_texts(connection: asyncpg.Connection, settlement: str) -> AsyncIterator[pl.DataFrame]:
    """Yield the lines as they are stored (columns STORED), in the order of bytes of their codes, portions at a time."""
    after = ""
    while rows := await connection.fetch(
        f"""select uscc, name, region, outcome, award_fen, held_fen, payable_fen, adjustment_fen, line::text,
            working::text from settlement_line where settlement = $1 and uscc ~>~ $2
            order by uscc using ~<~ limit {LINES_AT_ONCE}""",
        settlement, after,
    ):  # fmt: skip
        columns = zip(*rows, strict=True)
        yield pl.DataFrame({name: list(values) for name, values in zip(STORED, columns, strict=True)}, schema=STORED)
        after = rows[-1]["uscc"]


async def workings(connection: asyncpg.Connection, settlement: str) -> AsyncIterator[list[tuple[str, Any, Any]]]:
    """Yield each line's code, the line and its working as it is kept, in the order of bytes, portions at a time."""
    after = ""
    while rows := await connection.fetch(
        f"""select uscc, line, working from settlement_line where settlement = $1 and uscc ~>~ $2
            order by uscc using ~<~ limit {_PAGE}""",
        settlement, after,
    ):  # fmt: skip
        yield [(row["uscc"], row["line"], row["working"]) for row in rows]
        after = rows[-1]["uscc"]


async def digested_lines(connection: asyncpg.Connection, settlement: str) -> AsyncIterator[list[tuple[str, str]]]:
    """Yield each line's code and the text that its digest is made over, in the order of bytes, portions at a time."""
    after = ""
    while rows := await connection.fetch(
        f"""select uscc, {_DIGESTED} as text from settlement_line where settlement = $1 and uscc ~>~ $2
            order by uscc using ~<~ limit {_PAGE}""",
        settlement, after,
    ):  # fmt: skip
        yield [(row["uscc"], row["text"]) for row in rows]
        after = rows[-1]["uscc"]


async def digested_line(connection: asyncpg.Connection, settlement: str, uscc: str) -> str | None:
    """The text that the digest of one line is made over, or None."""
    found = await connection.fetchval(
        f"select {_DIGESTED} from settlement_line where settlement = $1 and uscc = $2", settlement, uscc
    )
    return None if found is None else str(found)


async def payable_of_all(connection: asyncpg.Connection, settlement: str) -> dict[str, int]:
    """Return entity code -> what a settlement pays it, in fen."""
    rows = await connection.fetch("select uscc, payable_fen from settlement_line where settlement = $1", settlement)
    return {row["uscc"]: row["payable_fen"] for row in rows}


async def groups_of_all(connection: asyncpg.Connection, settlement: str) -> list[tuple[str, str | None]]:
    """Return each entity code with the code of its group."""
    rows = await connection.fetch(
        "select uscc, line ->> 'group' as head from settlement_line where settlement = $1", settlement
    )
    return [(row["uscc"], row["head"]) for row in rows]
