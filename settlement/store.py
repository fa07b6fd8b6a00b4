"""Reading settlements back, in the contract's shapes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from settlement.rounds import load_rounds

STATUSES_OF_LINES = ("payable", "held", "nothing")


async def list_settlements(
    connection: asyncpg.Connection,
    *,
    round: str | None = None,
    status: str | None = None,
    before: tuple[str, str] | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Settlements, newest first; `before` is (created_at, id) of the last one seen."""
    moment = datetime.fromisoformat(before[0]) if before else None
    rows = await connection.fetch(
        """select * from settlement where ($1::text is null or round = $1) and ($2::text is null or status = $2)
           and ($3::timestamptz is null or (created_at, id) < ($3, $4)) order by created_at desc, id desc limit $5""",
        round, status, moment, before[1] if before else "", limit,
    )  # fmt: skip
    return [_shown(row) for row in rows]


async def get_settlement(connection: asyncpg.Connection, settlement: str) -> dict[str, Any] | None:
    """One settlement with its receipt and what happened to it, or None."""
    row = await connection.fetchrow("select * from settlement where id = $1", settlement)
    if row is None:
        return None
    events = await connection.fetch(
        "select id, event, actor, at, detail from settlement_event where settlement = $1 order by id", settlement
    )
    return _shown(row) | {
        "receipt": row["receipt"],
        "matches": row["match_lines"],
        "events": [
            {"id": e["id"], "event": e["event"], "actor": e["actor"], "at": e["at"].isoformat(), "detail": e["detail"]}
            for e in events
        ],
    }


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
    """Lines in order of code; `region` is a city (its districts included) or a district, `q` a part of name or code."""
    city = region[:4] if region and region.endswith("00") else region
    rows = await connection.fetch(
        """select line from settlement_line where settlement = $1 and uscc > $2
           and ($3::text is null or starts_with(region, $3)) and ($4::text is null or outcome = $4)
           and ($5::text is null or strpos(lower(name), lower($5)) > 0 or strpos(uscc, upper($5)) > 0)
           order by uscc limit $6""",
        settlement, after, city, status, q or None, limit,
    )  # fmt: skip
    return [row["line"] for row in rows]


async def cities_of(connection: asyncpg.Connection, settlement: str) -> list[dict[str, Any]]:
    """What each city's lines come to, in order of code; None stands for who has no seat on record."""
    rows = await connection.fetch(
        """select suanbu_city(region) as city, count(*) as lines, sum(payable_fen)::bigint as payable_fen,
           sum(held_fen)::bigint as held_fen, -- told from the text: parsing the lines of a whole province takes long
           count(*) filter (where strpos(line::text, '"flags": []') = 0) as flagged
           from settlement_line where settlement = $1 group by 1 order by 1 nulls last""",
        settlement,
    )
    return [dict(row) for row in rows]


async def adjustments_of(connection: asyncpg.Connection, settlement: str) -> list[dict[str, Any]]:
    """The settlements that stand on this one, oldest first."""
    rows = await connection.fetch("select * from settlement where adjusts = $1 order by created_at, id", settlement)
    return [_shown(row) for row in rows]


async def get_line(connection: asyncpg.Connection, settlement: str, uscc: str) -> dict[str, Any] | None:
    """One line with its steps and its excluded use, or None."""
    row = await connection.fetchrow(
        "select line, working from settlement_line where settlement = $1 and uscc = $2", settlement, uscc
    )
    return None if row is None else row["line"] | row["working"]


async def excluded_of_all(connection: asyncpg.Connection, settlement: str) -> dict[str, list[dict[str, Any]]]:
    """Entity code -> its excluded use, for reports."""
    rows = await connection.fetch(
        "select uscc, working -> 'excluded' as excluded from settlement_line where settlement = $1 order by uscc",
        settlement,
    )
    return {row["uscc"]: row["excluded"] for row in rows}


async def settled_in(
    connection: asyncpg.Connection, uscc: str, batch: int, started: datetime, ended: datetime
) -> list[dict[str, Any]]:
    """The settlements that know a batch, have a line of its consumer, and whose window a record touches."""
    rows = await connection.fetch(
        """select s.id, s.round, s.status from settlement s join settlement_line l on l.settlement = s.id
           where l.uscc = $1 and s.as_of >= $2 and s.status <> 'cancelled' order by s.created_at, s.id""",
        uscc, batch,
    )  # fmt: skip
    first, end = int(started.timestamp()), int(ended.timestamp())
    touched = {
        name
        for name, one in load_rounds().items()
        if (window := one.window_seconds) and first < window[1] and (window[0] < end or window[0] <= first == end)
    }
    return [{"settlement": row["id"], "status": row["status"]} for row in rows if row["round"] in touched]


def _shown(row: asyncpg.Record) -> dict[str, Any]:
    return {
        "id": row["id"],
        "round": row["round"],
        "status": row["status"],
        "as_of": row["as_of"],
        "order": row["payment_order"],
        "readings": row["readings"],
        "totals": row["totals"],
        "digest": row["digest"],
        "adjusts": row["adjusts"],
        "run_by": row["run_by"],
        "created_at": row["created_at"].isoformat(),
    }
