"""Jobs in the database: the functions that change them, and reading them back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import asyncpg

from api.queue.job import Asker, Job, Output

EXACT = "decimal\u00a0"  # a name that no field has
DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?(E[-+]?[0-9]{1,18})?")
ASKED_CHANNEL, JOB_CHANNEL = "suanbu_jobs", "suanbu_job"


@dataclass(frozen=True)
class Wanted:
    """A job that is asked for; `joins`: never another one, one that waits ("queued"), or one not ended ("open")."""

    kind: str
    lane: str
    joins: str
    parameters: Mapping[str, Any]
    output: Output | None = None


async def ask(connection: asyncpg.Connection, wanted: Wanted, open_max: int) -> int:
    """Queue a job of whoever acts on this connection; its number. Raises CheckViolationError TOO_MANY_JOBS."""
    output = wanted.output
    return int(
        await connection.fetchval(
            "select public.job_ask($1, $2, $3, $4, $5, $6, $7)",
            wanted.kind, wanted.lane, json.dumps(wanted.parameters, ensure_ascii=False, default=_tagged),
            wanted.joins,
            output.media_type if output else None, output.file_name if output else None, open_max,
        )
    )  # fmt: skip


async def get(connection: asyncpg.Connection, number: int) -> Job | None:
    """One job, if whoever acts sees it."""
    row = await connection.fetchrow("select * from public.job where id = $1", number)
    return None if row is None else _job(row)


async def list_jobs(
    connection: asyncpg.Connection,
    *,
    asked_by: str | None = None,
    kind: str | None = None,
    state: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Job]:
    """Jobs, the newest first: those of one asker, or all that whoever acts sees."""
    rows = await connection.fetch(
        """select * from public.job where ($1::text is null or asked_by = $1) and ($2::text is null or kind = $2)
           and ($3::text is null or state = $3) and ($4::bigint is null or id < $4) order by id desc limit $5""",
        asked_by, kind, state, before, limit,
    )  # fmt: skip
    return [_job(row) for row in rows]


async def cancel(connection: asyncpg.Connection, number: int) -> bool:
    """End a job before it has an effect; False where it has ended already, or is not to be seen."""
    return bool(await connection.fetchval("select public.job_cancel($1)", number))


async def claim(
    connection: asyncpg.Connection, lanes: Sequence[str], worker: str, lease_ms: int, attempts_max: int
) -> Job | None:
    """Lease the next job of the first of these lanes that has one."""
    row = await connection.fetchrow(
        "select * from public.job_claim($1, $2, $3, $4)", list(lanes), worker, lease_ms, attempts_max
    )
    return None if row is None else _job(row)


async def beat(
    connection: asyncpg.Connection, job: Job, lease_ms: int, stage: str, done: int, total: int | None
) -> None:
    """Keep the lease and say how far it is. Raises CheckViolationError JOB_LOST where it is somebody else's."""
    await connection.execute(
        "select public.job_beat($1, $2, $3, $4, $5, $6)", job.id, job.fence, lease_ms, stage, done, total
    )


async def end(
    connection: asyncpg.Connection, job: Job, state: str, result: Any = None, error: Mapping[str, Any] | None = None
) -> None:
    """End a job under its fence, in the transaction at hand. Raises CheckViolationError JOB_LOST."""
    await connection.execute(
        "select public.job_end($1, $2, $3, $4, $5)", job.id, job.fence, state,
        _json(result) if state == "done" else None, None if error is None else _json(error),
    )  # fmt: skip


async def release(connection: asyncpg.Connection, job: Job, *, counted: bool) -> None:
    """Hand a job back: as if it had not begun, or as an attempt that counts. Raises CheckViolationError JOB_LOST."""
    await connection.execute("select public.job_release($1, $2, $3)", job.id, job.fence, counted)


async def put(connection: asyncpg.Connection, job: Job, place: int, piece: bytes) -> None:
    """Append a piece of output. Raises CheckViolationError JOB_LOST.

    It is not waited for until it is on the disk: the end of the job is, and that comes after it in the log.
    """
    async with connection.transaction(isolation="read_committed"):
        await connection.execute("set local synchronous_commit = off")
        await connection.execute("select public.job_put($1, $2, $3, $4)", job.id, job.fence, place, piece)


async def pieces(connection: asyncpg.Connection, job: int, fence: int, first: int, limit: int) -> list[bytes]:
    """Pieces of output from a place on, in order, as far as they are there."""
    rows = await connection.fetch(
        """select bytes from public.job_output where job = $1 and fence = $2 and seq >= $3 order by seq limit $4""",
        job, fence, first, limit,
    )  # fmt: skip
    return [row["bytes"] for row in rows]


async def forget(connection: asyncpg.Connection, output_minutes: int, job_days: int) -> None:
    """Let go of output that ended so long ago, and of jobs."""
    await connection.execute("select public.job_forget($1, $2)", output_minutes, job_days)


async def open_by_kind(connection: asyncpg.Connection) -> tuple[dict[tuple[str, str], int], float]:
    """How many jobs of a kind are queued and running, and for how many seconds the oldest has been waiting."""
    rows = await connection.fetch(
        """select kind, state, count(*) as jobs,
           coalesce(extract(epoch from now() - min(asked_at)), 0)::float8 as age
           from job where ended_at is null group by kind, state"""
    )
    ages = [row["age"] for row in rows if row["state"] == "queued"]
    return {(row["kind"], row["state"]): row["jobs"] for row in rows}, max([0.0, *ages])


async def tally(connection: asyncpg.Connection) -> list[tuple[str, str, int, float, float]]:
    """By kind and how they ended: how many jobs there ever were, their seconds of waiting, and of work."""
    rows = await connection.fetch("select * from job_tally")
    return [(row["kind"], row["state"], row["jobs"], row["waited_ms"] / 1000, row["worked_ms"] / 1000) for row in rows]


async def last_done(connection: asyncpg.Connection, kind: str) -> datetime | None:
    """Return when a job of a kind was last done, of those that are not forgotten yet."""
    found: datetime | None = await connection.fetchval(
        "select max(ended_at) from job where kind = $1 and state = 'done'", kind
    )
    return found


def _job(row: asyncpg.Record) -> Job:
    return Job(
        id=row["id"],
        kind=row["kind"],
        lane=row["lane"],
        parameters=row["parameters"],
        asked=Asker(row["asked_by"], frozenset(row["scopes"]), row["city"]),
        output=Output(row["media_type"], row["file_name"]) if row["media_type"] else None,
        state=row["state"],
        stage=row["stage"],
        done=row["done"],
        total=row["total"],
        result=row["result"],
        error=row["error"],
        attempts=row["attempts"],
        fence=row["fence"],
        worker=row["worker"],
        asked_at=row["asked_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
    )


def exactly(value: Any) -> Any:
    """Parameters as they were asked for: a number with a point is the decimal that was written."""
    if isinstance(value, dict):
        if value.keys() == {EXACT} and isinstance(value[EXACT], str) and DECIMAL.fullmatch(value[EXACT]):
            return Decimal(value[EXACT])
        return {name: exactly(part) for name, part in value.items()}
    return [exactly(part) for part in value] if isinstance(value, list) else value


def _tagged(value: Any) -> dict[str, str]:
    """A decimal as JSON that is neither another number nor a text: which of them it is decides what is refused."""
    if not isinstance(value, Decimal):
        raise TypeError(f"a parameter of a job cannot be a {type(value).__name__}")
    return {EXACT: str(value)}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
