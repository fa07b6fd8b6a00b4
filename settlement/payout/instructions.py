"""Leasing instructions to workers and recording what became of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.rollup.store import driver

LEASE_SECONDS = 60
CLAIM_MAX = 1000
ALLOWED: Mapping[str, tuple[str, ...]] = {
    "submitted": ("leased", "submitted"),
    "paid": ("leased", "submitted", "paid"),
    "failed": ("leased", "submitted", "failed"),
    "returned": ("paid", "returned"),
}


class NotPossible(Exception):
    """A mark that the instruction's state or lease does not allow."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


async def claim(engine: AsyncEngine, worker: str, limit: int, actor: str, moment: datetime) -> list[dict[str, Any]]:
    """Lease up to `limit` instructions to a worker: those never leased, and those whose lease ran out.

    An instruction that was leased before comes with `ask_first`: the bank may have it already.
    """
    async with engine.connect() as held:
        connection = await driver(held)
        async with connection.transaction():
            rows = await connection.fetch(
                """with chosen as (
                       select id, status, fence from payout_instruction
                       where status = 'ready' or (status in ('leased', 'submitted') and leased_until < $1)
                       order by id limit $2 for update skip locked)
                   update payout_instruction i set worker = $3, fence = i.fence + 1, leased_until = $4,
                       status = case when i.status = 'submitted' then 'submitted' else 'leased' end
                   from chosen c where i.id = c.id returning i.*, c.status as before""",
                moment, min(limit, CLAIM_MAX), worker, moment + timedelta(seconds=LEASE_SECONDS),
            )  # fmt: skip
            await connection.copy_records_to_table(
                "payout_event",
                records=[
                    (row["id"], row["before"], row["status"], actor, moment, json.dumps({"worker": worker}))
                    for row in rows
                ],
                columns=["instruction", "before", "after", "actor", "at", "detail"],
            )
            accounts = await _accounts(connection, [row["uscc"] for row in rows])
    return [
        {**_shown(row), "ask_first": row["before"] != "ready", "account": accounts.get(row["uscc"])}
        for row in sorted(rows, key=lambda row: int(row["id"]))
    ]


async def mark(
    engine: AsyncEngine, instruction: int, after: str, *, said: Mapping[str, Any], actor: str, moment: datetime
) -> dict[str, Any]:
    """Record what became of an instruction: submitted, paid, failed, returned. Repeating a mark changes nothing.

    `said` may carry worker, fence, bank_reference and amount_fen. Raises NotPossible: NO_SUCH_INSTRUCTION,
    STATE_NOT_ALLOWED, LEASE_LOST, WRONG_AMOUNT, OTHER_BANK_REFERENCE.
    """
    async with engine.connect() as held:
        connection = await driver(held)
        async with connection.transaction():
            row = await connection.fetchrow("select * from payout_instruction where id = $1 for update", instruction)
            if row is None:
                raise NotPossible("NO_SUCH_INSTRUCTION", f"there is no payout instruction {instruction}")
            _check(row, after, said)
            before = row["status"]
            if before != after:
                row = await connection.fetchrow(
                    """update payout_instruction set status = $2, bank_reference = coalesce($3, bank_reference)
                       where id = $1 returning *""",
                    instruction, after, said.get("bank_reference"),
                )  # fmt: skip
                await connection.execute(
                    """insert into payout_event (instruction, before, after, actor, at, detail)
                       values ($1, $2, $3, $4, $5, $6)""",
                    instruction, before, after, actor, moment, json.dumps(dict(said), ensure_ascii=False),
                )  # fmt: skip
                if after == "paid":
                    await _finish(connection, row["settlement"], actor, moment)
    return _shown(row)


def _check(row: asyncpg.Record, after: str, said: Mapping[str, Any]) -> None:
    if row["status"] not in ALLOWED[after]:
        raise NotPossible("STATE_NOT_ALLOWED", f"an instruction that is {row['status']} does not become {after}")
    fence, worker = said.get("fence"), said.get("worker")
    if row["status"] in ("leased", "submitted") and (
        (fence is not None and fence != row["fence"]) or (worker is not None and worker != row["worker"])
    ):
        raise NotPossible("LEASE_LOST", "another worker has leased this instruction since")
    if said.get("amount_fen") not in (None, row["amount_fen"]):
        raise NotPossible("WRONG_AMOUNT", f"the instruction pays {row['amount_fen']} fen")
    reference = said.get("bank_reference")
    if row["bank_reference"] and reference and reference != row["bank_reference"] and after != "returned":
        raise NotPossible("OTHER_BANK_REFERENCE", "the bank's reference of this instruction is another")


async def _finish(connection: asyncpg.Connection, settlement: str, actor: str, moment: datetime) -> None:
    """The settlement is paid when its last instruction is."""
    open_left = await connection.fetchval(
        "select count(*) from payout_instruction where settlement = $1 and status <> 'paid'", settlement
    )
    status = await connection.fetchval("select status from settlement where id = $1 for update", settlement)
    if open_left == 0 and status == "locked":
        await connection.execute("update settlement set status = 'paid' where id = $1", settlement)
        await connection.execute(
            "insert into settlement_event (settlement, event, actor, at, detail) values ($1, 'paid', $2, $3, '{}')",
            settlement, actor, moment,
        )  # fmt: skip


async def list_instructions(
    connection: asyncpg.Connection,
    status: str | None,
    settlement: str | None,
    after: int,
    limit: int,
    *,
    reference: str | None = None,
) -> list[dict[str, Any]]:
    """Instructions in order of their numbers."""
    rows = await connection.fetch(
        """select * from payout_instruction where id > $1 and ($2::text is null or status = $2)
           and ($3::text is null or settlement = $3) and ($4::text is null or reference = $4) order by id limit $5""",
        after, status, settlement, reference, limit,
    )  # fmt: skip
    return [_shown(row) for row in rows]


async def _accounts(connection: asyncpg.Connection, codes: list[str]) -> dict[str, Any]:
    rows = await connection.fetch(
        """select distinct on (f.party) p.uscc, f.bank_account from entity_fact f join party p on p.id = f.party
           where p.uscc = any($1::text[]) and f.bank_account is not null
           order by f.party, f.valid_from desc nulls last, f.batch desc, f.ordinal desc""",
        codes,
    )
    return {row["uscc"]: row["bank_account"] for row in rows}


def _shown(row: asyncpg.Record) -> dict[str, Any]:
    return {
        "id": row["id"],
        "settlement": row["settlement"],
        "uscc": row["uscc"],
        "amount_fen": row["amount_fen"],
        "reference": row["reference"],
        "status": row["status"],
        "worker": row["worker"],
        "fence": row["fence"],
        "leased_until": row["leased_until"].isoformat() if row["leased_until"] else None,
        "bank_reference": row["bank_reference"],
    }
