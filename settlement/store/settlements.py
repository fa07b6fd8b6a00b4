"""Settlements: kept with a number of their round, and read back in the contract's shapes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from meter.database.locks import AdvisoryLock
from settlement.errors import SettlementRefused
from settlement.rounds import load_rounds
from settlement.store.inputs import head_at


@dataclass(frozen=True)
class NewSettlement:
    """A settlement as it is to be kept; `fingerprint` stands for everything that it follows from."""

    round: str
    as_of: int
    order: Mapping[str, Any]
    readings: Mapping[str, Any]
    matches: Sequence[Mapping[str, Any]]
    applications: Sequence[Mapping[str, Any]]
    match_lines: Sequence[Mapping[str, Any]]
    totals: Mapping[str, int]
    receipt: Mapping[str, Any]
    digest: str
    fingerprint: bytes
    adjusts: str | None
    run_by: str
    created_at: datetime


async def list_settlements(
    connection: asyncpg.Connection,
    *,
    round: str | None = None,
    status: str | None = None,
    before: tuple[str, str] | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Return settlements, newest first; `before` is (created_at, id) of the last one seen."""
    moment = datetime.fromisoformat(before[0]) if before else None
    rows = await connection.fetch(
        """select * from settlement where ($1::text is null or round = $1) and ($2::text is null or status = $2)
           and ($3::timestamptz is null or (created_at, id) < ($3, $4)) order by created_at desc, id desc limit $5""",
        round, status, moment, before[1] if before else "", limit,
    )  # fmt: skip
    return [_shown(row) for row in rows]


async def get_settlement(connection: asyncpg.Connection, settlement: str) -> dict[str, Any] | None:
    """Return one settlement with its receipt and what happened to it, or None."""
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


async def adjustments_of(connection: asyncpg.Connection, settlement: str) -> list[dict[str, Any]]:
    """Return the settlements that stand on this one, oldest first."""
    rows = await connection.fetch("select * from settlement where adjusts = $1 order by created_at, id", settlement)
    return [_shown(row) for row in rows]


async def settled_in(
    connection: asyncpg.Connection, uscc: str, batch: int, started: datetime, ended: datetime
) -> list[dict[str, Any]]:
    """Return the settlements that know a batch, have a line of its consumer, and whose window a record touches."""
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


async def stored_settlement(connection: asyncpg.Connection, settlement: str) -> asyncpg.Record:
    """Return the row of a settlement. Raises SettlementRefused UNKNOWN_SETTLEMENT."""
    row = await connection.fetchrow("select * from settlement where id = $1", settlement)
    if row is None:
        raise SettlementRefused("UNKNOWN_SETTLEMENT", f"there is no settlement {settlement!r}")
    return row


async def last_locked(connection: asyncpg.Connection, of_round: str) -> str | None:
    """Return the newest locked settlement of a round, on which whatever comes next stands."""
    found = await connection.fetchval(
        """select id from settlement s where round = $1 and status in ('locked', 'paid') and not exists
           (select from settlement n where n.adjusts = s.id and n.status in ('locked', 'paid'))""",
        of_round,
    )
    return None if found is None else str(found)


async def hold_numbering(connection: asyncpg.Connection) -> None:
    """Wait until nobody else gives a settlement its number, and keep it so until the transaction ends."""
    await connection.execute(f"select pg_advisory_xact_lock({AdvisoryLock.NUMBERING_SETTLEMENTS})")


async def settlement_with(connection: asyncpg.Connection, fingerprint: bytes) -> str | None:
    """Return the settlement that follows from the same things, if there is one that is not cancelled."""
    known = await connection.fetchval(
        "select id from settlement where fingerprint = $1 and status <> 'cancelled'", fingerprint
    )
    return None if known is None else str(known)


async def insert_settlement(connection: asyncpg.Connection, new: NewSettlement) -> str:
    """Write a settlement under the next number of its round; the number. The numbering must be held."""
    count = await connection.fetchval("select count(*) from settlement where round = $1", new.round)
    number = f"{new.round}-{count + 1:04d}"
    await connection.execute(
        """insert into settlement (id, round, status, as_of, payment_order, readings, matches, applications,
           match_lines, totals, receipt, digest, fingerprint, adjusts, run_by, created_at)
           values ($1, $2, 'computed', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)""",
        number, new.round, new.as_of, _json(new.order), _json(new.readings), _json(new.matches),
        _json(new.applications), _json(new.match_lines), _json(new.totals), _json(new.receipt), new.digest,
        new.fingerprint, new.adjusts, new.run_by, new.created_at,
    )  # fmt: skip
    return number


async def state_of(connection: asyncpg.Connection, settlement: str) -> tuple[str, str] | None:
    """Return digest and status of a settlement, or None."""
    row = await connection.fetchrow("select digest, status from settlement where id = $1", settlement)
    return None if row is None else (row["digest"], row["status"])


class Basis(NamedTuple):
    """What a settlement stands on: its digest, and that of the journal's chain at the batch it is as of."""

    digest: str
    journal: str | None


async def basis_of(connection: asyncpg.Connection, settlement: str) -> Basis:
    """Return what a settlement stands on, as it is now. Raises SettlementRefused UNKNOWN_SETTLEMENT."""
    row = await stored_settlement(connection, settlement)
    _, journal = await head_at(connection, row["as_of"])
    return Basis(row["digest"], journal)


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


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
