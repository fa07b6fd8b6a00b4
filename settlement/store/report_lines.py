"""The lines of a settlement as its report reads them: how many there are, and block after block in order of code."""

from __future__ import annotations

import asyncpg
import polars as pl

from meter.regions import region_prefix

BLOCK_LINES = 2_000
_OF_REGION = "settlement = $1 and ($2::text is null or starts_with(region, $2))"
BLOCK = {"uscc": pl.String, "line": pl.String, "told": pl.String, "parts": pl.String}


async def lines_counted(connection: asyncpg.Connection, settlement: str, region: str | None) -> tuple[int, bool]:
    """Return how many lines there are, and whether any has the difference from an earlier settlement."""
    row = await connection.fetchrow(
        f"""select count(*) as lines, coalesce(bool_or(adjustment_fen is not null), false) as adjusted
            from settlement_line where {_OF_REGION}""",
        settlement, region_prefix(region) if region else None,
    )  # fmt: skip
    return row["lines"], row["adjusted"]


async def line_block(
    connection: asyncpg.Connection, settlement: str, region: str | None, after: str, *, excluded: bool
) -> pl.DataFrame:
    """Return the next lines behind a code, as JSON texts; with `excluded`, what is kept of their uncounted use.

    Of that, a draft's lines keep what is shown (`told`), others the values it follows from (`parts`).
    """
    kept = "working -> 'excluded', working -> 'parts'" if excluded else "null::json, null::json"
    rows = await connection.fetch(
        f"""select uscc, line::text, told::text, parts::text
            from (select uscc, line, {kept} from settlement_line where {_OF_REGION} and uscc > $3
                  order by uscc limit {BLOCK_LINES}) as l (uscc, line, told, parts) order by uscc""",
        settlement, region_prefix(region) if region else None, after,
    )  # fmt: skip
    columns = zip(*rows, strict=True) if rows else ((),) * len(BLOCK)
    return pl.DataFrame({name: list(values) for name, values in zip(BLOCK, columns, strict=True)}, schema=BLOCK)
