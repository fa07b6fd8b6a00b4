"""Money that waits or was refused, by reason: what a work list of releases begins with."""

from __future__ import annotations

from typing import Any

import asyncpg

from meter.database.sums import with_sums


async def held_by_reason(connection: asyncpg.Connection, settlement: str, codes: list[str]) -> list[dict[str, Any]]:
    """Return for each of these reasons how many lines carry it, what they hold and pay, and in how many cities.

    A line with several reasons counts under each: its money comes only when all of them are gone.
    """
    rows = await connection.fetch(
        """select r.code, count(*) as lines, sum(l.held_fen) as held_fen,
           sum(l.payable_fen) as payable_fen, count(distinct suanbu_city(l.region)) as cities
           from settlement_line l cross join lateral json_array_elements_text(l.line -> 'reasons') r (code)
           where l.settlement = $1 and r.code = any($2) group by r.code order by held_fen desc, r.code""",
        settlement, codes,
    )  # fmt: skip
    return [with_sums(row) for row in rows]
