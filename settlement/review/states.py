"""Moving a settlement from state to state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.rollup.store import driver

REACHES: Mapping[str, str] = {
    "submit": "submitted",
    "approve": "approved",
    "publish": "published",
    "lock": "locked",
    "cancel": "cancelled",
}


class NotPossible(Exception):
    """A decision that the settlement's state, or the two-person rule, does not allow."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


async def move(
    engine: AsyncEngine, settlement: str, event: str, *, actor: str, moment: datetime, detail: Mapping[str, Any]
) -> str:
    """Apply an event (submit, review, approve, publish, objection, lock, cancel); the state reached.

    Raises NotPossible: NO_SUCH_SETTLEMENT, STATE_NOT_ALLOWED, SAME_PERSON, NOT_PAYABLE, DIGEST_CHANGED, ROUND_LOCKED.
    """
    async with engine.connect() as held:
        connection = await driver(held)
        try:
            async with connection.transaction():
                return await _move(connection, settlement, event, actor, moment, detail)
        except asyncpg.CheckViolationError as refusal:
            raise NotPossible(*_reason(str(refusal))) from None
        except asyncpg.UniqueViolationError:
            raise NotPossible(
                "ROUND_LOCKED", "another settlement of this round was locked since this one was computed: run it again"
            ) from None


async def _move(
    connection: asyncpg.Connection, settlement: str, event: str, actor: str, moment: datetime, detail: Mapping[str, Any]
) -> str:
    row = await connection.fetchrow("select * from settlement where id = $1 for update", settlement)
    if row is None:
        raise NotPossible("NO_SUCH_SETTLEMENT", f"there is no settlement {settlement!r}")
    if event == "approve":
        _check_payable(row, detail)
    await connection.execute(
        "insert into settlement_event (settlement, event, actor, at, detail) values ($1, $2, $3, $4, $5)",
        settlement, event, actor, moment, json.dumps({**detail, "digest": row["digest"]}, ensure_ascii=False),
    )  # fmt: skip
    reached = await _reached(connection, row, event, detail)
    if reached != row["status"]:
        await connection.execute("update settlement set status = $2 where id = $1", settlement, reached)
    if event == "lock":
        await _instruct(connection, row, moment)
    return reached


def _check_payable(row: asyncpg.Record, detail: Mapping[str, Any]) -> None:
    order = row["payment_order"]
    if "rate" not in order:
        raise NotPossible("NOT_PAYABLE", "a forecast or a draft is never paid: run the settlement with a rate")
    bound = detail.get("approved_digest")
    if bound is not None and bound != row["digest"]:
        raise NotPossible("DIGEST_CHANGED", "the digest to be approved is not that of this settlement")


async def _reached(connection: asyncpg.Connection, row: asyncpg.Record, event: str, detail: Mapping[str, Any]) -> str:
    if event == "review":
        if row["status"] not in ("submitted", "reviewed"):
            raise NotPossible("STATE_NOT_ALLOWED", f"a settlement that is {row['status']} is not reviewed")
        if detail["decision"] == "return":
            return "computed"
        return "reviewed" if not await _cities_waiting(connection, row["id"]) else str(row["status"])
    if event == "objection":
        if row["status"] != "published":
            raise NotPossible("STATE_NOT_ALLOWED", "objections are raised while the public notice stands")
        return str(row["status"])
    return REACHES[event]


async def _cities_waiting(connection: asyncpg.Connection, settlement: str) -> list[str]:
    """Cities with lines that have not passed review since the settlement was last submitted."""
    rows = await connection.fetch(
        """with passed as (
               select detail ->> 'city' as city from settlement_event
               where settlement = $1 and event = 'review' and detail ->> 'decision' = 'pass' and id > (
                   select coalesce(max(id), 0) from settlement_event where settlement = $1 and event = 'submit'))
           select distinct left(region, 4) || '00' as city from settlement_line
           where settlement = $1 and region is not null
           and not exists (select from passed where city is null or city = left(region, 4) || '00')""",
        settlement,
    )
    return sorted(row["city"] for row in rows)


async def _instruct(connection: asyncpg.Connection, row: asyncpg.Record, moment: datetime) -> None:
    """One payout instruction for every line of a locked settlement that pays; the reference is stable for ever."""
    amount = "payable_fen" if row["adjusts"] is None else "adjustment_fen"
    await connection.execute(
        f"""insert into payout_instruction (settlement, uscc, amount_fen, reference, status, fence, created_at)
            select settlement, uscc, {amount}, 'SB-' || settlement || '-' || uscc, 'ready', 0, $2
            from settlement_line where settlement = $1 and {amount} > 0 order by uscc""",
        row["id"], moment,
    )  # fmt: skip


def _reason(refusal: str) -> tuple[str, str]:
    if "who ran or reviewed" in refusal or "who ran" in refusal:
        return "SAME_PERSON", refusal
    return "STATE_NOT_ALLOWED", refusal
