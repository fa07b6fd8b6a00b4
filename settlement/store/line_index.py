"""Which lines of a settlement a filter finds, in which order, and what they come to; and lines by their codes."""

from __future__ import annotations

from typing import Any, Final

import asyncpg

from meter.database.sums import with_sums
from meter.regions import region_prefix

ORDERS: Final = {
    "code": "uscc",
    "due": "coalesce(adjustment_fen, payable_fen) desc, uscc",
    "award": "award_fen desc, uscc",
    "held": "held_fen desc, uscc",
    "name": "name, uscc",
    "city": "left(region, 4) nulls last, uscc",
}
"""How a list can be sorted, and what that is in the database."""
_SUMS: Final = """count(*) as lines, coalesce(sum(award_fen), 0) as award_fen,
    coalesce(sum(held_fen), 0) as held_fen, coalesce(sum(payable_fen), 0) as payable_fen,
    coalesce(sum(coalesce(adjustment_fen, payable_fen)), 0) as adjustment_fen,
    coalesce(sum(greatest(coalesce(adjustment_fen, payable_fen), 0)), 0) as due_fen,
    coalesce(sum(greatest(-adjustment_fen, 0)), 0) as back_fen,
    count(*) filter (where payable_fen > 0) as payable_lines, count(*) filter (where held_fen > 0) as held_lines"""


async def line_index(
    connection: asyncpg.Connection,
    settlement: str,
    *,
    region: str | None = None,
    status: str | None = None,
    q: str | None = None,
    order: str = "code",
    reason: str | None = None,
) -> dict[str, Any]:
    """Return the codes of the lines that a filter finds, in order, and sums over them.

    `status` is an outcome, `held` (every line that holds something) or `due` (every line with money to move now).
    `due_fen` is what goes out now: a line that was settled before counts with what it gets on top. `back_fen` is what
    comes back.
    """
    row = await connection.fetchrow(
        f"""select array_agg(uscc order by {ORDERS[order]}) as codes, {_SUMS} from settlement_line
            where settlement = $1 and ($2::text is null or starts_with(region, $2))
            and ($3::text is null or case $3 when 'held' then held_fen > 0
                 when 'due' then coalesce(adjustment_fen, payable_fen) <> 0 else outcome = $3 end)
            and ($4::text is null or strpos(lower(name), lower($4)) > 0 or strpos(uscc, upper($4)) > 0)
            and ($5::text is null or strpos(line::text, '"' || $5 || '"') > 0)""",
        settlement, region_prefix(region) if region else None, status, q or None, reason,
    )  # fmt: skip
    assert row is not None
    return {**with_sums(row), "codes": row["codes"] or []}


async def lines_called(connection: asyncpg.Connection, settlement: str, codes: list[str]) -> list[dict[str, Any]]:
    """Return these lines, in this order; one that is not there is left out."""
    rows = await connection.fetch(
        "select uscc, line from settlement_line where settlement = $1 and uscc = any($2)", settlement, codes
    )
    found = {row["uscc"]: row["line"] for row in rows}
    return [found[code] for code in codes if code in found]
