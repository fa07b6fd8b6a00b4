"""Writing what no table's trigger writes, and reading the log back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver
from meter.database.scope import acting, on_behalf_of

_PAGE = 1_000  # what is held for somebody who does not read
_COLUMNS = "seq, at, actor, action, object, result, before, after, detail, digest"


async def note(
    engine: AsyncEngine, actor: str, action: str, about: str, result: str, detail: Mapping[str, Any] | None = None
) -> None:
    """Append one row, in a transaction of its own; the database refuses an actor who has not shown to be one."""
    with acting(on_behalf_of(actor)):
        async with engine.connect() as held:
            await note_on(await driver(held), action, about, result, detail)


async def note_on(
    connection: asyncpg.Connection, action: str, about: str, result: str, detail: Mapping[str, Any] | None = None
) -> int:
    """Append one row on behalf of whoever the connection acts for; its number."""
    return int(await connection.fetchval(
        "select public.audit_note($1, $2, $3, $4)",
        action, about[:200], result, json.dumps(dict(detail or {}), sort_keys=True, ensure_ascii=False),
    ))  # fmt: skip


async def note_refusal(engine: AsyncEngine, actor: str, action: str, about: str, code: str) -> None:
    """Append that somebody was refused something. A NUL, which the database has no room for, is spelled out."""
    await note(engine, actor, action, about.replace("\0", "\\0"), "refused", {"code": code})


async def page(
    connection: asyncpg.Connection, after: int, limit: int, *, actor: str | None = None, object_: str | None = None
) -> list[dict[str, Any]]:
    """Return rows in order of their numbers, `detail` as the text that the digest covers."""
    rows = await connection.fetch(
        f"""select {_COLUMNS} from audit where seq > $1 and ($2::text is null or actor = $2)
            and ($3::text is null or object = $3) order by seq limit $4""",
        after, actor, object_, limit,
    )  # fmt: skip
    return [_shown(row) for row in rows]


async def latest(
    connection: asyncpg.Connection, before: int | None, limit: int, *, actor: str | None, object_: str | None,
    since: date | None = None, until: date | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return rows, the newest first, from before a number; of the days `since` to `until` (Asia/Shanghai)."""
    rows = await connection.fetch(
        f"""select {_COLUMNS} from audit where ($1::bigint is null or seq < $1) and ($2::text is null or actor = $2)
            and ($3::text is null or object = $3)
            and ($5::date is null or at >= $5::timestamp at time zone 'Asia/Shanghai')
            and ($6::date is null or at < ($6 + 1)::timestamp at time zone 'Asia/Shanghai')
            order by seq desc limit $4""",
        before, actor, object_, limit, since, until,
    )  # fmt: skip
    return [_shown(row) for row in rows]


async def export(engine: AsyncEngine) -> AsyncIterator[bytes]:
    """Yield all rows as NDJSON, oldest first; no connection is held while its reader takes time."""
    after = 0
    while rows := await _rows_after(engine, after):
        yield b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
        after = rows[-1]["seq"]


async def _rows_after(engine: AsyncEngine, after: int) -> list[dict[str, Any]]:
    async with engine.connect() as held:
        return await page(await driver(held), after, _PAGE)


def digest_after(previous: str, row: Mapping[str, Any]) -> str:
    """Return the digest of a row (as shown) that follows the row with the digest `previous` ("" for the first)."""
    said = [
        previous, row["seq"], row["at"], row["actor"], row["action"], row["object"], row["result"], row["before"],
        row["after"], row["detail"],
    ]  # fmt: skip
    return "sha256:" + hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()


def _shown(row: asyncpg.Record) -> dict[str, Any]:
    return {**dict(row), "at": row["at"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
