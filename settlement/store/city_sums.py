"""What the lines of settlements come to by city, for pictures: use, supply, spend and money; awards by month."""

from __future__ import annotations

from typing import Any

import asyncpg

from meter.database.sums import with_sums

_QUANTITIES = ("consumed", "supplied", "net")


def _number(name: str) -> str:
    """Return a quantity of a line as a number: it is a decimal or a fraction as text, and a picture rounds it."""
    text = f"(line ->> '{name}_pflops_hours')"
    return f"(split_part({text}, '/', 1)::numeric / coalesce(nullif(split_part({text}, '/', 2), '')::numeric, 1))"


async def city_sums(connection: asyncpg.Connection, settlement: str) -> list[dict[str, Any]]:
    """Return sums by city in order of code; quantities in whole thousandths of a PFLOPS-hour, money in fen."""
    quantities = ", ".join(f"round(sum({_number(name)}) * 1000) as {name}" for name in _QUANTITIES)
    rows = await connection.fetch(
        f"""select suanbu_city(region) as city, count(*) as lines, {quantities},
            sum((line ->> 'eligible_expenditure_fen')::bigint) as spend_fen,
            sum((line ->> 'base_fen')::bigint) as base_fen, sum(award_fen) as award_fen,
            sum(held_fen) as held_fen, sum(payable_fen) as payable_fen
            from settlement_line where settlement = $1 group by 1 order by 1 nulls last""",
        settlement,
    )
    return [with_sums(row) for row in rows]


async def locked_in(connection: asyncpg.Connection) -> list[dict[str, Any]]:
    """Return every locked settlement with the month (Asia/Shanghai) in which it was locked first."""
    return [
        dict(row)
        for row in await connection.fetch(
            """select s.id, s.digest, (select to_char(min(e.at) at time zone 'Asia/Shanghai', 'YYYY-MM')
                      from settlement_event e where e.settlement = s.id and e.event = 'lock') as month
               from settlement s where s.status in ('locked', 'paid') order by s.id"""
        )
    ]


async def awarded_by_city(connection: asyncpg.Connection, settlement: str) -> list[dict[str, Any]]:
    """Return what a settlement awards by city: payable money, and of an adjustment what it adds or takes."""
    rows = await connection.fetch(
        """select suanbu_city(l.region) as city, sum(case when s.adjusts is null then l.payable_fen
                                                      else coalesce(l.adjustment_fen, l.payable_fen) end) as award_fen
           from settlement s join settlement_line l on l.settlement = s.id where s.id = $1
           group by 1 order by 1 nulls last""",
        settlement,
    )
    return [with_sums(row) for row in rows]
